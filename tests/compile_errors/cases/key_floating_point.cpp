// expect: weir: a key must not hold floating-point numbers
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by([](const std::string& line) { return static_cast<double>(line.size()); })
      .count("counts")
      .sink("out", nowhere{});
}
