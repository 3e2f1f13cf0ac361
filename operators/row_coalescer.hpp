// The newest row of each key, until the rows are staged.
#pragma once

#include "../persistence/byte_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::inline v0 {

/// Keeps one row for each key, in the order in which the keys first came.
class row_coalescer {
public:
  void put(std::string_view key, std::span<const std::byte> row) {
    const std::string_view bytes{reinterpret_cast<const char*>(row.data()), row.size()};
    if (const auto found = places_.find(key); found != places_.end()) {
      std::string& kept = rows_[found->second];
      bytes_ += bytes.size();
      bytes_ -= kept.size();
      kept = bytes;
      return;
    }
    places_.emplace(std::string{key}, rows_.size());
    rows_.emplace_back(bytes);
    bytes_ += key.size() + bytes.size() + overhead_bytes;
  }

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
  /// About how much memory is in use.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void append_to(byte_buffer& out) const {
    for (const auto& row : rows_)
      out.append(row.data(), row.size());
  }
  void clear() {
    places_.clear();
    rows_.clear();
    bytes_ = 0;
  }

private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  static constexpr std::size_t overhead_bytes = 128; // two strings, a node and its place in a bucket

  std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>> places_;
  std::vector<std::string> rows_;
  std::size_t bytes_ = 0;
};

} // namespace weir::inline v0
