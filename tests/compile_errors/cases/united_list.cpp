// expect: weir: sets can be united; a list would grow with every start
struct gathering {
  struct state {
    std::vector<int> all;
    WEIR_FIELDS(all)
  };
  void restore(state& own, const weir::restored_states<state>& stored) const { own.all = stored.united(&state::all); }
  void process(const std::string&, state& s, weir::context&, weir::collector<int>&) const { s.all.push_back(1); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("gather", gathering{}).sink("out", nowhere{});
}
