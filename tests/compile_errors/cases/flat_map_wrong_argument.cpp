// expect: weir: the function given to flat_map can't be called with this stream's record
void compose(weir::job& job) {
  job.source("lines", lines{}).flat_map("words", [](int, weir::collector<int>&) {}).sink("out", nowhere{});
}
