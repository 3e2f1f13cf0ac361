// expect: weir: the function given to split must be callable const with this stream's record, and return the index
void compose(weir::job& job) {
  auto [a, b] = job.source("lines", lines{}).split("halves", [](const std::string& line) { return line; });
  a.sink("a", nowhere{});
  b.sink("b", nowhere{});
}
