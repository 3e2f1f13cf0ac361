// expect: weir: throttle doesn't keep keys; call it before key_by
void compose(weir::job& job) {
  job.source("lines", lines{}).key_by().throttle("slow", 100).sink("out", nowhere{});
}
