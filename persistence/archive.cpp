// The parts of the archives that need no template: errors, and the order of unordered containers.
#include "archive.hpp"

#include "error.hpp"

#include <algorithm>
#include <compare>
#include <numeric>
#include <string>

namespace weir::inline v0 {

namespace {

constexpr auto remedy = "restore from another checkpoint, and check the disk";

[[noreturn]] void throw_damaged(std::string expected, std::string found) {
  throw damaged_error{{"stored value", std::move(expected), std::move(found), remedy}};
}

} // namespace

namespace detail {

void throw_bad_boolean(unsigned found) {
  throw_damaged("a truth value of 0 or 1", std::to_string(found));
}
void throw_bytes_missing(std::uint64_t wanted, std::uint64_t left) {
  throw_damaged(std::to_string(wanted) + " bytes more", std::to_string(left));
}
void throw_bad_length() {
  throw_damaged("a length in its shortest form", "none");
}
void throw_bad_elements(std::uint64_t length, std::uint64_t left) {
  throw_damaged("no more elements than the " + std::to_string(left) + " bytes left can hold", std::to_string(length));
}
void throw_bad_padding() {
  throw_damaged("padding of zeros", "other bytes");
}
void throw_bytes_left_over(std::uint64_t left) {
  throw_damaged("the end of the value", std::to_string(left) + " bytes more");
}
void throw_repeated_key(std::uint64_t length, std::uint64_t distinct) {
  throw_damaged(std::to_string(length) + " distinct keys", "a repeated one after " + std::to_string(distinct));
}
void throw_bad_alternative(std::uint64_t index, std::uint64_t alternatives) {
  throw_damaged("one of " + std::to_string(alternatives) + " alternatives", "number " + std::to_string(index));
}
void throw_too_deep_to_read() {
  throw_damaged("at most " + std::to_string(max_archive_depth) + " containers within each other", "more");
}
void throw_too_deep_to_write() {
  throw usage_error{{"value to be stored",
                     "at most " + std::to_string(max_archive_depth) + " containers within each other", "more",
                     "store a flat list with indices instead of a deep tree"}};
}
void throw_valueless_variant() {
  throw usage_error{{"value to be stored", "a std::variant with a value", "one that is valueless by exception",
                     "assign it a value in the code that caught the exception"}};
}

} // namespace detail

void output_archive::append_sorted(const byte_buffer& elements, const std::vector<std::size_t>& ends) {
  const auto element = [&](std::size_t i) {
    const std::size_t start = i == 0 ? 0 : ends[i - 1];
    return elements.bytes().subspan(start, ends[i] - start);
  };
  std::vector<std::size_t> order(ends.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto left = element(a);
    const auto right = element(b);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
  for (const std::size_t i : order)
    out_->append(element(i));
}

} // namespace weir::inline v0
