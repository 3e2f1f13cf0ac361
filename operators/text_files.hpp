// The sink that writes text files, each of which appears whole.
#pragma once

#include "line_files.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Writes each record as one line of text into files of a folder, exactly once: `part-<subtask>-<checkpoint>.txt` has
/// what one subtask wrote before one checkpoint, and is renamed to that name when the checkpoint is complete. Until
/// then it is a hidden file that no reader should look at. The folder belongs to one sink of one run; it is made if
/// missing. With `roll_bytes` or `partition_by` a checkpoint may have several files of a subtask, which are numbered.
class text_files : public detail::line_files_options<text_files> {
public:
  static constexpr std::string_view kind_name = "text_files";

  explicit text_files(std::string directory) : line_files_options("text_files", std::move(directory), ".txt") {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(serializable<T>, "weir: text_files needs records that have a text: numbers, strings, standard "
                                   "containers, and classes with WEIR_FIELDS");
    line_files_settings settings = settings_;
    settings.append = [](const any_batch& records, std::size_t from, std::size_t to, std::string& out) {
      const auto& values = as<T>(records).values;
      for (std::size_t i = from; i < to; ++i) {
        append_text(out, values[i]);
        out += '\n';
      }
    };
    return make_line_files_sink(std::move(settings));
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    return line_files_problems(settings_, element_type_of<T>());
  }
};

} // namespace weir::inline v0
