// expect: weir: on_timer takes (weir::processing_time at, state& if there is a struct state,
struct silence {
  struct state {
    weir::list_state<int> sizes;
    WEIR_FIELDS(sizes)
  };
  void process(const std::string&, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    s.sizes.push_back(1);
    ctx.set_timer(ctx.now());
  }
  void on_timer(weir::processing_time, state s, weir::keyed_context<std::string>&, weir::collector<int>&) const {
    s.sizes.push_back(2);
  }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("silence", silence{}).sink("out", nowhere{});
}
