// expect: weir: the function given to reduce must be callable const with
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by()
      .reduce("longest", [](const std::string& a) { return a; })
      .sink("out", nowhere{});
}
