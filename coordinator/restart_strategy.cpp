// Restart strategies and their written form.
#include "restart_strategy.hpp"

#include "../persistence/error.hpp"
#include "../persistence/saturating_time.hpp"
#include "duration_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace weir::inline v0 {

namespace {

constexpr std::string_view forms = "none, fixed:<count>,<delay>, exponential:<initial>,<max>,<multiplier>,<jitter>,"
                                   "<reset after>,<count> or rate:<max>,<interval>,<delay>";

[[noreturn]] void refuse(std::string_view text, std::string_view part, std::string_view expected) {
  throw usage_error{{"restart strategy \"" + std::string{text} + "\"", std::string{expected},
                     "\"" + std::string{part} + "\"", "write " + std::string{forms}}};
}

/// The comma-separated parts after the strategy's name, read one after the other.
class parts_reader {
public:
  parts_reader(std::string_view whole, std::string_view rest) : whole_(whole) {
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      parts_.push_back(rest.substr(0, comma));
      if (comma == std::string_view::npos)
        break;
      rest.remove_prefix(comma + 1);
      if (rest.empty())
        parts_.emplace_back();
    }
  }

  void read(std::uint32_t& value, std::uint32_t least) {
    if (const auto* part = next())
      if (!number(*part, value) || value < least)
        refuse(whole_, *part, "a whole number of at least " + std::to_string(least));
  }
  void read(std::chrono::microseconds& value, std::chrono::microseconds least) {
    if (const auto* part = next()) {
      const auto duration = parse_duration(*part);
      if (!duration || *duration < least)
        refuse(whole_, *part, "a duration such as 200ms, 30s or 1min");
      value = *duration;
    }
  }
  void read(double& value, double least, double most, std::string_view expected) {
    if (const auto* part = next())
      if (!number(*part, value) || !(value >= least && value <= most))
        refuse(whole_, *part, expected);
  }
  void end() const {
    if (next_ < parts_.size())
      refuse(whole_, parts_[next_], "no more parts");
  }

private:
  const std::string_view* next() { return next_ < parts_.size() ? &parts_[next_++] : nullptr; }
  template <class Number>
  static bool number(std::string_view text, Number& value) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc{} && end == text.data() + text.size();
  }

  std::string_view whole_;
  std::vector<std::string_view> parts_;
  std::size_t next_ = 0;
};

std::string number_text(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

} // namespace

restart_settings parse_restart_settings(std::string_view text) {
  using namespace std::chrono_literals;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  parts_reader parts{text, colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1)};
  if (kind == "none") {
    parts.end();
    return no_restart{};
  }
  if (kind == "fixed") {
    fixed_delay_restart s;
    parts.read(s.count, 1);
    parts.read(s.delay, 0us);
    parts.end();
    return s;
  }
  if (kind == "exponential") {
    exponential_delay_restart s;
    parts.read(s.initial, 1us);
    parts.read(s.max, 1us);
    parts.read(s.multiplier, 1, 1e6, "a multiplier of at least 1");
    parts.read(s.jitter, 0, 1, "a jitter from 0 to 1");
    parts.read(s.reset_after, 0us);
    parts.read(s.count, 0);
    parts.end();
    if (s.max < s.initial)
      refuse(text, duration_text(s.max), "a maximum that is not below the initial delay");
    return s;
  }
  if (kind == "rate") {
    failure_rate_restart s;
    parts.read(s.max_restarts, 1);
    parts.read(s.interval, 1us);
    parts.read(s.delay, 0us);
    parts.end();
    return s;
  }
  refuse(text, kind, "one of none, fixed, exponential, rate");
}

std::string to_text(const restart_settings& settings) {
  struct writer {
    std::string operator()(const no_restart&) const { return "none"; }
    std::string operator()(const fixed_delay_restart& s) const {
      return "fixed:" + std::to_string(s.count) + "," + duration_text(s.delay);
    }
    std::string operator()(const exponential_delay_restart& s) const {
      return "exponential:" + duration_text(s.initial) + "," + duration_text(s.max) + "," + number_text(s.multiplier) +
             "," + number_text(s.jitter) + "," + duration_text(s.reset_after) + "," + std::to_string(s.count);
    }
    std::string operator()(const failure_rate_restart& s) const {
      return "rate:" + std::to_string(s.max_restarts) + "," + duration_text(s.interval) + "," + duration_text(s.delay);
    }
  };
  return std::visit(writer{}, settings);
}

std::optional<std::chrono::microseconds> restart_strategy::failed(monotonic_time now, double random) {
  const auto granted = std::visit([&](const auto& settings) { return delay(settings, now, random); }, settings_);
  if (granted)
    ++restarts_;
  return granted;
}

std::optional<std::chrono::microseconds> restart_strategy::delay(const no_restart&, monotonic_time, double) {
  return std::nullopt;
}

std::optional<std::chrono::microseconds> restart_strategy::delay(const fixed_delay_restart& s, monotonic_time, double) {
  if (restarts_ >= s.count)
    return std::nullopt;
  return s.delay;
}

std::optional<std::chrono::microseconds> restart_strategy::delay(const exponential_delay_restart& s, monotonic_time now,
                                                                 double random) {
  if (due_ && now - *due_ >= s.reset_after)
    since_reset_ = 0;
  if (s.count != 0 && since_reset_ >= s.count)
    return std::nullopt;
  const double most = static_cast<double>(s.max.count());
  double microseconds = static_cast<double>(s.initial.count()) * std::pow(s.multiplier, since_reset_);
  microseconds = std::min(microseconds, most); // infinity included
  microseconds = std::clamp(microseconds * (1 + s.jitter * (2 * random - 1)), 0.0, most);
  ++since_reset_;
  const std::chrono::microseconds granted{std::llround(std::min(microseconds, 9e18))};
  due_ = saturating_add(now, granted);
  return granted;
}

std::optional<std::chrono::microseconds> restart_strategy::delay(const failure_rate_restart& s, monotonic_time now,
                                                                 double) {
  while (!in_window_.empty() && now - in_window_.front() >= s.interval)
    in_window_.pop_front();
  if (in_window_.size() >= s.max_restarts)
    return std::nullopt;
  in_window_.push_back(now);
  return s.delay;
}

} // namespace weir::inline v0
