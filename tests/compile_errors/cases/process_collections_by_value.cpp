// expect: weir: on a keyed stream, process takes (const T& record, state& if there is a struct state
struct remembering {
  struct state {
    weir::list_state<int> sizes;
    WEIR_FIELDS(sizes)
  };
  void process(const std::string&, state s, weir::keyed_context<std::string>&, weir::collector<int>&) const {
    s.sizes.push_back(1);
  }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("remember", remembering{}).sink("out", nowhere{});
}
