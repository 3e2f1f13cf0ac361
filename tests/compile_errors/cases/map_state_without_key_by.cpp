// expect: weir: map_state and list_state are kept by key, and the state of an un-keyed process has none
struct counting {
  struct state {
    weir::map_state<std::string, int> counts;
    WEIR_FIELDS(counts)
  };
  void process(const std::string&, state&, weir::context&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("count", counting{}).sink("out", nowhere{});
}
