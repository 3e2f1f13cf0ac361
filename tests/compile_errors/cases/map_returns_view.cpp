// expect: weir: the function given to map returns a view or pointer
void compose(weir::job& job) {
  job.source("lines", lines{})
      .map("first", [](const std::string& line) { return std::string_view{line}.substr(0, 1); })
      .key_by()
      .count("counts")
      .sink("out", nowhere{});
}
