// expect: weir: the member function `process` must be const
struct counting {
  int n = 0;
  void process(const std::string&, weir::context&, weir::collector<int>& out) { out(++n); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("count", counting{}).sink("out", nowhere{});
}
