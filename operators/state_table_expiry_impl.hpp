// What state_table does with times: refreshing, forgetting and cleaning.
#pragma once

#include "state_table.hpp"

namespace weir::inline v0 {

// Must come before every change of a value in a table with a time to live. What has expired begins anew.
template <key_type K, serializable V>
void state_table<K, V>::before_timed_write(std::uint32_t at, std::uint32_t number) {
  group& in = groups_[at];
  const bool dead = is_dead(in.stamp(number));
  const bool begins = dead || clock_.is_expired(in.time(number));
  if constexpr (std::derived_from<V, detail::settling_state>)
    if (!begins && !clock_.reads_refresh() && std::as_const(in.at(number).value).is_settled())
      return;
  if (tracking_)
    before_write(at, number, epoch_); // which saves what was there at the mark, and its time
  if (begins) {
    if (!dead) {
      in.at(number).value = V{};
      tell_expired(in.at(number).key, SIZE_MAX);
    }
    in.set_time(number, clock_.access());
  } else if (clock_.known(in.time(number)) < clock_.access()) {
    in.set_time(number, clock_.access());
  }
}

template <key_type K, serializable V>
void state_table<K, V>::append_entry(byte_buffer& out, const group& in, std::uint32_t number) const {
  const auto& entry = in.at(number);
  if constexpr (format::kind == entry_kind::value)
    if (const stored_time time = timed_ ? clock_.known(in.time(number)) : no_stored_time; time != no_stored_time)
      return append_timed_value_entry(out, time, entry.key, entry.value);
  format::append(out, entry.key, entry.value);
}

template <key_type K, serializable V>
bool state_table<K, V>::clean(std::size_t budget) {
  constexpr std::size_t looks_per_erasure = 3;
  if (!timed_)
    return true;
  for (; clean_group_ < groups_.size(); ++clean_group_, clean_ = 0) {
    group& in = groups_[clean_group_];
    for (; clean_ != in.size(); ++clean_) {
      if (budget == 0)
        return false;
      --budget;
      if (!clock_.is_expired(in.time(clean_)) || (in.stamp(clean_) & (stamps::dead | stamps::free)) != 0)
        continue;
      const std::size_t most = budget / looks_per_erasure + 1;
      const std::size_t freed = tell_expired(in.at(clean_).key, most);
      budget -= std::min(budget, freed * looks_per_erasure);
      if (freed == most)
        return false; // perhaps there is more; nobody sees what is left
      erase_at(clean_group_, clean_, group::tag_of(format::hash(in.at(clean_).key, arithmetic_)));
      budget -= std::min(budget, looks_per_erasure);
    }
  }
  clean_group_ = 0;
  return true;
}

} // namespace weir::inline v0
