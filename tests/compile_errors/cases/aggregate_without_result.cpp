// expect: weir: the aggregator needs `R result(const accumulator&) const`
struct longest {
  struct accumulator {
    std::uint64_t length = 0;
    WEIR_FIELDS(length)
  };
  void add(accumulator& a, const std::string& line) const { a.length = std::max(a.length, line.size()); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().aggregate("longest", longest{}).sink("out", nowhere{});
}
