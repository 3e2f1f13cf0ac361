// expect: weir: with a broadcast, process takes (const T& record, state& if there is a struct state, const
struct score {
  struct broadcast_state {
    int limit = 0;
    WEIR_FIELDS(limit)
  };
  void process(const std::string&, broadcast_state&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
  void process_broadcast(const std::string&, broadcast_state&, weir::context&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  auto rules = job.source("rules", lines{});
  job.source("lines", lines{}).key_by().connect_broadcast(rules).process("score", score{}).sink("out", nowhere{});
}
