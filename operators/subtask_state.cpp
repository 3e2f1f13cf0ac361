#include "subtask_state.hpp"

#include <charconv>

namespace weir::inline v0 {

std::string remedy_for_parallelism(std::uint64_t stored) {
  return "keep {.parallelism = " + std::to_string(stored) +
         "}, or give its struct `void merge(state& into, const state& from) const` or `void restore(state& own, const "
         "weir::restored_states<state>& stored) const`";
}

namespace detail {

void throw_state_of_other_parallelism(const operator_identity& identity, std::size_t stored) {
  throw usage_error({"operator \"" + identity.name + '"',
                     "the state of " + std::to_string(identity.parallelism) + " subtasks",
                     "the state of " + std::to_string(stored), remedy_for_parallelism(stored)});
}

std::uint32_t stored_subtask(const operator_identity& identity, const std::string& item) {
  std::uint32_t index = 0;
  const char* last = item.data() + item.size();
  const auto [end, fault] = std::from_chars(item.data(), last, index);
  if (fault != std::errc{} || end != last)
    throw damaged_error({"operator \"" + identity.name + '"', "state under the index of a subtask", '"' + item + '"',
                         "go back to an earlier checkpoint"});
  return index;
}

} // namespace detail

} // namespace weir::inline v0
