// expect: weir: the predicate given to filter must return a bool
void compose(weir::job& job) {
  job.source("lines", lines{})
      .filter("some", [](const std::string& line) { return std::vector<int>(line.size()); })
      .sink("out", nowhere{});
}
