// expect: weir: count needs a keyed stream; call key_by first
void compose(weir::job& job) {
  job.source("lines", lines{}).count("counts", {.parallelism = 2}).sink("out", nowhere{});
}
