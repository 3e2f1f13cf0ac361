// expect: weir: on_timer needs a keyed stream; call key_by first
struct silence {
  void process(const std::string&, weir::context&, weir::collector<int>& out) const { out(1); }
  void on_timer(weir::processing_time, weir::context&, weir::collector<int>& out) const { out(1); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("silence", silence{}).sink("out", nowhere{});
}
