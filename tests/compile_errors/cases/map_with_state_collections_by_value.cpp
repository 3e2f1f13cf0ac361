// expect: weir: a function with state must be callable const with (const T& record, State& state)
struct sizes {
  weir::list_state<int> all;
  WEIR_FIELDS(all)
};

void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by()
      .map_with_state("remember",
                      [](const std::string&, sizes s) {
                        s.all.push_back(1);
                        return 1;
                      })
      .sink("out", nowhere{});
}
