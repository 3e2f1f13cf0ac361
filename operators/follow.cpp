#include "follow.hpp"

#include "flat_json.hpp"
#include "followed_files.hpp"
#include "poll_interval.hpp"
#include "split_ids.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace weir::inline v0 {

namespace {

constexpr std::size_t block_bytes = 64 * 1024;

class follow_reader final : public split_reader {
public:
  follow_reader(const follow_settings& settings, const std::string& position, processing_time now)
      : settings_(settings), base_(name_in_folder(settings.path)), next_at_(now) {
    if (!position.empty())
      find(log_place::parse(position, "the position in " + settings_.path));
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    auto& lines = static_cast<collector<std::string>&>(out);
    for (;;) {
      if (!file_ && !open_base())
        return wait();
      if (const std::size_t taken = take_lines(lines, max_records); taken > 0)
        return read_status::more;
      if (fill())
        continue;
      if (is_not_what_was_read()) {
        after_truncation();
        continue;
      }
      const auto next = successor();
      if (!next)
        return wait();
      if (fill()) // its writer may have added something before it turned to the next
        continue;
      const bool rest = !buffer_.empty();
      if (rest) // nobody will end this line any more
        emit(lines, buffer_.size(), buffer_.size());
      open_next(*next);
      if (rest)
        return read_status::more;
    }
  }

  [[nodiscard]] std::string position() const override {
    if (!begun_)
      return {};
    log_place place = place_;
    place.prefix_size = prefix_.size();
    place.prefix_hash = hash_bytes(prefix_);
    return place.to_json();
  }
  [[nodiscard]] processing_time next_at() const override { return next_at_; }

private:
  read_status wait() {
    next_at_ = next_poll(next_at_, settings_.poll_interval);
    return read_status::later;
  }

  bool open_base() {
    const auto found = open_log(settings_.path, file_);
    if (found)
      begin(*found, settings_.path);
    return found.has_value();
  }
  /// Begins at a file's first byte.
  void begin(const log_file& file, std::string path) {
    path_ = std::move(path);
    place_ = {file.identity(), file.modified_ns, place_.finished, 0, 0, 0, place_.truncations};
    prefix_.clear();
    buffer_.clear();
    searched_ = 0;
    begun_ = true;
  }
  void open_next(const log_file& next) {
    const std::string path = folder_of(settings_.path) + "/" + next.name;
    file_descriptor file;
    const auto opened = open_log(path, file);
    if (!opened || !opened->is_same(next))
      return; // renamed just now: the next look finds it
    place_.finished = place_.identity;
    file_ = std::move(file);
    begin(*opened, path);
  }

  /// The file that follows, if this one is no longer the log.
  std::optional<log_file> successor() {
    log_file current = describe_log(file_.get(), path_);
    const auto base = look_at_log(settings_.path);
    if (!base || base->is_same(current))
      return std::nullopt; // gone, until it comes back; or still the one
    return next_log(base_, log_and_rotated(settings_.path), current,
                    [&](const log_file& each) { return is_copy(each, current); });
  }
  [[nodiscard]] bool is_copy(const log_file& next, const log_file& current) const {
    std::string prefix = prefix_;
    if (prefix.size() < log_prefix_bytes && prefix.size() == place_.offset)
      prefix.append(buffer_, 0, log_prefix_bytes - prefix.size());
    return is_copy_of_read(next, folder_of(settings_.path) + "/" + next.name, current, place_.offset + buffer_.size(),
                           prefix);
  }

