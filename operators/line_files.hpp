// The sink of files of lines that text_files, csv_files and json_lines_files are: exactly once, rolled, partitioned.
#pragma once

#include "../persistence/error.hpp"
#include "callable.hpp"
#include "sink.hpp"
#include "to_text.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Appends the lines of some records of a batch, from index `from` to `to`.
using append_records_function =
    std::function<void(const any_batch& records, std::size_t from, std::size_t to, std::string& out)>;

/// Tells to which folder a record belongs.
struct file_partitions {
  const element_type* type = nullptr; ///< of the records it takes
  std::function<void(const any_batch& records, std::size_t index, std::string& key)> append_key;
};

/// What a sink of files was asked for.
struct line_files_settings {
  std::string kind; ///< of the sink, for messages: "text_files"
  std::string directory;
  std::string extension = ".txt";
  std::string header;           ///< what each file begins with
  std::uint64_t roll_bytes = 0; ///< a file that has so many bytes is followed by another; 0: none is
  file_partitions partitions;
  append_records_function append;
};

[[nodiscard]] std::shared_ptr<const any_sink> make_line_files_sink(line_files_settings settings);
/// What is wrong with the settings for records of a type.
[[nodiscard]] std::vector<error_text> line_files_problems(const line_files_settings& settings,
                                                          const element_type& records);
[[nodiscard]] std::string line_files_guarantee();

namespace detail {

template <class T, class Key>
file_partitions make_partitions(Key key) {
  return {&element_type_of<T>(), [key = std::move(key)](const any_batch& records, std::size_t index, std::string& out) {
            append_text(out, key(as<T>(records).values[index]));
          }};
}

/// What all sinks of files can be told; `Self` is the sink.
template <class Self>
class line_files_options {
public:
  /// A file that has this many bytes is complete: the subtask begins another. Batches are not divided, so files may be
  /// somewhat longer.
  [[nodiscard]] Self roll_bytes(std::uint64_t bytes) const {
    Self copy = static_cast<const Self&>(*this);
    copy.settings_.roll_bytes = bytes;
    return copy;
  }
  /// Each record goes into a folder within the folder: `key(const T&)` gives its name, text or a number. Slashes in it
  /// make folders within each other. A part of more than 180 bytes, or all of more than 1000, is cut and gets a hash;
  /// an empty key shares the folder `_` with the key `_`.
  template <class T = deduced, class Key>
  [[nodiscard]] Self partition_by(Key key) const {
    Self copy = static_cast<const Self&>(*this);
    if constexpr (!std::is_same_v<T, deduced>) {
      copy.settings_.partitions = make_partitions<T>(std::move(key));
    } else {
      using found = signature_of<Key>;
      static_assert(
          found::known && found::parameter_types::count == 1,
          "weir: partition_by takes a function of one record; say partition_by<record>(...) if it is generic");
      if constexpr (found::known && found::parameter_types::count == 1)
        copy.settings_.partitions =
            make_partitions<std::remove_cvref_t<typename parameter<0, typename found::parameter_types>::type>>(
                std::move(key));
    }
    return copy;
  }
  [[nodiscard]] std::string guarantee() const { return line_files_guarantee(); }

protected:
  line_files_options(std::string kind, std::string directory, std::string extension) {
    settings_.kind = std::move(kind);
    settings_.directory = std::move(directory);
    settings_.extension = std::move(extension);
  }

  line_files_settings settings_;
};

} // namespace detail
} // namespace weir::inline v0
