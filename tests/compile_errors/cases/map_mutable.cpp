// expect: weir: the function given to map must be callable const
void compose(weir::job& job) {
  job.source("lines", lines{})
      .map("number", [n = 0](const std::string&) mutable { return ++n; })
      .sink("out", nowhere{});
}
