// expect: weir: top_k needs a function or pointer to a member that gives what records are ranked by
void compose(weir::job& job) {
  job.source("lines", lines{}).top_k("longest", 3, [](int n) { return n; }).sink("out", nowhere{});
}
