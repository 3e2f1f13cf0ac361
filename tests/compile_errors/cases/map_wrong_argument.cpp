// expect: weir: the function given to map can't be called with this stream's record
void compose(weir::job& job) {
  job.source("lines", lines{})
      .map("twice", [](int i) { return 2 * i; }, {.parallelism = 2})
      .key_by(std::identity{})
      .count("counts")
      .sink("out", nowhere{}, {.parallelism = 1});
}
