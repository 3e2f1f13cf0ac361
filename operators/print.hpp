// The sink that writes records to the standard output.
#pragma once

#include "sink.hpp"
#include "to_text.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace weir::inline v0 {

namespace detail {

[[nodiscard]] std::shared_ptr<const any_sink> make_print_sink(int file, append_lines_function append_lines);

} // namespace detail

/// Writes each record as one line of text to the standard output, or to another open file. Batches of different
/// subtasks do not mix within a line.
class print {
public:
  static constexpr std::string_view kind_name = "print";

  print() = default;
  /// Writes to an open file of this process, which stays the caller's.
  explicit print(int file) : file_(file) {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(serializable<T>, "weir: print needs records that have a text: numbers, strings, standard containers, "
                                   "and classes with WEIR_FIELDS");
    return detail::make_print_sink(file_, &detail::append_lines<T>);
  }
  [[nodiscard]] std::string guarantee() const;

private:
  int file_ = 1;
};

} // namespace weir::inline v0
