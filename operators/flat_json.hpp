// Small JSON objects of text and whole numbers: what splits, positions and prepared outputs are written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A JSON object without nesting, whose values are text or whole numbers from 0 to 2^64 - 1. Keeps the order of its
/// members. Bytes of text that are no UTF-8 are kept as they are: paths may hold any.
class flat_json {
public:
  flat_json() = default;
  /// Reads an object; `thing` names it in errors. Throws damaged_error.
  static flat_json parse(std::string_view json, std::string thing);

  flat_json& set(std::string_view name, std::string_view text);
  flat_json& set(std::string_view name, std::uint64_t number);

  [[nodiscard]] bool has(std::string_view name) const;
  /// Throws damaged_error if the member is missing or of the other kind.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::uint64_t number(std::string_view name) const;
  /// The member at a place, counted from 0, which is said to have this name: without a search among many. Throws
  /// damaged_error if it is another one.
  [[nodiscard]] const std::string& text_at(std::size_t place, std::string_view name) const;
  [[nodiscard]] std::uint64_t number_at(std::size_t place, std::string_view name) const;
  /// All members. Throws damaged_error if one is no number, or comes twice.
  [[nodiscard]] std::map<std::string, std::uint64_t, std::less<>> numbers() const;

  [[nodiscard]] std::string to_string() const;

private:
  struct member {
    std::string name;
    std::string text;
    std::uint64_t number = 0;
    bool is_number = false;
  };
  [[nodiscard]] const member& find(std::string_view name, bool is_number) const;
  [[nodiscard]] const member& at(std::size_t place, std::string_view name, bool is_number) const;
  [[noreturn]] void refuse(std::string_view name, bool is_number) const;

  std::string thing_ = "a JSON object";
  std::vector<member> members_;
};

/// `{"<name>":<number>}`, fast: positions are written with every batch.
[[nodiscard]] std::string json_number(std::string_view name, std::uint64_t number);

/// Appends text as a quoted JSON string.
void append_json_text(std::string& out, std::string_view text);

} // namespace weir::inline v0
