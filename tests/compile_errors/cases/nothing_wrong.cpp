// expect: nothing
void split(std::string_view line, weir::collector<std::string>& words) {
  words(line);
}

struct numbering {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const std::string& word, state& s, weir::keyed_context<std::string>& ctx,
               weir::collector<int>& out) const {
    out(++s.seen + static_cast<int>(word.size() + ctx.key().size()));
  }
};

void compose(weir::job& job) {
  auto words = job.source("lines", lines{}).flat_map("words", split, {.parallelism = 2});
  words.key_by().process("numbers", numbering{}).sink("numbers-out", nowhere{});
  words.flat_map<int>("sizes", [](const auto& word, auto& out) { out(static_cast<int>(word.size())); })
      .sink("sizes-out", nowhere{});
}
