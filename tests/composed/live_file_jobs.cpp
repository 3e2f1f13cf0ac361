// Jobs that follow files which others write, rename, empty and remove meanwhile.
#include "composed/composed_jobs.hpp"

#include <weir/weir.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <stdexcept>

namespace composed {

namespace {

using namespace std::chrono_literals;
using simulation::chance;
namespace fs = std::filesystem;

/// As long as each other: so a file that is emptied and written anew can be as long as it was.
std::string numbered_line(std::size_t n) {
  char text[16];
  std::snprintf(text, sizeof text, "line %04zu", n);
  return text;
}

std::vector<std::string> numbered_lines(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t n = 0; n != count; ++n)
    all.push_back(numbered_line(n));
  return all;
}

/// Writes numbered lines, and knows which have come out of the job.
class line_world : public world {
public:
  line_world(const surroundings& around, chance random, std::size_t lines)
      : random_(random), lines_(lines), folder_(around.folder), out_(around.out) {}

  [[nodiscard]] bool done() const override { return next_ == lines_ && out_->committed.size() >= lines_; }
  [[nodiscard]] std::string fault() const { return same_lines(out_->committed, numbered_lines(lines_)); }

protected:
  [[nodiscard]] bool is_out(std::size_t line) const {
    const std::string text = numbered_line(line);
    return std::find(out_->committed.begin(), out_->committed.end(), text) != out_->committed.end();
  }
  [[nodiscard]] bool anything_is_out() const { return !out_->committed.empty(); }

  chance random_;
  std::size_t lines_;
  std::size_t next_ = 0; ///< the number of the next line
  fs::path folder_;

private:
  std::shared_ptr<ledger> out_;
};

// -- follow

enum class rotation { renaming, copying };

/// Writes a log and rotates it. The times of its files are made up, and coarse, so that a seed repeats them.
class rotated_log final : public line_world {
public:
  rotated_log(const surroundings& around, chance random, rotation how)
      : line_world(around, random, 100), how_(how), dated_(random_.one_in(2)), log_(folder_ / "log"), current_(log_) {}

  void act() override {
    now_ += random_.below(3);
    if (random_.one_in(6) && may_rotate())
      return how_ == rotation::renaming ? rename_log() : copy_log();
    if (!fs::exists(log_) && random_.one_in(3))
      return turn_to_new_log();
    if (next_ < lines_)
      write_some();
    else
      end_line();
  }
  [[nodiscard]] bool done() const override { return !half_ && line_world::done(); }

private:
  /// A file that a rotation has made.
  struct old_file {
    fs::path path;
    std::size_t next = 0; ///< the first line that is not in it or before it
  };

  void write(const std::string& text) {
    std::ofstream{current_, std::ios::app | std::ios::binary} << text;
    touch(current_);
  }
  void touch(const fs::path& file) const {
    fs::last_write_time(file, fs::file_time_type{} + std::chrono::milliseconds{4 * now_});
  }
  void write_some() {
    if (!fs::exists(current_) && current_ != log_)
      throw std::logic_error{"the log that is written was removed"};
    end_line();
    for (std::uint64_t n = random_.between(1, 4); n != 0 && next_ < lines_; --n)
      write(numbered_line(next_++) + '\n');
    if (next_ < lines_ && random_.one_in(4)) {
      write(numbered_line(next_++).substr(0, 6));
      half_ = true;
    }
  }
  /// Writes the rest of a line of which there is a half.
  void end_line() {
    if (std::exchange(half_, false))
      write(numbered_line(next_ - 1).substr(6) + '\n');
  }

