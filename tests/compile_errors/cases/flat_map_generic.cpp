// expect: weir: flat_map can't tell what a generic or overloaded function emits
void compose(weir::job& job) {
  job.source("lines", lines{})
      .flat_map("words", [](const auto& line, auto& out) { out(line); })
      .key_by()
      .count("counts")
      .sink("out", nowhere{});
}
