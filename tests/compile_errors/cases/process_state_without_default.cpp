// expect: weir: the struct state must be default constructible
struct remembering {
  struct state {
    explicit state(int) {}
    WEIR_FIELDS()
  };
  void process(const std::string&, state&, weir::context&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("remember", remembering{}).sink("out", nowhere{});
}
