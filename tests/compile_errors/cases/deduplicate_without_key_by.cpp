// expect: weir: deduplicate needs a keyed stream; call key_by first, or key_by() for whole records
void compose(weir::job& job) {
  job.source("lines", lines{}).deduplicate("once", {.parallelism = 2}).sink("out", nowhere{});
}
