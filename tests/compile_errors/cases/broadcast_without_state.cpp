// expect: weir: process on a broadcast needs a struct with a `struct broadcast_state` in it
struct score {
  void process(const std::string&, weir::context&, weir::collector<int>&) const {}
  void process_broadcast(const std::string&, weir::context&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  auto rules = job.source("rules", lines{});
  job.source("lines", lines{}).connect_broadcast(rules).process("score", score{}).sink("out", nowhere{});
}
