// expect: weir: a key owns its value
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by([](const std::string& line) { return std::string_view{line}; })
      .count("counts")
      .sink("out", nowhere{});
}
