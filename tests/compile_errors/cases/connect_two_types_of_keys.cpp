// expect: weir: connect needs two streams with the same type of key
void compose(weir::job& job) {
  auto all = job.source("lines", lines{});
  auto by_size = all.key_by([](const std::string& line) { return line.size(); });
  all.key_by().connect(by_size).process("both", 0).sink("out", nowhere{});
}
