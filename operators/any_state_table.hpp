// The interface by which the runtime snapshots and restores any operator's state.
#pragma once

#include "../persistence/chunk.hpp"
#include "../persistence/class_versions.hpp"
#include "../persistence/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// An entry of many bytes takes a slice of a snapshot as long as several: so many bytes count as one.
inline constexpr std::size_t bytes_for_an_entry = 64;

/// One named piece of one operator's state in one subtask. One thread at a time.
///
/// A snapshot is `mark` and then `encode`, slice by slice, until it returns true; between the slices the state may
/// change freely, and the chunks still say what it was at `mark`. One snapshot is open at a time. Chunks form a chain:
/// a base, then deltas. When a chunk could not be stored, `require_base` begins a new chain.
class any_state_table {
public:
  explicit any_state_table(std::string name);
  any_state_table(const any_state_table&) = delete;
  any_state_table& operator=(const any_state_table&) = delete;
  virtual ~any_state_table();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] virtual distribution distributed_by() const = 0;
  /// True if it can only be loaded by as many subtasks as stored it.
  [[nodiscard]] virtual bool keeps_parallelism() const { return false; }
  /// The canonical JSON text of the `table_schema`.
  [[nodiscard]] virtual std::string schema_json() const = 0;
  /// Says with which schema the chunks were written that `load` will be given. Throws `store_error`, with the first
  /// difference in a sentence, if this table cannot read them.
  void expect_stored_schema(std::string_view stored_schema_json);

  /// Before use, and once: the key groups that this subtask owns. Without `track_changes` no snapshot can be taken,
  /// and writes cost less.
  virtual void configure(key_group_range owned, std::uint32_t max_parallelism, bool track_changes) = 0;

  /// Opens a snapshot of the present state; takes time for each key group, not for each entry. It is a base if it is
  /// the first, if `require_base` was called, or if the deltas since the last base outgrew it or are
  /// `chunk_chain::max_deltas`; else a delta.
  virtual void mark() = 0;
  [[nodiscard]] virtual snapshot_kind open_kind() const = 0;
  /// Encodes about `max_entries` entries more, or fewer if they are large, and appends the chunks that are finished.
  /// True when the snapshot is whole.
  virtual bool encode(std::size_t max_entries, std::vector<encoded_chunk>& out) = 0;
  [[nodiscard]] virtual bool snapshot_open() const = 0;
  /// False if a snapshot would add nothing to the chain: there is no need to mark, and no chunk would come of it.
  [[nodiscard]] virtual bool changed_since_mark() const = 0;
  /// The next snapshot must not build upon the ones before it.
  virtual void require_base() = 0;

  /// Applies one chunk; those of one chain in order, base first. Only entries that this subtask owns are kept. Throws
  /// `damaged_error`; the table is then half loaded and must be cleared.
  virtual void load(std::span<const std::byte> chunk_bytes) = 0;
  /// Forgets all entries, and any open snapshot; keeps the configuration.
  virtual void clear() = 0;
  [[nodiscard]] virtual std::uint64_t entry_count() const = 0;

protected:
  /// Null if stored bytes have the program's own class versions.
  [[nodiscard]] const class_versions* stored_class_versions() const { return versions_.empty() ? nullptr : &versions_; }

  [[noreturn, gnu::cold]] void throw_not_owned(std::uint64_t hash) const;
  [[noreturn, gnu::cold]] void throw_wrong_use(const char* expected, const char* found) const;
  [[noreturn, gnu::cold]] void throw_damaged(std::string expected, std::string found) const;

private:
  std::string name_;
  class_versions versions_;
};

/// Decides when a chain of deltas gets a new base.
class chunk_chain {
public:
  /// Bytes decide: a table of which little changes is not written whole because of the number of its snapshots. This
  /// bounds how many chunks a restore reads.
  static constexpr unsigned max_deltas = 256;

  /// What the snapshot that opens now is to be.
  [[nodiscard]] snapshot_kind next_kind() const {
    return base_required_ || deltas_ >= max_deltas || delta_bytes_ > base_bytes_ ? snapshot_kind::base
                                                                                 : snapshot_kind::delta;
  }
  [[nodiscard]] bool base_required() const { return base_required_; }
  void require_base() { base_required_ = true; }
  void opened(snapshot_kind kind) {
    if (kind != snapshot_kind::base)
      return;
    base_required_ = false;
    base_bytes_ = delta_bytes_ = 0;
    deltas_ = 0;
  }
  void added(snapshot_kind kind, std::uint64_t bytes) {
    (kind == snapshot_kind::base ? base_bytes_ : delta_bytes_) += bytes;
  }
  void closed(snapshot_kind kind) { deltas_ += kind == snapshot_kind::delta ? 1 : 0; }

private:
  bool base_required_ = true;
  std::uint64_t base_bytes_ = 0;
  std::uint64_t delta_bytes_ = 0;
  unsigned deltas_ = 0;
};

} // namespace weir::inline v0
