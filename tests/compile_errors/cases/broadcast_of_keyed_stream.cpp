// expect: weir: connect_broadcast needs an un-keyed stream, which is sent to every subtask
struct score {};

void compose(weir::job& job) {
  auto rules = job.source("rules", lines{}).key_by();
  job.source("lines", lines{}).connect_broadcast(rules).process("score", score{}).sink("out", nowhere{});
}
