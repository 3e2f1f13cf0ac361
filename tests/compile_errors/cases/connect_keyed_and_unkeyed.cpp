// expect: weir: connect needs two keyed streams, or two un-keyed ones
void compose(weir::job& job) {
  auto all = job.source("lines", lines{});
  all.key_by().connect(all).process("both", 0).sink("out", nowhere{});
}
