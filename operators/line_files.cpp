#include "line_files.hpp"

#include "../persistence/failpoint.hpp"
#include "file_io.hpp"
#include "output_folder.hpp"
#include "partition_folder.hpp"
#include "prepared_files.hpp"
#include "writer_guard.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <list>
#include <map>
#include <set>
#include <system_error>

#include <fcntl.h>

namespace weir::inline v0 {

namespace {

constexpr const char* files_guarantee =
    "Exactly once: each file appears whole when its checkpoint is complete, and what a failure undoes is removed.";
constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr std::size_t all_buffers_bytes = 16 * 1024 * 1024;
constexpr std::size_t most_known_folders = 10'000;
constexpr std::size_t most_descriptors = 64; // of one subtask; there may be more partitions

/// One file that is being written.
struct open_file {
  std::string folder; ///< of its partition, with a slash behind it; empty: there are no partitions
  std::uint64_t number = 0;
  std::string name; ///< hidden, in the sink's folder
  std::string buffer;
  file_descriptor file;
  std::uint64_t written = 0;              ///< bytes in it
  std::list<open_file*>::iterator in_use; ///< its place among those that have a descriptor, if it has one
};

class line_files_writer final : public sink_writer {
public:
  line_files_writer(const line_files_settings& settings, const sink_start& start)
      : settings_(settings),
        folder_(settings.directory, start.identity, settings.partitions.type != nullptr),
        subtask_(start.identity.subtask),
        attempt_(start.identity.attempt),
        many_(settings.roll_bytes != 0 || settings.partitions.type != nullptr) {
    commit(not_given_up(start.pending));
  }

  void write(any_batch& records) override {
    guard_.run([&] {
      if (!settings_.partitions.type)
        append(file_of({}), records, 0, records.size());
      else
        write_partitions(records);
    });
  }

  std::string prepare(checkpoint_id checkpoint) override {
    std::string id;
    guard_.run([&] {
      if (!current_.empty() || !full_.empty())
        id = prepare_files(checkpoint);
    });
    return id;
  }

  void commit(const std::vector<prepared_output>& prepared) override {
    if (prepared.empty())
      return;
    WEIR_FAILPOINT("text_files.commit.before");
    std::vector<std::vector<prepared_file>> files;
    std::set<std::string> partitions;
    for (const auto& each : prepared) {
      files.push_back(prepared_files(each.id));
      for (const auto& file : files.back())
        if (const auto slash = file.to.rfind('/'); slash != std::string::npos)
          partitions.insert(file.to.substr(0, slash));
    }
    make_folders(partitions);
    for (const auto& some : files) {
      for (const auto& file : some)
        commit_file(file);
      WEIR_FAILPOINT("text_files.commit.renamed");
    }
    for (const auto& partition : partitions)
      sync_folder(folder_.path_of(partition));
    sync_folder(folder_.directory());
    WEIR_FAILPOINT("text_files.commit.after");
  }

private:
  void write_partitions(const any_batch& records) {
    std::size_t from = 0;
    key_.clear();
    settings_.partitions.append_key(records, 0, key_);
    for (std::size_t i = 1; i <= records.size(); ++i) {
      next_key_.clear();
      if (i < records.size())
        settings_.partitions.append_key(records, i, next_key_);
      if (i < records.size() && next_key_ == key_)
        continue; // records of one partition go together
      append(file_of(partition_folder(key_) + "/"), records, from, i);
      from = i;
      key_.swap(next_key_);
    }
  }

  open_file& file_of(const std::string& folder) {
    open_file& file = current_[folder];
    if (file.name.empty()) {
      file.folder = folder;
      file.number = next_number_++;
      file.name = folder_.open_name(subtask_, attempt_, file.number);
      file.buffer = settings_.header;
      buffered_ += file.buffer.size();
    }
    if (file.file)
      descriptors_.splice(descriptors_.end(), descriptors_, file.in_use);
    return file;
  }

