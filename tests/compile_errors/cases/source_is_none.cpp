// expect: weir: source needs a source such as
void compose(weir::job& job) {
  job.source("lines", "lines.txt").map("m", [](int i) { return i; }).sink("out", nowhere{});
}
