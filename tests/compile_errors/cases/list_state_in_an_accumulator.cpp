// expect: a map_state or list_state can only be in the state of a process
struct all {
  struct accumulator {
    weir::list_state<std::string> lines;
    WEIR_FIELDS(lines)
  };
  void add(accumulator&, const std::string&) const {}
  int result(const accumulator&) const { return 0; }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().aggregate("all", all{}).sink("out", nowhere{});
}
