// expect: weir: the function given to map returns nothing
void compose(weir::job& job) {
  job.source("lines", lines{}).map("nothing", [](const std::string&) {}).sink("out", nowhere{});
}
