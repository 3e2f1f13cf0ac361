// The fuzzer's bytes as a source of decisions: numbers, texts and bytes, taken from the front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace weir_fuzz {

/// Gives zeros where the bytes end, so that every input means something.
class fuzz_input {
public:
  explicit fuzz_input(std::span<const std::byte> bytes) : left_(bytes) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  [[nodiscard]] std::size_t size() const { return left_.size(); }
  [[nodiscard]] std::span<const std::byte> rest() const { return left_; }

  [[nodiscard]] unsigned byte() { return std::to_integer<unsigned>(number<std::byte>()); }
  /// A number of any trivial type.
  template <class T>
  [[nodiscard]] T number() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const auto found = bytes(sizeof(T));
    if (!found.empty())
      std::memcpy(&value, found.data(), found.size());
    return value;
  }
  /// From 0 to `end` - 1, of one byte.
  [[nodiscard]] std::size_t below(std::size_t end) { return byte() % end; }
  /// At most `most` bytes.
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t most) {
    const auto taken = left_.first(std::min(most, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  /// Bytes after their number, which is a byte.
  [[nodiscard]] std::span<const std::byte> sized_bytes() { return bytes(byte()); }
  [[nodiscard]] std::string sized_text() {
    const auto found = sized_bytes();
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }

private:
  std::span<const std::byte> left_;
};

} // namespace weir_fuzz
