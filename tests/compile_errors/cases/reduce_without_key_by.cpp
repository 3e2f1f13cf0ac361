// expect: weir: reduce needs a keyed stream; call key_by first
void compose(weir::job& job) {
  job.source("lines", lines{})
      .reduce("longest", [](std::string a, const std::string& b) { return a.size() < b.size() ? b : a; })
      .sink("out", nowhere{});
}