  void append(open_file& file, const any_batch& records, std::size_t from, std::size_t to) {
    const std::size_t before = file.buffer.size();
    settings_.append(records, from, to, file.buffer);
    buffered_ += file.buffer.size() - before;
    if (file.buffer.size() >= buffer_bytes)
      write_buffer(file);
    if (buffered_ >= all_buffers_bytes)
      for (auto& [folder, each] : current_)
        write_buffer(each);
    if (settings_.roll_bytes != 0 && file.written + file.buffer.size() >= settings_.roll_bytes) {
      close(file);
      full_.push_back(std::move(file));
      current_.erase(full_.back().folder);
    }
  }

  void write_buffer(open_file& file) {
    if (file.buffer.empty())
      return;
    const std::string path = folder_.path_of(file.name);
    if (!file.file) {
      make_room();
      file.file = file.written == 0 ? create_file(path) : reopen(path);
      file.in_use = descriptors_.insert(descriptors_.end(), &file);
    }
    write_all(file.file.get(), file.buffer, path);
    file.written += file.buffer.size();
    buffered_ -= std::min(buffered_, file.buffer.size());
    file.buffer.clear();
    file.buffer.shrink_to_fit();
  }

  /// Closes the file that was not used for longest, if many are open.
  void make_room() {
    if (descriptors_.size() >= most_descriptors)
      close_descriptor(*descriptors_.front());
  }
  void close_descriptor(open_file& file) {
    sync_file(file.file.get(), folder_.path_of(file.name)); // an error must not go with the descriptor
    file.file = {};
    descriptors_.erase(file.in_use);
  }
  static file_descriptor reopen(const std::string& path) {
    file_descriptor file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
    if (!file)
      fail_io(path, "open", errno);
    return file;
  }

  /// All of the file becomes durable.
  void close(open_file& file) {
    write_buffer(file);
    if (file.file)
      close_descriptor(file);
  }

  std::string prepare_files(checkpoint_id checkpoint) {
    WEIR_FAILPOINT("text_files.prepare.before");
    std::vector<open_file> files = std::exchange(full_, {});
    for (auto& [folder, file] : current_) {
      close(file);
      files.push_back(std::move(file));
    }
    current_.clear();
    WEIR_FAILPOINT("text_files.prepare.synced");
    std::set<std::string> partitions;
    for (const auto& file : files)
      if (!file.folder.empty())
        partitions.insert(file.folder.substr(0, file.folder.size() - 1));
    make_folders(partitions);
    std::vector<prepared_file> prepared;
    for (const auto& file : files) {
      const std::string open_path = folder_.path_of(file.name);
      const std::string name = folder_.prepared_name(subtask_, checkpoint, file.number);
      if (!rename_file(open_path, folder_.path_of(name)))
        throw io_error({open_path, "the file that this sink was writing", "it is gone",
                        "let nothing else change the folder; a later attempt may have taken it over"});
      const auto number = many_ ? std::optional{file.number} : std::nullopt;
      prepared.push_back({name,
                          file.folder + output_folder::final_name(subtask_, checkpoint, settings_.extension, number),
                          file.written});
      check_target(folder_.path_of(prepared.back().to));
    }
    WEIR_FAILPOINT("text_files.prepare.renamed");
    sync_folder(folder_.directory());
    WEIR_FAILPOINT("text_files.prepare.after");
    next_number_ = 0;
    return to_json(prepared, many_);
  }

