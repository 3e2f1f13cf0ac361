#include "text_files.hpp"

#include "../persistence/failpoint.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"
#include "output_folder.hpp"
#include "writer_guard.hpp"

namespace weir::inline v0 {

namespace {

constexpr const char* text_files_guarantee =
    "Exactly once: each file appears whole when its checkpoint is complete, and what a failure undoes is removed.";
constexpr std::size_t buffer_bytes = 256 * 1024;

class text_files_writer final : public sink_writer {
public:
  text_files_writer(const std::string& directory, detail::append_lines_function append_lines, const sink_start& start)
      : folder_(directory, start.identity),
        append_lines_(append_lines),
        subtask_(start.identity.subtask),
        open_name_(folder_.open_name(subtask_, start.identity.attempt)) {
    commit(start.pending);
  }

  void write(any_batch& records) override {
    guard_.run([&] {
      append_lines_(records, buffer_);
      if (buffer_.size() >= buffer_bytes)
        write_buffer();
    });
  }

  std::string prepare(checkpoint_id checkpoint) override {
    std::string id;
    guard_.run([&] {
      if (!buffer_.empty() || file_)
        id = prepare_file(checkpoint);
    });
    return id;
  }

  void commit(const std::vector<prepared_output>& prepared) override {
    if (prepared.empty())
      return;
    WEIR_FAILPOINT("text_files.commit.before");
    for (const auto& each : prepared) {
      commit_one(flat_json::parse(each.id, "a prepared output of text_files"));
      WEIR_FAILPOINT("text_files.commit.renamed");
    }
    sync_folder(folder_.directory());
    WEIR_FAILPOINT("text_files.commit.after");
  }

private:
  std::string prepare_file(checkpoint_id checkpoint) {
    WEIR_FAILPOINT("text_files.prepare.before");
    write_buffer();
    const std::string open_path = folder_.path_of(open_name_);
    sync_file(file_.get(), open_path);
    WEIR_FAILPOINT("text_files.prepare.synced");
    file_ = {};
    const std::string name = folder_.prepared_name(subtask_, checkpoint);
    if (!rename_file(open_path, folder_.path_of(name)))
      throw io_error({open_path, "the file that this sink was writing", "it is gone",
                      "let nothing else change the folder; a later attempt may have taken it over"});
    WEIR_FAILPOINT("text_files.prepare.renamed");
    sync_folder(folder_.directory());
    WEIR_FAILPOINT("text_files.prepare.after");
    return flat_json{}
        .set("file", name)
        .set("final", output_folder::final_name(subtask_, checkpoint))
        .set("bytes", std::exchange(written_, 0))
        .to_string();
  }

  void write_buffer() {
    const std::string path = folder_.path_of(open_name_);
    if (!file_)
      file_ = create_file(path);
    write_all(file_.get(), buffer_, path);
    written_ += buffer_.size();
    buffer_.clear();
  }

  void commit_one(const flat_json& prepared) const {
    const std::string from = folder_.path_of(prepared.text("file"));
    const std::string to = folder_.path_of(prepared.text("final"));
    const std::uint64_t bytes = prepared.number("bytes");
    if (const auto found = size_of_file(from); found != no_file) {
      check_size(from, bytes, found);
      if (!rename_file(from, to))
        throw io_error({from, "a prepared file", "it went away while it was to be committed",
                        "let nothing else change the folder"});
    } else if (const auto there = size_of_file(to); there != no_file) {
      check_size(to, bytes, there); // committed before
    } else {
      throw io_error({from, "a file that was prepared for a checkpoint", "neither it nor " + to,
                      "restore the folder from a copy, or begin anew with --fresh --replace-output"});
    }
  }

  static void check_size(const std::string& path, std::uint64_t expected, std::uint64_t found) {
    if (found != expected)
      throw io_error({path, std::to_string(expected) + " bytes", std::to_string(found) + " bytes",
                      "restore the folder from a copy, or begin anew with --fresh --replace-output"});
  }

  output_folder folder_;
  writer_guard guard_{folder_.directory()};
  detail::append_lines_function append_lines_;
  subtask_index subtask_;
  std::string open_name_;
  std::string buffer_;
  file_descriptor file_;      // of what was written since the last barrier; opened when needed
  std::uint64_t written_ = 0; // bytes in it
};

class text_files_sink final : public any_sink {
public:
  text_files_sink(std::string directory, detail::append_lines_function append_lines)
      : directory_(std::move(directory)), append_lines_(append_lines) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return text_files_guarantee; }
  void prepare_output(const sink_start& start) const override {
    output_folder{directory_, start.identity}.claim(start);
  }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start& start) const override {
    return std::make_unique<text_files_writer>(directory_, append_lines_, start);
  }

private:
  std::string directory_;
  detail::append_lines_function append_lines_;
};

} // namespace

std::shared_ptr<const any_sink> detail::make_text_files_sink(std::string directory,
                                                             append_lines_function append_lines) {
  return std::make_shared<text_files_sink>(std::move(directory), append_lines);
}

std::vector<error_text> detail::text_files_problems(const std::string& directory) {
  if (!directory.empty() && directory.find('\0') == std::string::npos)
    return {};
  return {{"text_files", "the path of a folder", directory.empty() ? "nothing" : "a zero byte in it", "name a folder"}};
}

std::string text_files::guarantee() const {
  return text_files_guarantee;
}

} // namespace weir::inline v0
