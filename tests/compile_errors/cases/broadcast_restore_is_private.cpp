// expect: weir: merge takes (state& into, const state& from), restore takes (state& own, const
class score {
public:
  struct state {
    int n = 0;
    WEIR_FIELDS(n)
  };
  struct broadcast_state {
    int limit = 0;
    WEIR_FIELDS(limit)
  };
  void process(const std::string&, state&, const broadcast_state&, weir::context&, weir::collector<int>&) const {}
  void process_broadcast(const std::string&, broadcast_state&, weir::context&, weir::collector<int>&) const {}

private:
  void restore(state& own, const weir::restored_states<state>& stored) const { own = *stored.begin(); }
};

void compose(weir::job& job) {
  auto rules = job.source("rules", lines{});
  job.source("lines", lines{}).connect_broadcast(rules).process("score", score{}).sink("out", nowhere{});
}
