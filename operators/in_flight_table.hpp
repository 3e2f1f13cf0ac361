// Batches that a barrier has overtaken: part of a checkpoint, and worked off first after a restore.
#pragma once

#include "../persistence/archive.hpp"
#include "../persistence/fields.hpp"
#include "../persistence/schema.hpp"
#include "any_state_table.hpp"
#include "batch.hpp"
#include "graph.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A piece of a batch, as it is stored: `times` and `hashes` are empty, or have one element a record.
template <class T>
struct in_flight_records {
  std::vector<T> records;
  std::vector<event_time> times;
  std::vector<std::uint64_t> hashes;
  WEIR_FIELDS(records, times, hashes)
};

/// Which of the stored batches a subtask takes over.
struct in_flight_share {
  subtask_index index;
  std::uint32_t parallelism = 1;
  key_group_range key_groups{0, 128};
  std::uint32_t max_parallelism = 128;
  bool keyed = false; ///< the subtask's state is keyed: records without a hash are refused
};

/// The in-flight batches of one input, or those that one operator had sent and that waited for credit.
///
/// A snapshot is `mark`, then `record` for each batch, then `close`; `encode` writes pieces of what is recorded at any
/// time between. Batches are shared, not copied, until they are encoded. Every snapshot is a base. An item's name is
/// "00001of00003/0000000012": the subtask that was to get it, out of how many, and its place in the order; in a
/// sender's table the sender's index stands before the place.
class any_in_flight_table : public any_state_table {
public:
  explicit any_in_flight_table(std::string name);
  ~any_in_flight_table() override;

  /// Before use: out of how many subtasks `record` names one, and for a sender's table the sender.
  void written_for(std::uint32_t receivers, std::optional<subtask_index> sender = std::nullopt);
  /// Before `load`: which items are kept.
  void read_for(const in_flight_share& share) { share_ = share; }

  /// Records [from, size) of a batch belong to the open snapshot, behind what was recorded before.
  void record(subtask_index receiver, batch_ptr batch, std::size_t from = 0);
  /// The open snapshot has all its batches.
  void close() noexcept { closed_ = true; }
  /// Whether `encode` has something to do now.
  [[nodiscard]] bool encoding() const noexcept { return open_ && (closed_ || !recorded_.empty()); }
  /// Items of the latest snapshot that are encoded so far.
  [[nodiscard]] std::uint64_t items() const noexcept { return items_; }

  /// The batches that were loaded, in order; none are left.
  [[nodiscard]] std::vector<batch_ptr> take_loaded() { return std::exchange(loaded_, {}); }

  [[nodiscard]] distribution distributed_by() const override { return distribution::list; }
  void configure(key_group_range, std::uint32_t, bool) override {}
  void mark() override;
  [[nodiscard]] snapshot_kind open_kind() const override { return snapshot_kind::base; }
  bool encode(std::size_t max_records, std::vector<encoded_chunk>& out) override;
  [[nodiscard]] bool snapshot_open() const override { return open_; }
  [[nodiscard]] bool changed_since_mark() const override { return true; }
  void require_base() override {}
  void load(std::span<const std::byte> chunk_bytes) override;
  void clear() override;
  [[nodiscard]] std::uint64_t entry_count() const override { return recorded_.size() + loaded_.size(); }

protected:
  /// Appends an entry with records [from, to).
  virtual void append(byte_buffer& out, const std::string& item, const any_batch& batch, std::size_t from,
                      std::size_t to) const = 0;
  /// An entry's records, with the times and hashes that were stored.
  [[nodiscard]] virtual batch_ptr decode(std::span<const std::byte> value) const = 0;

private:
  struct recorded_batch {
    subtask_index receiver;
    batch_ptr batch;
    std::size_t from = 0;
  };
  struct item_place {
    subtask_index receiver;
    std::uint32_t parallelism = 1;
    std::uint64_t number = 0;
  };

  [[nodiscard]] std::string item_name(subtask_index receiver) const;
  [[nodiscard]] item_place place_of(const std::string& item) const;
  void keep(batch_ptr batch, const item_place& place);

  std::uint32_t receivers_ = 1;
  std::optional<subtask_index> sender_;
  in_flight_share share_;
  chunk_writer writer_{snapshot_kind::base, distribution::list};
  std::deque<recorded_batch> recorded_;
  std::vector<batch_ptr> loaded_;
  std::uint64_t items_ = 0;
  bool open_ = false;
  bool closed_ = false;
};

/// The table for records of one type.
template <serializable T>
class in_flight_table final : public any_in_flight_table {
public:
  using any_in_flight_table::any_in_flight_table;

  [[nodiscard]] std::string schema_json() const override {
    return to_json(table_schema{schema_of<std::string>(), schema_of<in_flight_records<T>>()});
  }

protected:
  void append(byte_buffer& out, const std::string& item, const any_batch& batch, std::size_t from,
              std::size_t to) const override {
    in_flight_records<T> piece;
    const auto copy = [from, to](auto& into, const auto& source) {
      into.reserve(source.empty() ? 0 : to - from);
      for (std::size_t i = from; !source.empty() && i != to; ++i)
        into.push_back(source[i]);
    };
    copy(piece.records, as<T>(batch).values);
    copy(piece.times, batch.times);
    copy(piece.hashes, batch.hashes);
    append_value_entry(out, item, piece);
  }

  [[nodiscard]] batch_ptr decode(std::span<const std::byte> value) const override {
    in_flight_records<T> piece;
    input_archive archive{value, stored_class_versions()};
    archive >> piece;
    archive.expect_end();
    auto* made = new batch<T>;
    batch_ptr owner{made};
    made->values.reserve(piece.records.size());
    if constexpr (std::same_as<T, bool>)
      for (const bool record : piece.records)
        made->values.push_back(record);
    else
      for (T& record : piece.records)
        made->values.push_back(std::move(record));
    for (const event_time time : piece.times)
      made->times.push_back(time);
    for (const std::uint64_t hash : piece.hashes)
      made->hashes.push_back(hash);
    return owner;
  }
};

namespace detail {

/// Whether what a member is made of can be made before it is read.
template <class T>
constexpr bool can_be_filled() {
  if constexpr (std::is_const_v<T>)
    return false;
  else if constexpr (requires { typename T::mapped_type; })
    return std::default_initializable<typename T::mapped_type>;
  else if constexpr (requires { typename T::value_type; })
    return std::default_initializable<std::remove_const_t<typename T::value_type>>;
  else
    return true;
}
template <class... Members>
constexpr bool all_can_be_filled(type_list<Members...>*) {
  return (can_be_filled<Members>() && ...);
}

/// Whether records can be stored and read: to be written as text somewhere takes less.
template <class T>
constexpr bool can_be_in_flight() {
  if constexpr (!serializable<T> || !std::default_initializable<T> || !can_be_filled<T>())
    return false;
  else if constexpr (access::has_fields<T>())
    return all_can_be_filled(static_cast<fields_of<T>*>(nullptr));
  else
    return true;
}

} // namespace detail

/// The factory for records of type T, or null if they can't be stored.
template <class T>
constexpr in_flight_factory in_flight_factory_of() {
  if constexpr (detail::can_be_in_flight<T>())
    return [](std::string name) -> std::unique_ptr<any_in_flight_table> {
      return std::make_unique<in_flight_table<T>>(std::move(name));
    };
  else
    return nullptr;
}

} // namespace weir::inline v0