  /// Before something of the log is in a checkpoint, a run begins with the log that is there.
  [[nodiscard]] bool may_rotate() const { return fs::exists(log_) && current_ == log_ && anything_is_out(); }
  /// The old logs move on; those of which nobody needs anything go.
  fs::path room_for_one() {
    for (std::size_t i = 0; i + 2 < old_.size();) // the newest two stay
      if (old_[i].next < next_ && is_out(old_[i].next)) {
        fs::remove(old_[i].path);
        old_.erase(old_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    if (dated_)
      return folder_ / ("log-2026" + std::to_string(1000 + dates_++));
    for (std::size_t i = 0; i != old_.size(); ++i) { // the oldest first
      const fs::path to = folder_ / ("log." + std::to_string(old_.size() - i + 1));
      fs::rename(old_[i].path, to);
      old_[i].path = to;
    }
    return folder_ / "log.1";
  }
  void rename_log() {
    const fs::path to = room_for_one();
    fs::rename(log_, to);
    current_ = to; // which its writer has open
    old_.push_back({to, next_});
  }
  /// The writer notices that its log was renamed.
  void turn_to_new_log() {
    if (current_ == log_ && fs::exists(log_))
      return;
    if (half_) {
      if (next_ == lines_ || random_.one_in(2))
        end_line();
      else
        write(numbered_line(next_ - 1).substr(6)); // a last line without its end
      half_ = false;
    }
    if (!old_.empty())
      old_.back().next = next_;
    current_ = log_;
    write("");
  }
  void copy_log() {
    end_line();
    const fs::path to = room_for_one();
    fs::copy_file(log_, to);
    touch(to);
    fs::resize_file(log_, 0);
    touch(log_);
    old_.push_back({to, next_});
  }

  rotation how_;
  bool dated_;
  fs::path log_;
  fs::path current_; ///< what is written
  bool half_ = false;
  std::vector<old_file> old_; ///< the oldest first
  int dates_ = 0;
  std::uint64_t now_ = 1'000'000;
};

composition followed(std::string name, rotation how) {
  return {
      std::move(name),
      [](weir::job& job, const surroundings& around) {
        job.source("log", weir::follow{(around.folder / "log").string()}.poll_interval(1ms))
            .sink("out", to_ledger{around.out});
      },
      [](const surroundings& around) { return around.in<rotated_log>().fault(); },
      {},
      [how](const surroundings& around, chance random) { return std::make_shared<rotated_log>(around, random, how); }};
}

// -- watch_folder

/// Puts files into a folder, and takes those away whose lines are all there.
class filled_folder final : public line_world {
public:
  filled_folder(const surroundings& around, chance random) : line_world(around, random, 120) {
    fs::create_directory(folder_ / "in");
  }

  void act() override {
    if (random_.one_in(3))
      return take_away();
    if (next_ == lines_)
      return;
    std::string text;
    placed_file file{next_, next_, {}};
    for (std::uint64_t n = random_.below(9); n != 0 && next_ < lines_; --n)
      text += numbered_line(next_++) + '\n';
    file.end = next_;
    if (!text.empty() && random_.one_in(4))
      text.pop_back(); // a last line needs no end
    // Names in no order: a file that comes later may be the first one of those that are there.
    file.path = folder_ / "in" / (std::to_string(random_.below(10)) + "-" + std::to_string(count_++) + ".txt");
    const fs::path hidden = folder_ / "in" / ".new";
    random_.one_in(3) ? write_packed(hidden, text) : write_plain(hidden, text);
    fs::rename(hidden, file.path);
    placed_.push_back(std::move(file));
  }

private:
  struct placed_file {
    std::size_t begin = 0;
    std::size_t end = 0;
    fs::path path;
  };

  static void write_plain(const fs::path& path, const std::string& text) {
    std::ofstream{path, std::ios::binary} << text;
  }
  static void write_packed(const fs::path& path, const std::string& text) {
    const gzFile file = ::gzopen(path.c_str(), "wb");
    if (file == nullptr ||
        ::gzwrite(file, text.data(), static_cast<unsigned>(text.size())) != static_cast<int>(text.size()) ||
        ::gzclose(file) != Z_OK)
      throw std::runtime_error{"cannot write " + path.string()};
  }
  /// What has come out can be removed.
  void take_away() {
    const auto finished = [this](const placed_file& file) {
      for (std::size_t n = file.begin; n != file.end; ++n)
        if (!is_out(n))
          return false;
      return file.begin != file.end;
    };
    const auto at = std::find_if(placed_.begin(), placed_.end(), finished);
    if (at == placed_.end())
      return;
    fs::remove(at->path);
    placed_.erase(at);
  }

  std::vector<placed_file> placed_;
  int count_ = 0;
};

composition watched() {
  return {"watch_folder",
          [](weir::job& job, const surroundings& around) {
            job.source("folder", weir::watch_folder{(around.folder / "in").string()}.poll_interval(1ms))
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) { return around.in<filled_folder>().fault(); },
          {},
          [](const surroundings& around, chance random) { return std::make_shared<filled_folder>(around, random); }};
}

} // namespace

std::vector<composition> live_file_jobs() {
  return {followed("follow a log that is renamed", rotation::renaming),
          followed("follow a log that is copied and emptied", rotation::copying), watched()};
}

} // namespace composed
