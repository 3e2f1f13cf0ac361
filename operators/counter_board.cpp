#include "counter_board.hpp"

namespace weir::inline v0 {

counter counter_board::find(std::string_view operator_name, std::string_view name) {
  const std::lock_guard lock{mutex_};
  auto& found = counters_[{std::string{operator_name}, std::string{name}}];
  if (!found)
    found = std::make_unique<std::atomic<std::uint64_t>>(0);
  return counter{*found};
}

std::vector<counter_value> counter_board::values() const {
  const std::lock_guard lock{mutex_};
  std::vector<counter_value> all;
  all.reserve(counters_.size());
  for (const auto& [key, value] : counters_)
    all.push_back({key.first, key.second, value->load(std::memory_order_relaxed)});
  return all;
}

} // namespace weir::inline v0
