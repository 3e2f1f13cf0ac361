// What in-flight batches of all record types have in common: names, order, and who takes which after a restore.
#include "in_flight_table.hpp"

#include "../persistence/key_groups.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace weir::inline v0 {

any_in_flight_table::any_in_flight_table(std::string name) : any_state_table(std::move(name)) {}

any_in_flight_table::~any_in_flight_table() = default;

void any_in_flight_table::written_for(std::uint32_t receivers, std::optional<subtask_index> sender) {
  receivers_ = receivers;
  sender_ = sender;
}

void any_in_flight_table::mark() {
  if (open_)
    throw_wrong_use("no open snapshot", "one that is not encoded yet");
  open_ = true;
  closed_ = false;
  items_ = 0;
}

void any_in_flight_table::record(subtask_index receiver, batch_ptr batch, std::size_t from) {
  if (!open_ || closed_)
    throw_wrong_use("an open snapshot that takes batches", "none");
  if (from < batch->size())
    recorded_.push_back({receiver, std::move(batch), from});
}

bool any_in_flight_table::encode(std::size_t max_records, std::vector<encoded_chunk>& out) {
  if (!open_)
    throw_wrong_use("an open snapshot", "none");
  std::size_t left = std::max<std::size_t>(max_records, 1);
  while (left != 0 && !recorded_.empty()) {
    recorded_batch& next = recorded_.front();
    const std::size_t to = std::min(next.batch->size(), next.from + left);
    append(writer_.body(), item_name(next.receiver), *next.batch, next.from, to);
    writer_.entry_added();
    ++items_;
    left -= to - next.from;
    next.from = to;
    if (to == next.batch->size())
      recorded_.pop_front();
    if (writer_.full())
      out.push_back(writer_.finish());
  }
  if (!closed_ || !recorded_.empty())
    return false;
  if (!writer_.empty())
    out.push_back(writer_.finish());
  open_ = false;
  return true;
}

void any_in_flight_table::load(std::span<const std::byte> chunk_bytes) {
  chunk_reader reader{chunk_bytes};
  if (reader.distributed_by() != distribution::list)
    throw_damaged("a list", "entries by key group");
  chunk_entry entry;
  while (reader.next(entry)) {
    if (entry.kind != entry_kind::value || entry.tombstone)
      throw_damaged("items of a list", "an entry of another kind");
    const item_place place = place_of(from_bytes<std::string>(entry.key));
    // Key groups lie as they did if as many subtasks have them: what is not ours need not be decoded.
    if (place.parallelism == share_.parallelism && place.receiver != share_.index)
      continue;
    batch_ptr batch = decode(entry.value);
    const auto fits = [&](std::size_t n) { return n == 0 || n == batch->size(); };
    if (!fits(batch->times.size()) || !fits(batch->hashes.size()))
      throw_damaged("a time and a hash for each record, or for none", "another number of them");
    if (batch->size() != 0)
      keep(std::move(batch), place);
  }
}

void any_in_flight_table::keep(batch_ptr batch, const item_place& place) {
  if (batch->hashes.empty()) {
    if (share_.keyed)
      throw_damaged("hashes of the records' keys", "none");
    const bool same = place.parallelism == share_.parallelism; // then it is ours
    if (same || (place.receiver.value + place.number) % share_.parallelism == share_.index.value)
      loaded_.push_back(std::move(batch));
    return;
  }
  const weir::key_groups groups{share_.max_parallelism};
  const auto ours = [&](std::size_t i) { return share_.key_groups.contains(groups.of(batch->hashes[i])); };
  const std::size_t size = batch->size();
  std::size_t from = 0;
  batch_ptr part;
  while (from != size) {
    std::size_t to = from;
    while (to != size && ours(to))
      ++to;
    if (from == 0 && to == size) {
      loaded_.push_back(std::move(batch));
      return;
    }
    if (to != from) {
      if (!part)
        part = batch->type().make_batch(size);
      part->append_copy(*batch, from, to);
    }
    while (to != size && !ours(to))
      ++to;
    from = to;
  }
  if (part)
    loaded_.push_back(std::move(part));
}

void any_in_flight_table::clear() {
  recorded_.clear();
  loaded_.clear();
  writer_ = chunk_writer{snapshot_kind::base, distribution::list};
  items_ = 0;
  open_ = closed_ = false;
}

std::string any_in_flight_table::item_name(subtask_index receiver) const {
  char text[64];
  if (sender_)
    std::snprintf(text, sizeof text, "%05uof%05u/%05u/%010llu", receiver.value, receivers_, sender_->value,
                  static_cast<unsigned long long>(items_));
  else
    std::snprintf(text, sizeof text, "%05uof%05u/%010llu", receiver.value, receivers_,
                  static_cast<unsigned long long>(items_));
  return text;
}

any_in_flight_table::item_place any_in_flight_table::place_of(const std::string& item) const {
  const std::string_view text{item};
  const auto number = [](std::string_view digits, auto& into) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return fault == std::errc{} && end == digits.data() + digits.size();
  };
  item_place place;
  const std::size_t of = text.find("of");
  const std::size_t slash = text.find('/');
  const std::size_t last = text.rfind('/');
  if (of == text.npos || slash == text.npos || of > slash || !number(text.substr(0, of), place.receiver.value) ||
      !number(text.substr(of + 2, slash - of - 2), place.parallelism) || !number(text.substr(last + 1), place.number) ||
      place.receiver.value >= place.parallelism)
    throw_damaged("a name such as \"00001of00003/0000000012\"", '"' + item + '"');
  return place;
}

} // namespace weir::inline v0
