// expect: weir: the function given to flat_map needs two parameters
void compose(weir::job& job) {
  job.source("lines", lines{}).flat_map("words", [](const std::string& line) { return line; }).sink("out", nowhere{});
}