  /// Makes the folders of partitions durably. When output is prepared: what can't be made must fail before the
  /// checkpoint is complete. And when it is committed: somebody may have removed one that was empty.
  void make_folders(std::set<std::string> partitions) {
    std::erase_if(partitions, [this](const std::string& each) {
      std::error_code ignored;
      return made_.count(each) != 0 && std::filesystem::is_directory(folder_.path_of(each), ignored);
    });
    make_partition_folders(folder_.directory(), partitions);
    if (made_.size() + partitions.size() > most_known_folders)
      made_.clear();
    made_.merge(partitions);
  }
  /// The same for a name that no file can have.
  static void check_target(const std::string& path) {
    std::error_code fault;
    const auto there = std::filesystem::status(path, fault);
    if (there.type() == std::filesystem::file_type::none)
      fail_io(path, "look at", fault.value());
    if (there.type() == std::filesystem::file_type::directory)
      throw io_error({path, "a file, or nothing", "a folder", "move it away"});
  }

  /// Leaves out what was given up when the output of this run could not be found: what was prepared is gone with it.
  [[nodiscard]] std::vector<prepared_output> not_given_up(std::vector<prepared_output> pending) const {
    if (pending.empty())
      return pending;
    const checkpoint_id given_up = folder_.given_up();
    std::erase_if(pending, [&](const prepared_output& each) {
      if (each.checkpoint > given_up)
        return false;
      const auto files = prepared_files(each.id);
      return std::none_of(files.begin(), files.end(), [this](const prepared_file& file) {
        return size_of_file(folder_.path_of(file.from)) != no_file || size_of_file(folder_.path_of(file.to)) != no_file;
      });
    });
    return pending;
  }

  void commit_file(const prepared_file& prepared) const {
    const std::string from = folder_.path_of(prepared.from);
    const std::string to = folder_.path_of(prepared.to);
    if (const auto found = size_of_file(from); found != no_file) {
      check_size(from, prepared.bytes, found);
      if (!rename_file(from, to))
        throw io_error({from, "a prepared file", "it went away while it was to be committed",
                        "let nothing else change the folder"});
    } else if (const auto there = size_of_file(to); there != no_file) {
      check_size(to, prepared.bytes, there); // committed before
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

  line_files_settings settings_;
  output_folder folder_;
  writer_guard guard_{folder_.directory()};
  subtask_index subtask_;
  attempt_id attempt_;
  bool many_;                                // a checkpoint may have several files
  std::map<std::string, open_file> current_; // by folder: of what was written since the last barrier
  std::vector<open_file> full_;              // closed before the barrier
  std::set<std::string> made_;               // folders of partitions that this writer has made durable, or found so
  std::uint64_t next_number_ = 0;
  std::size_t buffered_ = 0;
  std::list<open_file*> descriptors_; // of current_: the files that have one, that used last at the end
  std::string key_;
  std::string next_key_;
};

class line_files_sink final : public any_sink {
public:
  explicit line_files_sink(line_files_settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return files_guarantee; }
  void check_output(const sink_start& start) const override { folder(start).check(start); }
  void prepare_output(const sink_start& start) const override { folder(start).claim(start); }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start& start) const override {
    return std::make_unique<line_files_writer>(settings_, start);
  }

private:
  [[nodiscard]] output_folder folder(const sink_start& start) const {
    return {settings_.directory, start.identity, settings_.partitions.type != nullptr};
  }

  line_files_settings settings_;
};

} // namespace

std::shared_ptr<const any_sink> make_line_files_sink(line_files_settings settings) {
  return std::make_shared<line_files_sink>(std::move(settings));
}

std::vector<error_text> line_files_problems(const line_files_settings& settings, const element_type& records) {
  std::vector<error_text> problems;
  if (settings.directory.empty() || settings.directory.find('\0') != std::string::npos)
    problems.push_back({settings.kind, "the path of a folder",
                        settings.directory.empty() ? "nothing" : "a zero byte in it", "name a folder"});
  if (settings.partitions.type && settings.partitions.type != &records)
    problems.push_back({settings.kind, "a partition_by for records of type " + std::string{records.name},
                        "one for " + std::string{settings.partitions.type->name},
                        "give partition_by a function of the stream's records"});
  return problems;
}

std::string line_files_guarantee() {
  return files_guarantee;
}

} // namespace weir::inline v0
