// expect: weir: merge takes (state& into, const state& from), restore takes (state& own, const
struct counting {
  struct state {
    int n = 0;
    WEIR_FIELDS(n)
  };
  void merge(state into, const state& from) const { into.n += from.n; }
  void process(const std::string&, state& s, weir::context&, weir::collector<int>& out) const { out(++s.n); }
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("count", counting{}).sink("out", nowhere{});
}
