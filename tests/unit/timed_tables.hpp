// A table with a time to live for tests, and what they do with it.
#pragma once

#include <weir/operators/state_table.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace timed_tables {

using chunks = std::vector<weir::encoded_chunk>;

inline constexpr std::uint32_t max_parallelism = 16;
inline constexpr weir::key_group_range everything{0, max_parallelism};
inline constexpr std::chrono::milliseconds after{100};

struct counter {
  std::uint64_t count = 0;
  std::string note;
  WEIR_FIELDS(count, note)
  bool operator==(const counter&) const = default;
};
using text_table = weir::state_table<std::string, counter>;

inline std::uint64_t hash_of(const std::string& key) {
  return weir::key_hash(key);
}

inline weir::stored_time at(std::chrono::milliseconds since) {
  return weir::stored_time{since};
}

inline std::map<std::string, counter> contents_of(const text_table& table) {
  std::map<std::string, counter> contents;
  table.for_each_entry(
      [&](const std::string& key, const counter& value) { REQUIRE(contents.emplace(key, value).second); });
  return contents;
}

inline void load_all(text_table& table, const chunks& chain) {
  for (const weir::encoded_chunk& chunk : chain)
    table.load(chunk.bytes);
}

inline chunks encode_all(weir::any_state_table& table, std::size_t slice = 1000) {
  chunks out;
  while (!table.encode(slice, out)) {
  }
  return out;
}

inline void clean_all(text_table& table) {
  static_cast<void>(table.clean(100'000)); // from the middle of a round
  REQUIRE(table.clean(100'000));
}

} // namespace timed_tables
