// The sink that writes text files, each of which appears whole.
#pragma once

#include "../persistence/error.hpp"
#include "sink.hpp"
#include "to_text.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

[[nodiscard]] std::shared_ptr<const any_sink> make_text_files_sink(std::string directory,
                                                                   append_lines_function append_lines);
[[nodiscard]] std::vector<error_text> text_files_problems(const std::string& directory);

} // namespace detail

/// Writes each record as one line of text into files of a folder, exactly once: `part-<subtask>-<checkpoint>.txt` has
/// what one subtask wrote before one checkpoint, and is renamed to that name when the checkpoint is complete. Until
/// then it is a hidden file that no reader should look at. The folder belongs to one sink of one run; it is made if
/// missing.
class text_files {
public:
  static constexpr std::string_view kind_name = "text_files";

  explicit text_files(std::string directory) : directory_(std::move(directory)) {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(serializable<T>, "weir: text_files needs records that have a text: numbers, strings, standard "
                                   "containers, and classes with WEIR_FIELDS");
    return detail::make_text_files_sink(directory_, &detail::append_lines<T>);
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    return detail::text_files_problems(directory_);
  }
  [[nodiscard]] std::string guarantee() const;

private:
  std::string directory_;
};

} // namespace weir::inline v0
