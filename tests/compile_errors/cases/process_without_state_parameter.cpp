// expect: weir: on a keyed stream, process takes
struct counting {
  struct state {
    int n = 0;
    WEIR_FIELDS(n)
  };
  void process(const std::string&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().process("count", counting{}).sink("out", nowhere{});
}
