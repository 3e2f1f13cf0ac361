// expect: weir: the struct state can't be stored
struct remembering {
  struct state {
    unstorable last;
  };
  void process(const std::string&, state&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("remember", remembering{}).sink("out", nowhere{});
}
