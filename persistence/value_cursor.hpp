// A place in a stored value that is being decoded, and the bounds of its decoding.
#pragma once

#include "encoding.hpp"
#include "error.hpp"
#include "input_archive.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weir::inline v0::detail {

/// Marks a node whose values differ in size.
inline constexpr std::uint64_t varying = UINT64_MAX;

/// Types within types, in a schema and in a value of a recursive one.
inline constexpr unsigned max_decoded_depth = 1024;

/// Reads bytes, and throws `damaged_error` where there are none. Counts work, so that a schema whose values take no
/// bytes cannot keep it busy.
class value_cursor {
public:
  explicit value_cursor(std::span<const std::byte> bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), work_left_(1'000'000 + 64 * bytes.size()) {}

  [[nodiscard]] const std::byte* at() const { return at_; }
  [[nodiscard]] std::uint64_t left() const { return static_cast<std::uint64_t>(end_ - at_); }
  /// Goes back to a place where it was.
  void rewind(const std::byte* to) { at_ = to; }

  const std::byte* take(std::uint64_t count) {
    if (count > left()) [[unlikely]]
      throw_bytes_missing(count, left());
    const std::byte* start = at_;
    at_ += count;
    return start;
  }
  template <number T>
  T number() {
    return load_number<T>(take(sizeof(T)));
  }
  bool boolean() {
    const auto byte = std::to_integer<unsigned>(*take(1));
    if (byte > 1) [[unlikely]]
      throw_bad_boolean(byte);
    return byte != 0;
  }
  std::uint64_t length_number() {
    std::uint64_t value = 0;
    if (!load_varint(at_, end_, value)) [[unlikely]]
      throw_bad_length();
    return value;
  }
  /// A number of elements, each of which takes a byte at least.
  std::uint64_t element_count() {
    const std::uint64_t value = length_number();
    if (value > left()) [[unlikely]]
      throw_bad_elements(value, left());
    return value;
  }
  /// After `elements` that began at `start`: the zeros that make up for those without bytes.
  void skip_padding(const std::byte* start, std::uint64_t elements) {
    const auto taken = static_cast<std::uint64_t>(at_ - start);
    if (taken >= elements)
      return;
    const std::byte* from = take(elements - taken);
    if (std::any_of(from, at_, [](std::byte each) { return each != std::byte{0}; }))
      throw_bad_padding();
  }
  void expect_end() const {
    if (at_ != end_) [[unlikely]]
      throw_bytes_left_over(left());
  }

  /// How long the text may become that is made of the value.
  void limit_text(std::uint64_t bytes) { text_limit_ = bytes; }
  void check_text(std::uint64_t bytes) const {
    if (bytes > text_limit_) [[unlikely]]
      throw damaged_error{
          {"stored value", "one that its JSON is in proportion to", "a longer text", "read a part of the state only"}};
  }

  /// Said once for each value inside.
  void work(std::uint64_t amount = 1) {
    if (amount > work_left_) [[unlikely]]
      throw damaged_error{{"stored value", "no more parts than its bytes account for", "more",
                           "restore from another checkpoint, and check the disk"}};
    work_left_ -= amount;
  }

  /// Lives as long as a value within another is decoded.
  struct nesting {
    explicit nesting(value_cursor& cursor) : owner(cursor) {
      if (++owner.depth_ > max_decoded_depth) [[unlikely]] {
        --owner.depth_;
        throw damaged_error{{"stored value",
                             "at most " + std::to_string(max_decoded_depth) + " values within each other", "more",
                             "restore from another checkpoint, and check the disk"}};
      }
    }
    nesting(const nesting&) = delete;
    nesting& operator=(const nesting&) = delete;
    ~nesting() { --owner.depth_; }
    value_cursor& owner;
  };

private:
  const std::byte* at_;
  const std::byte* end_;
  std::uint64_t work_left_;
  std::uint64_t text_limit_ = UINT64_MAX;
  unsigned depth_ = 0;
};

} // namespace weir::inline v0::detail
