// expect: weir: the state must be default constructible and storable; write WEIR_FIELDS(member, ...) into its class
void compose(weir::job& job) {
  job.source("lines", lines{})
      .key_by()
      .map_with_state("numbers", [](const std::string&, unstorable&) { return 1; })
      .sink("out", nowhere{});
}
