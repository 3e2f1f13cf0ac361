// expect: a map_state or list_state can only be a member of the struct state itself
struct counting {
  struct state {
    std::vector<weir::map_state<std::string, int>> counts;
    WEIR_FIELDS(counts)
  };
  void process(const std::string&, state&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("count", counting{}).sink("out", nowhere{});
}
