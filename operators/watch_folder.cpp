#include "watch_folder.hpp"

#include "byte_input.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"
#include "line_scanner.hpp"
#include "split_ids.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include <fnmatch.h>

namespace weir::inline v0 {

namespace {

class folder_reader final : public split_reader {
public:
  folder_reader(watch_folder_settings settings, const std::string& position, processing_time now)
      : settings_(std::move(settings)), next_at_(now) {
    if (position.empty())
      return;
    const auto object = flat_json::parse(position, "the position in " + settings_.directory);
    std::string_view names = object.text("done");
    while (!names.empty()) { // no name has a slash in it
      const auto slash = names.find('/');
      done_.emplace(names.substr(0, slash));
      names.remove_prefix(slash == std::string_view::npos ? names.size() : slash + 1);
    }
    done_text_changed_ = true;
    if (object.has("file"))
      reopen(object.text("file"), object.number("size"), object.number("offset"));
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    if (!scanner_ && !open_next()) {
      next_at_ += settings_.poll_interval;
      return read_status::later;
    }
    auto& lines = static_cast<collector<std::string>&>(out);
    std::size_t taken = 0;
    while (taken < std::max<std::size_t>(max_records, 1)) {
      std::string_view line;
      scanner_->mark();
      if (!scanner_->next(line)) {
        if (scanner_->at_end()) {
          finish();
          break;
        }
        if (taken > 0)
          break;
        scanner_->fill();
        continue;
      }
      if (line.ends_with('\n'))
        line.remove_suffix(1);
      if (line.ends_with('\r'))
        line.remove_suffix(1);
      lines(line);
      ++taken;
    }
    return read_status::more;
  }

  [[nodiscard]] std::string position() const override {
    if (done_text_changed_) {
      done_text_.clear();
      for (const auto& name : done_)
        done_text_ += (done_text_.empty() ? "" : "/") + name;
      done_text_changed_ = false;
    }
    flat_json object;
    object.set("done", done_text_);
    if (scanner_)
      object.set("file", file_).set("size", size_).set("offset", scanner_->offset());
    return object.to_string();
  }
  [[nodiscard]] processing_time next_at() const override { return next_at_; }

private:
  [[nodiscard]] std::string path_of(const std::string& name) const { return settings_.directory + "/" + name; }

  void reopen(const std::string& name, std::uint64_t size, std::uint64_t offset) {
    if (const auto found = size_of_file(path_of(name)); found == no_file || found < size)
      throw io_error({path_of(name), "the " + std::to_string(size) + " bytes of the file that was being read",
                      found == no_file ? "no file" : std::to_string(found) + " bytes",
                      "put it back, or begin anew with --fresh"});
    open(name, size, offset);
  }
  void open(const std::string& name, std::uint64_t size, std::uint64_t offset) {
    scanner_.emplace(open_file_input(path_of(name), size, offset), offset);
    file_ = name;
    size_ = size;
  }

  /// The first by name of the files that are not done.
  bool open_next() {
    std::set<std::string> there;
    std::error_code fault;
    for (std::filesystem::directory_iterator each{settings_.directory, fault}, end; !fault && each != end;
         each.increment(fault)) {
      std::string name = each->path().filename().string();
      std::error_code gone;
      if (!name.starts_with('.') && ::fnmatch(settings_.pattern.c_str(), name.c_str(), 0) == 0 &&
          each->is_regular_file(gone))
        there.insert(std::move(name));
    }
    if (fault)
      fail_io(settings_.directory, "list", fault.value());
    done_text_changed_ =
        std::erase_if(done_, [&](const std::string& name) { return there.count(name) == 0; }) > 0 || done_text_changed_;
    for (const auto& name : there)
      if (done_.count(name) == 0)
        if (const auto size = size_of_file(path_of(name)); size != no_file) {
          open(name, size, 0);
          return true;
        }
    return false;
  }
  void finish() {
    scanner_.reset();
    done_.insert(file_);
    done_text_changed_ = true;
  }

  watch_folder_settings settings_;
  std::set<std::string> done_; ///< of those that are there
  std::optional<line_scanner> scanner_;
  std::string file_; // being read
  std::uint64_t size_ = 0;
  processing_time next_at_;
  mutable std::string done_text_; // made when it is asked for
  mutable bool done_text_changed_ = false;
};

class folder_source final : public any_source {
public:
  explicit folder_source(watch_folder_settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override {
    check_folder();
    return {{split_id(0), flat_json{}.set("folder", settings_.directory).to_string()}};
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    for (const auto& split : splits) {
      const auto folder = flat_json::parse(split.description, "a split of watch_folder").text("folder");
      if (folder != settings_.directory)
        throw usage_error({"watch_folder " + settings_.directory, "the folder that this run watches, " + folder,
                           "another one", "name the same folder, or begin anew with --fresh"});
    }
    check_folder();
    return {};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split&, const std::string& position,
                                                         processing_time now) const override {
    return std::make_unique<folder_reader>(settings_, position, now);
  }

private:
  void check_folder() const {
    std::error_code fault;
    if (!std::filesystem::is_directory(settings_.directory, fault))
      throw usage_error({settings_.directory, "a folder", fault ? fault.message() : "something that is none",
                         "name a folder that is there"});
  }

  watch_folder_settings settings_;
};

} // namespace

std::shared_ptr<const any_source> watch_folder::source() const {
  return std::make_shared<folder_source>(settings_);
}

std::vector<error_text> watch_folder::problems() const {
  std::vector<error_text> problems;
  if (settings_.directory.empty() || settings_.directory.find('\0') != std::string::npos)
    problems.push_back({"watch_folder", "the path of a folder",
                        settings_.directory.empty() ? "nothing" : "a zero byte in it", "name a folder"});
  if (settings_.poll_interval.count() <= 0)
    problems.push_back({"watch_folder", "a poll interval above zero", "another one", "change .poll_interval"});
  return problems;
}

std::string watch_folder::guarantee() const {
  return "Each line of each file is read once; after a failure reading goes on behind the last line that the "
         "checkpoint "
         "has.";
}

} // namespace weir::inline v0
