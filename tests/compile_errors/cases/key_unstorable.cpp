// expect: weir: a key must be storable
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by([](const std::string&) { return unstorable{}; })
      .count("counts")
      .sink("out", nowhere{});
}
