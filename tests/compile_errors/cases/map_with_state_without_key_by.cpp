// expect: weir: map_with_state needs a keyed stream; call key_by first
struct seen {
  int count = 0;
  WEIR_FIELDS(count)
};

void compose(weir::job& job) {
  job.source("lines", lines{})
      .map_with_state("numbers", [](const std::string&, seen& s) { return ++s.count; })
      .sink("out", nowhere{});
}
