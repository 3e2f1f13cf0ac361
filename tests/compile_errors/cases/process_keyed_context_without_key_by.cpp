// expect: for a keyed_context, call key_by first
struct echo {
  void process(const std::string&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("echo", echo{}).sink("out", nowhere{});
}
