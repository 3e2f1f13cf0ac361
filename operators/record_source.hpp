// What the sources that make records of lines have in common: the reader, and the one place for lines that are none.
#pragma once

#include "bad_record.hpp"
#include "collector.hpp"
#include "file_splits.hpp"
#include "record_fields.hpp"
#include "source.hpp"
#include "text_range.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// How records of a type get into batches, without the type.
struct record_access {
  field_type_getter type = nullptr; ///< of the record
  any_batch& (*open)(any_collector& out, std::size_t room) = nullptr;
  void* (*add)(any_batch& batch) = nullptr; ///< a default-constructed record, until the next `add`
  void (*drop)(any_batch& batch) = nullptr; ///< the last one
  void (*close)(any_collector& out) = nullptr;
  void (*add_bad)(any_batch& batch, bad_line line) = nullptr; ///< only where bad lines are kept
};

/// Why a line is no record.
struct record_fault {
  std::string column; ///< may be empty
  std::string error;  ///< "expected …, found …"
};

/// Makes records of lines. A record is one line, or several.
class record_parser {
public:
  enum class outcome : std::uint8_t {
    record,  ///< a record is complete
    nothing, ///< a line that stands for nothing, such as an empty one
    more,    ///< the record goes on in the next line
    fault,   ///< the line, or the several lines, are no record, and `fault` says why
    broken   ///< the same, and nobody knows where the record ends: the lines behind its first one are looked at again
  };
  virtual ~record_parser();
  /// Takes a line with its line end, if it has one, and `line_scanner::padding_bytes` that can be read behind it.
  virtual outcome parse(std::string_view line, void* record) = 0;
  /// Forgets an unfinished record.
  virtual void reset() {}
  [[nodiscard]] const record_fault& fault() const noexcept { return fault_; }

protected:
  record_fault fault_;
};

/// A source of files that hold records.
struct record_files {
  file_selection files;
  bad_record on_error = bad_record::fail;
  std::size_t most_record_bytes = 64 * 1024 * 1024; ///< a longer record is a bad one
  const record_access* access = nullptr;
  /// A parser for a file. Sets `begin` to where the first record may begin. Throws usage_error if the file as a whole
  /// is not what the source reads.
  std::function<std::unique_ptr<record_parser>(const text_range& range, std::uint64_t& begin)> make_parser;
  /// Whether a last line that goes on in what the file has gained is a bad one; otherwise it is left out, and counted
  /// as `skipped`.
  bool cut_line_is_bad = true;
};

[[nodiscard]] std::shared_ptr<const any_source> make_record_source(record_files settings);
[[nodiscard]] std::unique_ptr<split_reader> read_records(std::shared_ptr<const record_files> settings, text_range range,
                                                         const std::string& position,
                                                         std::size_t block_bytes = 256 * 1024);
/// The lines of a compressed file, as strings. A longer line than `most_line_bytes` is a bad_record_error.
[[nodiscard]] std::unique_ptr<split_reader> read_compressed_lines(text_range range, const std::string& position,
                                                                  std::size_t most_line_bytes);

/// Text for messages: at most 200 bytes, without a line end, and control characters as `?`.
[[nodiscard]] std::string shortened(std::string_view text);

namespace detail {

template <class T>
struct parsed_traits {
  using record = T;
  static void* add(buffer<T>& values) { return &values.emplace_back(); }
};
template <class T>
struct parsed_traits<parsed<T>> {
  using record = T;
  static void* add(buffer<parsed<T>>& values) { return &values.emplace_back().record.emplace(); }
};

template <class Emitted>
const record_access& record_access_of() {
  static const record_access access = [] {
    using traits = parsed_traits<Emitted>;
    record_access made;
    made.type = &field_type_of<typename traits::record>;
    made.open = [](any_collector& out, std::size_t room) -> any_batch& {
      return static_cast<collector<Emitted>&>(out).bulk(room);
    };
    made.add = [](any_batch& batch) { return traits::add(as<Emitted>(batch).values); };
    made.drop = [](any_batch& batch) {
      auto& values = as<Emitted>(batch).values;
      values.truncate(values.size() - 1);
    };
    made.close = [](any_collector& out) { static_cast<collector<Emitted>&>(out).bulk_done(); };
    if constexpr (!std::is_same_v<Emitted, typename traits::record>)
      made.add_bad = [](any_batch& batch, bad_line line) {
        as<Emitted>(batch).values.emplace_back().bad = std::move(line);
      };
    return made;
  }();
  return access;
}

} // namespace detail
} // namespace weir::inline v0