  /// Reads more; false at the end of the file.
  bool fill() {
    const std::size_t before = buffer_.size();
    check_length(before - (buffer_.ends_with('\r') ? 1 : 0)); // which may be of its line end
    // Looked at before it is read: a copy that is made later is not older than this.
    const std::int64_t modified_ns = describe_log(file_.get(), path_).modified_ns;
    buffer_.resize(before + block_bytes);
    const std::size_t got =
        read_file_at(file_.get(), buffer_.data() + before, block_bytes, place_.offset + before, path_);
    buffer_.resize(before + got);
    if (got > 0 && !begins_as(file_.get(), path_, known(before))) {
      buffer_.resize(before);
      after_truncation(); // emptied, and longer again than it was
      return true;
    }
    if (got > 0)
      place_.modified_ns = modified_ns;
    return got > 0;
  }
  /// At the file's end: whether it was emptied since. It may be as long again as it was.
  [[nodiscard]] bool is_not_what_was_read() const {
    return describe_log(file_.get(), path_).size < place_.offset + buffer_.size() ||
           !begins_as(file_.get(), path_, known(buffer_.size()));
  }
  /// The place, known by all that was read before the last `fill`, also by what waits in the buffer.
  [[nodiscard]] log_place known(std::size_t buffered) const {
    log_place place = place_;
    std::string prefix = prefix_;
    if (prefix.size() < log_prefix_bytes && prefix.size() == place_.offset)
      prefix.append(buffer_, 0, std::min(buffered, log_prefix_bytes - prefix.size()));
    place.prefix_size = prefix.size();
    place.prefix_hash = hash_bytes(prefix);
    return place;
  }

  /// The file has lost what was read: the rest is in a copy, or gone.
  void after_truncation() {
    const log_place place = known(buffer_.size());
    if (place.prefix_size > 0 && open_copy(place, describe_log(file_.get(), path_)))
      return;
    ++place_.truncations;
    begin(describe_log(file_.get(), path_), path_);
  }
  /// Goes on in another file that begins alike and holds what was read: the oldest, of those that may be a copy.
  bool open_copy(const log_place& place, const log_file& but) {
    const auto found = possible_copies(settings_.path, place);
    return std::any_of(found.begin(), found.end(),
                       [&](const log_file& each) { return !each.is_same(but) && open_if_known(each, place); });
  }
  bool open_if_known(const log_file& found, const log_place& place) {
    const std::string path = folder_of(settings_.path) + "/" + found.name;
    file_descriptor file;
    const auto opened = open_log(path, file);
    if (!opened || !begins_as(file.get(), path, place))
      return false;
    std::string prefix(static_cast<std::size_t>(place.prefix_size), '\0');
    if (read_all_at(file.get(), prefix.data(), prefix.size(), 0, path) != prefix.size())
      return false; // shortened just now
    file_ = std::move(file);
    begin(*opened, path);
    place_.offset = place.offset;
    prefix.resize(static_cast<std::size_t>(std::min(place.prefix_size, place.offset)));
    prefix_ = std::move(prefix);
    return true;
  }

  /// Finds what an earlier reader has read.
  void find(const log_place& place) {
    place_.truncations = place.truncations;
    place_.finished = place.finished;
    const auto found = log_and_rotated(settings_.path);
    for (const auto& each : found)
      if (each.identity() == place.identity && open_if_known(each, place))
        return;
    if (place.prefix_size > 0 && open_copy(place, {}))
      return;
    if (place.offset > 0 && !settings_.allow_loss)
      throw io_error({settings_.path, "the file that was followed up to byte " + std::to_string(place.offset),
                      "neither it nor a copy of it beside " + settings_.path,
                      "put it back under a name such as " + base_ +
                          ".1; or, to go on without what was added to it since, use .allow_loss()"});
  }

  std::size_t take_lines(collector<std::string>& out, std::size_t max_records) {
    std::size_t taken = 0;
    std::size_t at = 0; // of the next line in the buffer
    while (taken < std::max<std::size_t>(max_records, 1)) {
      const std::size_t from = std::max(at, searched_);
      const std::size_t end = buffer_.find('\n', from);
      if (end == std::string::npos) {
        searched_ = buffer_.size();
        break;
      }
      if (end - at > settings_.most_line_bytes && taken > 0)
        break; // an error, once those before it are out
      put(out, at, end);
      at = end + 1;
      searched_ = at;
      ++taken;
    }
    drop(at);
    return taken;
  }
  void emit(collector<std::string>& out, std::size_t size, std::size_t with_end) {
    put(out, 0, size);
    drop(with_end);
  }
  void put(collector<std::string>& out, std::size_t from, std::size_t end) const {
    if (end > from && buffer_[end - 1] == '\r')
      --end;
    check_length(end - from);
    out(std::string_view{buffer_.data() + from, end - from});
  }
  /// Of the line at the place, without its line end.
  void check_length(std::size_t line_bytes) const {
    if (line_bytes > settings_.most_line_bytes)
      throw io_error({path_, "lines of at most " + std::to_string(settings_.most_line_bytes) + " bytes",
                      "a longer one at byte " + std::to_string(place_.offset), "raise .most_line_bytes"});
  }
  void drop(std::size_t bytes) {
    if (prefix_.size() < log_prefix_bytes && prefix_.size() == place_.offset)
      prefix_.append(buffer_, 0, std::min(bytes, log_prefix_bytes - prefix_.size()));
    buffer_.erase(0, bytes);
    place_.offset += bytes;
    searched_ -= std::min(searched_, bytes);
  }

