// expect: weir: a list can be dealt out, a set or map can't: their elements may be those of several subtasks
struct gathering {
  struct state {
    std::set<int> all;
    WEIR_FIELDS(all)
  };
  void restore(state& own, const weir::restored_states<state>& stored) const { own.all = stored.dealt(&state::all); }
  void process(const std::string&, state& s, weir::context&, weir::collector<int>&) const { s.all.insert(1); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("gather", gathering{}).sink("out", nowhere{});
}
