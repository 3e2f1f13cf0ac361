// expect: weir: a keyed stream needs a keyed operator
void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().sink("out", nowhere{});
}
