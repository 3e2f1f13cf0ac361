// expect: weir: union_with needs streams of one type
void compose(weir::job& job) {
  auto all = job.source("lines", lines{});
  auto sizes = all.map("sizes", [](const std::string& line) { return line.size(); });
  all.union_with(sizes).sink("out", nowhere{});
}
