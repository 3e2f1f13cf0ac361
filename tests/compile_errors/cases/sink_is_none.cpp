// expect: weir: sink needs a sink such as
void compose(weir::job& job) {
  job.source("lines", lines{}).sink("out", 42);
}