  follow_settings settings_;
  std::string base_;
  std::string path_; // of the open file, as it was when it was opened
  file_descriptor file_;
  log_place place_;
  bool begun_ = false;
  std::string prefix_; // the first bytes of what was read
  std::string buffer_; // read, not emitted: the bytes from place_.offset on
  std::size_t searched_ = 0;
  processing_time next_at_;
};

/// The place behind the last line end.
std::string end_of_log(const std::string& path) {
  file_descriptor file;
  const auto found = open_log(path, file);
  if (!found)
    return {};
  log_place place;
  place.identity = found->identity();
  place.modified_ns = found->modified_ns;
  place.offset = found->size;
  std::string block;
  for (bool searching = true; searching && place.offset > 0;) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(place.offset, block_bytes));
    block.resize(bytes);
    const std::uint64_t from = place.offset - bytes;
    if (read_all_at(file.get(), block.data(), bytes, from, path) != bytes)
      return {}; // shortened just now: from the beginning
    const auto end = block.rfind('\n');
    searching = end == std::string::npos;
    place.offset = searching ? from : from + end + 1;
  }
  std::string prefix(static_cast<std::size_t>(std::min<std::uint64_t>(place.offset, log_prefix_bytes)), '\0');
  if (read_all_at(file.get(), prefix.data(), prefix.size(), 0, path) != prefix.size())
    return {};
  place.prefix_size = prefix.size();
  place.prefix_hash = hash_bytes(prefix);
  return place.to_json();
}

class follow_source final : public any_source {
public:
  explicit follow_source(follow_settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override {
    if (const auto found = look_at_file(settings_.path); found && !found->regular)
      throw usage_error(
          {settings_.path, "a file whose lines can be followed", "something that is no regular file", "name a file"});
    flat_json object;
    object.set("path", settings_.path);
    if (settings_.from_end)
      object.set("begin", end_of_log(settings_.path));
    return {{split_id(0), object.to_string()}};
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    for (const auto& split : splits)
      if (const auto path = flat_json::parse(split.description, "a split of follow").text("path");
          path != settings_.path)
        throw usage_error({"follow " + settings_.path, "the log that this run follows, " + path, "another one",
                           "name the same log, or begin anew with --fresh"});
    return {};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time now) const override {
    const auto object = flat_json::parse(split.description, "a split of follow");
    const bool fresh = position.empty() && object.has("begin");
    return std::make_unique<follow_reader>(settings_, fresh ? object.text("begin") : position, now);
  }

private:
  follow_settings settings_;
};

} // namespace

std::shared_ptr<const any_source> follow::source() const {
  return std::make_shared<follow_source>(settings_);
}

std::vector<error_text> follow::problems() const {
  std::vector<error_text> problems;
  if (settings_.path.empty() || settings_.path.back() == '/' || settings_.path.find('\0') != std::string::npos)
    problems.push_back({"follow", "the path of a file", settings_.path.empty() ? "nothing" : settings_.path,
                        "name the log to follow"});
  if (settings_.poll_interval <= std::chrono::milliseconds{0})
    problems.push_back({"follow", "a poll interval above zero", "another one", "change .poll_interval"});
  return problems;
}

std::string follow::guarantee() const {
  return "Each line is read once, through rotations and failures, if the log was not emptied or removed before it was "
         "read.";
}

} // namespace weir::inline v0
