#include "watch_folder.hpp"

#include "byte_input.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"
#include "line_scanner.hpp"
#include "poll_interval.hpp"
#include "split_ids.hpp"
#include "watched_files.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <fnmatch.h>

namespace weir::inline v0 {

namespace {

class folder_reader final : public split_reader {
public:
  folder_reader(watch_folder_settings settings, const std::string& position, processing_time now)
      : settings_(std::move(settings)), next_at_(now) {
    if (position.empty())
      return;
    const std::string thing = "the position in " + settings_.directory;
    const auto object = flat_json::parse(position, thing);
    done_ = done_files::parse(object.text("done"), thing);
    if (object.has("file"))
      reopen(object.text("file"),
             {object.number("identity"), object.number("size"), static_cast<std::int64_t>(object.number("modified")),
              object.number("hash")},
             object.number("offset"));
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    if (!scanner_ && !open_next()) {
      next_at_ = next_poll(next_at_, settings_.poll_interval);
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
        check_length(scanner_->waiting_bytes());
        scanner_->fill();
        continue;
      }
      check_length(without_line_end(line).size());
      lines(without_line_end(line));
      ++taken;
    }
    if (scanner_ && scanner_->waiting_bytes() == 0)
      look_for_end();
    return read_status::more;
  }

  [[nodiscard]] std::string position() const override {
    flat_json object; // but for what is done, which may be long
    if (scanner_) {
      object.set("file", name_).set("identity", file_.identity).set("size", file_.size);
      object.set("modified", static_cast<std::uint64_t>(file_.modified_ns)).set("hash", file_.prefix_hash);
      object.set("offset", scanner_->offset());
    }
    const std::string rest = object.to_string();
    constexpr std::string_view begin = R"({"done":")";
    std::string json;
    json.reserve(begin.size() + done_.json_text().size() + rest.size() + 2);
    json.append(begin).append(done_.json_text()).append(scanner_ ? "\"," : "\"");
    return json.append(rest, 1);
  }
  [[nodiscard]] processing_time next_at() const override { return next_at_; }

private:
  [[nodiscard]] std::string path_of(const std::string& name) const { return settings_.directory + "/" + name; }

  void check_length(std::size_t line_bytes) const {
    if (line_bytes > settings_.most_line_bytes)
      throw io_error({path_of(name_), "lines of at most " + std::to_string(settings_.most_line_bytes) + " bytes",
                      "a longer one at about byte " + std::to_string(scanner_->offset()),
                      "raise .most_line_bytes, or take the file away and begin anew with --fresh"});
  }

  /// Goes on in the file that was half read.
  void reopen(const std::string& name, const watched_file& file, std::uint64_t offset) {
    const auto refuse = [&](const std::string& found) {
      throw io_error({path_of(name), "the " + std::to_string(file.size) + " bytes of the file that was being read",
                      found, "put it back, or begin anew with --fresh"});
    };
    const auto found = look_at_file(path_of(name));
    if (!found)
      refuse("no file");
    if (found->size < file.size)
      refuse(std::to_string(found->size) + " bytes");
    if (!found->regular || !file.is_at(path_of(name), *found) || !open(name, file, identity_of(*found), offset))
      refuse("another file of this name");
  }
  /// False if the file at this name is not, or no longer, the one with this identity.
  bool open(const std::string& name, const watched_file& file, std::uint64_t identity, std::uint64_t offset) {
    auto input = open_file_input(path_of(name), file.size, offset);
    const auto found = look_at_file(path_of(name));
    if (!found || identity_of(*found) != identity)
      return false;
    scanner_.emplace(std::move(input), offset);
    name_ = name;
    file_ = file;
    return true;
  }
  /// False if it is gone, or just replaced: then it is found when the folder is listed again.
  bool open_new(const std::string& name) {
    const std::string path = path_of(name);
    if (done_.has(name, path))
      return false;
    const auto found = look_at_file(path);
    if (!found)
      return false;
    try {
      const auto file = watched_file::look_at(path);
      return file && open(name, *file, file->identity, 0);
    } catch (const missing_file_error&) {
      return false;
    } catch (const io_error&) {
      const auto now = look_at_file(path);
      if (now && identity_of(*now) == identity_of(*found))
        throw;
      return false;
    }
  }

  /// The next by name of the files that are not done.
  bool open_next() {
    if (waiting_.empty())
      list();
    while (!waiting_.empty()) {
      const std::string name = std::move(waiting_.front());
      waiting_.pop_front();
      if (open_new(name))
        return true;
    }
    return false;
  }
  void list() {
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
    done_.keep(there);
    waiting_.assign(there.begin(), there.end());
  }
  /// A file whose last line was emitted is done at once: whoever sees that line in the output may remove the file.
  void look_for_end() {
    scanner_->mark();
    if (!scanner_->fill())
      finish();
  }
  void finish() {
    scanner_.reset();
    done_.add(name_, file_);
  }

  watch_folder_settings settings_;
  done_files done_;                 // of those that are there
  std::deque<std::string> waiting_; // found when the folder was last listed, and not looked at since
  std::optional<line_scanner> scanner_;
  std::string name_; // of the file that is being read
  watched_file file_;
  processing_time next_at_;
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
         "checkpoint has.";
}

} // namespace weir::inline v0
