#include "standard_input.hpp"

#include "../persistence/error.hpp"
#include "flat_json.hpp"
#include "line_input.hpp"
#include "split_ids.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include <poll.h>
#include <unistd.h>

namespace weir::inline v0 {

namespace {

/// What was read and not emitted belongs to the source: the reader of the next attempt goes on with it.
struct input_state {
  std::mutex mutex;
  line_buffer lines;
  bool ended = false;
};

class standard_input_reader final : public split_reader {
public:
  standard_input_reader(int file, std::size_t most_line_bytes, std::shared_ptr<input_state> state,
                        const std::string& position)
      : file_(file), most_line_bytes_(most_line_bytes), state_(std::move(state)) {
    if (!position.empty())
      emitted_ = flat_json::parse(position, "the position in the standard input").number("lines");
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    const std::lock_guard alone{state_->mutex};
    auto& lines = static_cast<collector<std::string>&>(out);
    const std::uint64_t before = emitted_;
    std::string_view line;
    while (emitted_ - before < std::max<std::size_t>(max_records, 1) && state_->lines.take(line)) {
      if (line.size() > most_line_bytes_) {
        state_->lines.put_back(line); // the next attempt must not go on as if it had not been there
        if (emitted_ > before)
          break; // an error, once those before it are out
        check_length(line.size());
      }
      emit(lines, line);
    }
    if (emitted_ > before)
      return read_status::more;
    check_length(state_->lines.waiting_line());
    if (!state_->ended)
      fill();
    if (!state_->ended)
      return read_status::more;
    if (state_->lines.take_rest(line))
      emit(lines, line);
    return read_status::end;
  }

  [[nodiscard]] std::string position() const override { return json_number("lines", emitted_); }
  void interrupt() noexcept override { wait_.wake(); }

private:
  void check_length(std::size_t line_bytes) const {
    if (line_bytes > most_line_bytes_)
      throw io_error({"the standard input", "lines of at most " + std::to_string(most_line_bytes_) + " bytes",
                      "a longer one behind line " + std::to_string(emitted_), "raise .most_line_bytes"});
  }

  void emit(collector<std::string>& lines, std::string_view line) {
    lines(line);
    ++emitted_;
  }

  void fill() {
    std::vector<pollfd> files{{file_, POLLIN, 0}};
    wait_.wait(files, longest_input_wait);
    if (files[0].revents == 0)
      return;
    std::array<char, 64 * 1024> block{};
    const auto got = ::read(file_, block.data(), block.size());
    if (got > 0)
      state_->lines.append({block.data(), static_cast<std::size_t>(got)});
    else if (got == 0)
      state_->ended = true;
    else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
      fail_io("the standard input", "read", errno);
  }

  int file_;
  std::size_t most_line_bytes_;
  std::shared_ptr<input_state> state_;
  wakeable_wait wait_;
  std::uint64_t emitted_ = 0;
};

class standard_input_source final : public any_source {
public:
  standard_input_source(int file, std::size_t most_line_bytes) : file_(file), most_line_bytes_(most_line_bytes) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override {
    return {{split_id(0), flat_json{}.set("input", "standard").to_string()}};
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    if (splits.empty())
      return {};
    return {
        "the standard input cannot be read again: lines that were read after the last checkpoint are lost; this run "
        "goes on with what the standard input gives now."};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split&, const std::string& position,
                                                         processing_time) const override {
    return std::make_unique<standard_input_reader>(file_, most_line_bytes_, state_, position);
  }

private:
  int file_;
  std::size_t most_line_bytes_;
  std::shared_ptr<input_state> state_ = std::make_shared<input_state>();
};

} // namespace

std::shared_ptr<const any_source> standard_input::source() const {
  return std::make_shared<standard_input_source>(file_, most_line_bytes_);
}

std::string standard_input::guarantee() const {
  return "At most once: a failure loses the lines that were read since the last checkpoint.";
}

} // namespace weir::inline v0
