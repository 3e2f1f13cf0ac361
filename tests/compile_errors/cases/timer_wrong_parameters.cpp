// expect: weir: on_timer takes (weir::processing_time at, state& if there is a struct state,
struct silence {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const std::string&, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    ++s.seen;
    ctx.set_timer(ctx.now());
  }
  void on_timer(weir::processing_time, weir::keyed_context<std::string>&, weir::collector<int>& out) const { out(1); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("silence", silence{}).sink("out", nowhere{});
}
