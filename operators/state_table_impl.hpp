// The bodies of state_table's longer functions.
#pragma once

#include "state_table.hpp"

namespace weir::inline v0 {

template <key_type K, serializable V>
template <detail::table_access How, class KeyOf, class Fn>
std::size_t state_table<K, V>::stream(const std::uint64_t* hashes, std::size_t from, std::size_t to, KeyOf& key_of,
                                      Fn& fn, [[maybe_unused]] const event_time* times) {
  // Three stages run at once: fetch the slot of one record, read that of a nearer one and fetch its entry, use the
  // entry of this one. The rings hold what a stage found out for the next.
  std::uint32_t group_ring[slots_ahead];
  std::uint32_t number_ring[entries_ahead];
  const auto fetch_slot = [&](std::size_t i) {
    const std::uint32_t at = offset_of(hashes[i]);
    group_ring[i % slots_ahead] = at;
    groups_[at].prefetch_slot(group::tag_of(hashes[i]));
  };
  const auto fetch_entry = [&](std::size_t i) {
    const group& in = groups_[group_ring[i % slots_ahead]];
    const std::uint32_t likely = in.prefetch_entry(group::tag_of(hashes[i]));
    if constexpr (How == access::timed)
      if (likely != group::none)
        in.prefetch_time(likely);
    number_ring[i % entries_ahead] = likely;
  };
  for (std::size_t i = from; i != std::min(from + slots_ahead, to); ++i)
    fetch_slot(i);
  for (std::size_t i = from; i != std::min(from + entries_ahead, to); ++i)
    fetch_entry(i);

  [[maybe_unused]] const std::uint8_t epoch = epoch_;
  for (std::size_t i = from; i != to; ++i) {
    const std::uint32_t at = group_ring[i % slots_ahead];
    const std::uint32_t likely = number_ring[i % entries_ahead];
    if (to - i > entries_ahead)
      fetch_entry(i + entries_ahead);
    if (to - i > slots_ahead)
      fetch_slot(i + slots_ahead);
    group& in = groups_[at];
    decltype(auto) key = key_of(i);
    typename group::entry* found = nullptr;
    if constexpr (How == access::timed)
      if (times != nullptr)
        clock_.set_access(detail::stored_time_of(times[i]));
    if (likely != group::none && in.at(likely).key == key) [[likely]] {
      before_write_as<How>(at, likely, epoch);
      found = &in.at(likely);
    } else {
      found = &touch_at<How>(at, hashes[i], key);
    }
    if (!fn(i, std::as_const(found->key), found->value))
      return i + 1;
  }
  return to;
}

template <key_type K, serializable V>
template <class Query>
std::uint32_t state_table<K, V>::insert(group& in, std::uint32_t tag, const Query& key) {
  const std::uint32_t number = in.insert(tag, key);
  ++live_;
  never_used_ = false;
  if (tracking_)
    list_as_changed(in, number);
  if (timed_)
    in.set_time(number, clock_.access());
  return number;
}

template <key_type K, serializable V>
void state_table<K, V>::list_as_changed(group& in, std::uint32_t number) {
  std::uint8_t& stamp = in.stamp(number);
  changed_ = true;
  if ((stamp & stamps::epoch_bits) == epoch_)
    return; // a key that was new in this epoch and is gone already had this place, and the list still names it
  stamp = static_cast<std::uint8_t>((stamp & ~stamps::epoch_bits) | epoch_);
  in.dirty.push_back(number);
}

template <key_type K, serializable V>
void state_table<K, V>::first_write(std::uint32_t at, std::uint32_t number) {
  group& in = groups_[at];
  save_if_pending(at, number);
  list_as_changed(in, number);
  if (is_dead(in.stamp(number))) {
    in.stamp(number) = static_cast<std::uint8_t>(in.stamp(number) & ~stamps::dead);
    ++live_;
  }
}

// In blocks: to let a large one grow, or to free it at once, would be a pause.
template <key_type K, serializable V>
byte_buffer& state_table<K, V>::room_to_save(group& in) {
  if (in.saved.empty() || in.saved.back().size() >= saved_block_bytes)
    in.saved.emplace_back();
  return in.saved.back();
}

// Encodes what the open snapshot has not encoded yet of this entry, which is about to change.
template <key_type K, serializable V>
void state_table<K, V>::save_if_pending(std::uint32_t at, std::uint32_t number) {
  group& in = groups_[at];
  std::uint8_t& stamp = in.stamp(number);
  const unsigned listed_in = stamp & stamps::epoch_bits;
  if (!writer_ || listed_in == epoch_)
    return;
  const bool pending =
      kind_ == snapshot_kind::base ? at > cursor_group_ || (at == cursor_group_ && number >= cursor_) : listed_in != 0;
  if (!pending)
    return;
  if (was_there(in, number)) {
    append_entry(room_to_save(in), in, number);
    stamp |= stamps::known;
    return;
  }
  if (kind_ == snapshot_kind::delta && (stamp & stamps::known) != 0)
    format::append_tombstone(room_to_save(in), in.at(number).key);
  stamp = static_cast<std::uint8_t>(stamp & ~stamps::known);
}

template <key_type K, serializable V>
template <class Query>
bool state_table<K, V>::erase(std::uint64_t hash, const Query& key) {
  const std::uint32_t at = offset_of(hash);
  group& in = groups_[at];
  const std::uint32_t number = in.find(group::tag_of(hash), key);
  if (number == group::none || is_dead(in.stamp(number)))
    return false;
  const bool expired = timed_ && clock_.is_expired(in.time(number));
  erase_at(at, number, group::tag_of(hash));
  return !expired;
}

template <key_type K, serializable V>
void state_table<K, V>::erase_at(std::uint32_t at, std::uint32_t number, std::uint32_t tag) {
  group& in = groups_[at];
  if (tracking_)
    save_if_pending(at, number);
  --live_;
  if ((in.stamp(number) & stamps::known) == 0) {
    in.remove(tag, number);
  } else {
    list_as_changed(in, number);
    in.stamp(number) |= stamps::dead;
    in.at(number).value = V{};
  }
}

template <key_type K, serializable V>
void state_table<K, V>::mark() {
  if (!tracking_)
    throw_wrong_use("to be configured for snapshots", "a snapshot of a table that is not");
  if (writer_)
    throw_wrong_use("no open snapshot", "one that is not encoded yet");
  kind_ = chain_.next_kind();
  chain_.opened(kind_);
  clock_.mark();
  writer_.emplace(kind_, distribution::by_key_group, chunk_bytes_,
                  timed_ ? std::optional{clock_.told()} : std::nullopt);
  open_chunks_ = 0;
  cursor_group_ = 0;
  cursor_ = 0;
  cursor_saved_ = 0;
  epoch_ = static_cast<std::uint8_t>(3 - epoch_);
  changed_ = false;
  for (group& in : groups_) {
    in.dirty.swap(in.frozen); // the frozen list of the snapshot before is empty
    in.limit = in.size();
    if (kind_ == snapshot_kind::base)
      in.frozen.clear();
  }
}

template <key_type K, serializable V>
bool state_table<K, V>::encode(std::size_t max_entries, std::vector<encoded_chunk>& out) {
  if (!writer_)
    throw_wrong_use("an open snapshot", "none");
  const std::size_t before = out.size();
  bool whole = true;
  for (; cursor_group_ != groups_.size(); ++cursor_group_, cursor_ = 0, cursor_saved_ = 0) {
    group& in = groups_[cursor_group_];
    const bool base = kind_ == snapshot_kind::base;
    const std::uint32_t end = base ? in.limit : static_cast<std::uint32_t>(in.frozen.size());
    if (cursor_ == 0)
      writer_->begin_group(key_group{owned_.first + cursor_group_});
    while (cursor_ != end && max_entries != 0) {
      const std::size_t had = writer_->bytes();
      if (!base && end - cursor_ > entries_ahead) // they are in the order of their changes, which is anywhere
        in.prefetch_numbered(in.frozen[cursor_ + entries_ahead]);
      encode_entry(in, base ? cursor_ : in.frozen[cursor_]);
      ++cursor_;
      max_entries -= std::min(max_entries, 1 + (writer_->bytes() - had) / bytes_for_an_entry);
      if (writer_->full())
        out.push_back(writer_->finish());
    }
    whole = cursor_ == end && finish_group(in, max_entries, out);
    if (!whole)
      break;
  }
  const bool none_yet = open_chunks_ == 0 && out.size() == before;
  if (whole && (!writer_->empty() || (none_yet && (kind_ == snapshot_kind::base || clock_.moved_before_mark()))))
    out.push_back(writer_->finish(key_group{owned_.first}));
  for (std::size_t i = before; i != out.size(); ++i)
    chain_.added(kind_, out[i].bytes.size());
  open_chunks_ += out.size() - before;
  if (whole) {
    if (open_chunks_ != 0)
      chain_.closed(kind_);
    writer_.reset();
  }
  return whole;
}

template <key_type K, serializable V>
void state_table<K, V>::encode_entry(group& in, std::uint32_t number) {
  std::uint8_t& stamp = in.stamp(number);
  if ((stamp & stamps::epoch_bits) == epoch_)
    return; // new since the mark, or saved when it changed
  if ((stamp & stamps::free) != 0) {
    stamp = stamps::free;
    return;
  }
  const auto& entry = in.at(number);
  byte_buffer& body = writer_->body();
  if (was_there(in, number)) {
    append_entry(body, in, number);
    writer_->entry_added();
    stamp = stamps::known;
    return;
  }
  if (kind_ == snapshot_kind::delta && (stamp & stamps::known) != 0) {
    format::append_tombstone(body, entry.key);
    writer_->entry_added();
  }
  if (!is_dead(stamp))
    --live_; // expired
  in.remove(group::tag_of(format::hash(entry.key, arithmetic_)), number);
  stamp = stamps::free;
}

// Adds what was saved of the group while it was encoded; false if the slice is over before that is whole. Nothing is
// saved in the meantime: no entry of this group is pending.
template <key_type K, serializable V>
bool state_table<K, V>::finish_group(group& in, std::size_t& max_entries, std::vector<encoded_chunk>& out) {
  while (!in.saved.empty()) {
    const std::span<const std::byte> left = in.saved.front().bytes().subspan(cursor_saved_);
    const std::size_t taken = writer_->add_encoded(left, max_entries * bytes_for_an_entry, out);
    max_entries -= std::min(max_entries, 1 + taken / bytes_for_an_entry);
    if (taken != left.size()) {
      cursor_saved_ += taken;
      return false;
    }
    in.saved.erase(in.saved.begin());
    cursor_saved_ = 0;
  }
  in.frozen.clear();
  return true;
}

template <key_type K, serializable V>
void state_table<K, V>::load(std::span<const std::byte> chunk_bytes) {
  if (writer_ || groups_.empty())
    throw_wrong_use("to be loaded after it is configured and while no snapshot is open", "another moment");
  chunk_reader reader{chunk_bytes, owned_};
  if (reader.distributed_by() != distribution::by_key_group)
    throw_damaged("entries by key group", "a list");
  if (reader.last().value >= arithmetic_.count())
    throw_damaged("key groups below the max parallelism of " + std::to_string(arithmetic_.count()),
                  "key group " + to_string(reader.last()) + " (was it stored with another max parallelism?)");
  clock_.loaded(reader.clock());
  chunk_entry stored;
  while (reader.next(stored)) {
    if (stored.kind != format::kind)
      throw_damaged(format::expected, "an entry of another kind");
    const K key = format::key_of(stored, stored_class_versions());
    const std::uint64_t hash = format::hash(key, arithmetic_);
    if (arithmetic_.of(hash) != reader.group())
      throw_damaged("keys of key group " + to_string(reader.group()),
                    "one of key group " + to_string(arithmetic_.of(hash)) +
                        " (was it stored with another max parallelism?)");
    group& in = groups_[reader.group().value - owned_.first];
    if (in.size() == 0) // no more memory than twice the bytes: the count may be crafted
      in.reserve(1 + std::min<std::size_t>(reader.left_in_group(),
                                           2 * reader.bytes_left_in_group() / sizeof(typename group::entry)));
    std::uint32_t number = in.find(group::tag_of(hash), key);
    const stored_time time = stored.time.value_or(no_stored_time);
    if (stored.tombstone || (timed_ && !expired_ && clock_.is_expired(time))) {
      if (number != group::none) {
        in.remove(group::tag_of(hash), number);
        --live_;
      }
      continue;
    }
    if (number == group::none) {
      number = in.insert(group::tag_of(hash), key);
      ++live_;
    } else {
      in.at(number).value = V{}; // nothing of the older value may show through
    }
    if (timed_)
      in.set_time(number, time);
    input_archive values{stored.value, stored_class_versions()};
    values >> in.at(number).value;
    values.expect_end();
  }
  never_used_ = false;
  chain_.require_base();
}

template <key_type K, serializable V>
void state_table<K, V>::clear() {
  for (group& in : groups_)
    in.reset();
  live_ = 0;
  epoch_ = 1;
  changed_ = false;
  never_used_ = true;
  chain_ = {};
  writer_.reset();
  clock_.reset();
  clean_group_ = 0;
  clean_ = 0;
}

} // namespace weir::inline v0
