// Operator state: a few named items, such as splits and their positions, that are dealt out among the subtasks.
#pragma once

#include "../persistence/archive.hpp"
#include "../persistence/schema.hpp"
#include "any_state_table.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Items under distinct names, in the order of their names. Every snapshot of changed state is a base of all items,
/// encoded at `mark`. After a change of parallelism every subtask loads the chunks of all, and keeps its share.
template <serializable T>
class list_state_table final : public any_state_table {
public:
  using items = std::map<std::string, T, std::less<>>;

  explicit list_state_table(std::string name) : any_state_table(std::move(name)) {}

  /// The item of this name, made if there is none, for writing now. Write to it again only through another call.
  T& put(std::string_view key) {
    changed_ = true;
    const auto place = items_.lower_bound(key);
    if (place != items_.end() && place->first == key)
      return place->second;
    return items_.emplace_hint(place, std::string{key}, T{})->second;
  }
  /// The item of this name for writing now, or null.
  [[nodiscard]] T* find_for_write(std::string_view key) {
    const auto place = items_.find(key);
    if (place == items_.end())
      return nullptr;
    changed_ = true;
    return &place->second;
  }
  [[nodiscard]] const T* find(std::string_view key) const {
    const auto place = items_.find(key);
    return place == items_.end() ? nullptr : &place->second;
  }
  /// True if there was such an item.
  bool erase(std::string_view key) {
    const auto place = items_.find(key);
    if (place == items_.end())
      return false;
    changed_ = true;
    items_.erase(place);
    return true;
  }
  /// Pairs of name and item, sorted by name.
  [[nodiscard]] typename items::const_iterator begin() const { return items_.begin(); }
  [[nodiscard]] typename items::const_iterator end() const { return items_.end(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }

  /// After all chunks of all subtasks were loaded: keeps the items whose place in the order of names, modulo
  /// `parallelism`, is `index`.
  void keep_share(subtask_index index, std::uint32_t parallelism) {
    std::uint64_t ordinal = 0;
    for (auto place = items_.begin(); place != items_.end(); ++ordinal)
      place = ordinal % parallelism == index.value ? std::next(place) : items_.erase(place);
    changed_ = true;
  }

  /// Before use: its items are one a subtask, and can't be dealt out among another number.
  void keep_parallelism() { keeps_parallelism_ = true; }

  [[nodiscard]] distribution distributed_by() const override { return distribution::list; }
  [[nodiscard]] bool keeps_parallelism() const override { return keeps_parallelism_; }
  [[nodiscard]] std::string schema_json() const override {
    return to_json(table_schema{schema_of<std::string>(), schema_of<T>()});
  }
  void configure(key_group_range, std::uint32_t, bool) override {}

  void mark() override {
    if (open_)
      throw_wrong_use("no open snapshot", "one that is not encoded yet");
    open_ = true;
    if (!changed_since_mark())
      return;
    changed_ = base_required_ = false;
    chunk_writer writer{snapshot_kind::base, distribution::list};
    for (const auto& [key, item] : items_) {
      append_value_entry(writer.body(), key, item);
      writer.entry_added();
      if (writer.full())
        encoded_.push_back(writer.finish());
    }
    if (!writer.empty() || encoded_.empty())
      encoded_.push_back(writer.finish());
  }
  [[nodiscard]] snapshot_kind open_kind() const override { return snapshot_kind::base; }
  bool encode(std::size_t, std::vector<encoded_chunk>& out) override {
    if (!open_)
      throw_wrong_use("an open snapshot", "none");
    for (encoded_chunk& chunk : encoded_)
      out.push_back(std::move(chunk));
    encoded_.clear();
    open_ = false;
    return true;
  }
  [[nodiscard]] bool snapshot_open() const override { return open_; }
  [[nodiscard]] bool changed_since_mark() const override { return changed_ || base_required_; }
  void require_base() override { base_required_ = true; }

  void load(std::span<const std::byte> chunk_bytes) override {
    chunk_reader reader{chunk_bytes};
    if (reader.distributed_by() != distribution::list)
      throw_damaged("a list", "entries by key group");
    chunk_entry entry;
    while (reader.next(entry)) {
      if (entry.kind != entry_kind::value || entry.tombstone)
        throw_damaged("items of a list", "an entry of another kind");
      auto key = from_bytes<std::string>(entry.key);
      T item{};
      input_archive archive{entry.value, stored_class_versions()};
      archive >> item;
      archive.expect_end();
      const auto [place, is_new] = items_.emplace(std::move(key), std::move(item));
      if (!is_new)
        throw_damaged("items of distinct names among all subtasks", "\"" + place->first + "\" twice");
    }
    changed_ = true;
  }
  void clear() override {
    items_.clear();
    encoded_.clear();
    open_ = false;
    changed_ = false;
    base_required_ = false;
  }
  [[nodiscard]] std::uint64_t entry_count() const override { return items_.size(); }

private:
  items items_;
  std::vector<encoded_chunk> encoded_;
  bool keeps_parallelism_ = false;
  bool open_ = false;
  bool changed_ = false;
  bool base_required_ = false;
};

} // namespace weir::inline v0
