// expect: weir: map doesn't keep keys
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by()
      .map("sizes", [](const std::string& line) { return line.size(); })
      .sink("out", nowhere{});
}
