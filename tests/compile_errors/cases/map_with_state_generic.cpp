// expect: weir: the state of a generic or overloaded function can't be told; say it, as in map_with_state<State>
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by()
      .map_with_state("numbers", [](const auto&, auto& state) { return ++state.count; })
      .sink("out", nowhere{});
}
