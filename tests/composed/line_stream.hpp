// Lines that are sent in pieces, and what may be missing of them where they came at most once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace composed {

/// Numbered lines, all as long, of which any part may be sent.
class line_stream {
public:
  explicit line_stream(char name) : name_(name) {}

  [[nodiscard]] std::string line(std::size_t n) const {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%c %05zu", name_, n);
    return text.data();
  }
  static constexpr std::size_t line_bytes = 8; ///< with its end

  /// The next bytes: whole lines, and perhaps a part of one more.
  std::string next(std::size_t lines, std::size_t part) {
    std::string text;
    const std::size_t bytes = lines * line_bytes + part;
    while (text.size() < bytes) {
      const std::string whole = line(next_) + '\n';
      const std::size_t take = std::min(bytes - text.size(), whole.size() - sent_of_line_);
      text += whole.substr(sent_of_line_, take);
      sent_of_line_ += take;
      if (sent_of_line_ == whole.size()) {
        ++next_;
        sent_of_line_ = 0;
      }
    }
    return text;
  }
  /// What is missing of a line that was begun; else a line.
  std::string rest_of_line() { return next(0, line_bytes - sent_of_line_); }
  /// Whoever hears the rest has not heard this line's beginning: it is sent anew.
  void begin_line() { sent_of_line_ = 0; }
  [[nodiscard]] std::size_t lines_begun() const { return next_ + (sent_of_line_ > 0 ? 1 : 0); }

  /// What is wrong with what came out: lines that were never sent, lines that came twice, more gaps than deaths.
  /// `whole`: all was read to the end, so that a missing end is a gap, too.
  [[nodiscard]] std::string fault(const std::vector<std::string>& found, std::size_t most_gaps, bool whole) const {
    std::set<std::size_t> numbers;
    for (const std::string& each : found) {
      if (each.empty() || each.front() != name_)
        continue;
      const std::size_t n = std::strtoull(each.c_str() + 1, nullptr, 10);
      if (each != line(n) || n >= lines_begun())
        return "never sent: " + each;
      if (!numbers.insert(n).second)
        return "twice: " + each;
    }
    std::size_t gaps = 0;
    std::size_t expected = 0;
    for (const std::size_t n : numbers) {
      gaps += n != expected ? 1 : 0;
      expected = n + 1;
    }
    gaps += whole && expected != lines_begun() ? 1 : 0;
    return gaps <= most_gaps ? "" : std::to_string(gaps) + " gaps, and " + std::to_string(most_gaps) + " deaths";
  }

private:
  char name_;
  std::size_t next_ = 0;
  std::size_t sent_of_line_ = 0;
};

} // namespace composed
