// A store whose every checkpoint a test makes: bases, deltas, tombstones, other parallelism, other schemas.
#pragma once

#include <weir/persistence/archive.hpp>
#include <weir/persistence/checkpoint_store.hpp>
#include <weir/persistence/chunk.hpp>
#include <weir/persistence/schema.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sql_test {

inline constexpr std::uint32_t groups = 16;

/// An entry with bytes of its own.
struct made_entry {
  weir::entry_kind kind = weir::entry_kind::value;
  std::vector<std::byte> key;
  std::vector<std::byte> sub_key;
  std::optional<std::vector<std::byte>> value; ///< none: a tombstone
  std::optional<weir::stored_time> time = std::nullopt;
};

template <class T>
std::vector<std::byte> stored(const T& value) {
  weir::byte_buffer out;
  weir::output_archive{out} << value;
  return out.take();
}

template <class K, class V>
made_entry entry_of(const K& key, const V& value) {
  return {weir::entry_kind::value, stored(key), {}, stored(value)};
}
template <class K>
made_entry tombstone_of(const K& key) {
  return {weir::entry_kind::value, stored(key), {}, {}};
}

/// One table of one operator at one checkpoint.
struct made_table {
  std::string operator_name = "counts";
  std::string table = "state";
  weir::snapshot_kind kind = weir::snapshot_kind::base;
  std::vector<made_entry> entries;
  weir::distribution distributed_by = weir::distribution::by_key_group;
  std::uint32_t list_subtask = 0;                        ///< where a list's entries are
  std::optional<weir::stored_time> clock = std::nullopt; ///< of a table with a time to live
};

/// The store of the job "made" at `path`. Chunks are small, so that there are many.
class made_store {
public:
  explicit made_store(const std::filesystem::path& path);

  void plan(std::vector<weir::schema_record> schemas, std::uint32_t parallelism);
  /// Another attempt, from the newest checkpoint: what follows has to be bases.
  void restart(std::uint32_t parallelism);
  /// A complete checkpoint; its id. Operators of the plan are one task.
  std::uint64_t checkpoint(const std::vector<made_table>& tables);
  void prune(std::size_t retain);
  /// Changes the bytes of every chunk before it is stored, with a checksum of what they are then.
  std::function<void(std::vector<std::byte>&)> forge;

private:
  weir::checkpoint_store store_;
  std::vector<weir::schema_record> schemas_;
  weir::attempt_id attempt_;
  std::uint32_t parallelism_ = 1;
  std::optional<weir::checkpoint_id> last_;
};

template <class K, class V>
weir::schema_record schema_record_of(std::string operator_name, std::string table) {
  return {std::move(operator_name), std::move(table),
          weir::to_json(weir::table_schema{weir::schema_of<K>(), weir::schema_of<V>()})};
}

} // namespace sql_test
