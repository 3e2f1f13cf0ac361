#include "failpoint.hpp"

#ifdef WEIR_FAILPOINTS

#include "error.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <unistd.h>

namespace weir::inline v0::failpoints {

namespace {

/// What a reach has to look at. Until the environment has been read, all of it.
enum class watch : std::uint8_t { unknown, nothing, something };
std::atomic<watch> watched{watch::unknown};

std::mutex handler_mutex;

std::shared_ptr<const handler>& present_handler() {
  static std::shared_ptr<const handler> present;
  return present;
}

enum class action : std::uint8_t { none, kill, stop, raise };

struct armed_point {
  std::size_t index = all_names.size();
  std::uint64_t nth = 0;
  action what = action::none;
};

[[noreturn]] void refuse_variable(std::string_view text, const std::string& found) {
  throw usage_error({"the environment variable WEIR_FAILPOINT=" + std::string{text},
                     "name:nth:kill, name:nth:stop or name:nth:throw", found,
                     "correct it, or unset it to run without"});
}

armed_point parse_variable(std::string_view text) {
  const auto second = text.rfind(':');
  const auto first = second == std::string_view::npos || second == 0 ? second : text.rfind(':', second - 1);
  if (second == std::string_view::npos || first == std::string_view::npos || first == second)
    refuse_variable(text, "less than that");
  armed_point armed;
  const auto name = text.substr(0, first);
  armed.index = static_cast<std::size_t>(std::find(all_names.begin(), all_names.end(), name) - all_names.begin());
  if (armed.index == all_names.size())
    refuse_variable(text, "a name that no failpoint has");
  const auto number = text.substr(first + 1, second - first - 1);
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), armed.nth);
  if (fault != std::errc{} || end != number.data() + number.size() || armed.nth == 0)
    refuse_variable(text, "\"" + std::string{number} + "\", which is no number from 1");
  const auto what = text.substr(second + 1);
  armed.what = what == "kill"    ? action::kill
               : what == "stop"  ? action::stop
               : what == "throw" ? action::raise
                                 : action::none;
  if (armed.what == action::none)
    refuse_variable(text, "the action \"" + std::string{what} + "\"");
  return armed;
}

/// Read once; a variable that is refused is refused at every reach.
const armed_point& armed_by_environment() {
  static const armed_point armed = [] {
    const char* text = std::getenv("WEIR_FAILPOINT"); // NOLINT(concurrency-mt-unsafe): nobody changes it
    return text && *text ? parse_variable(text) : armed_point{};
  }();
  return armed;
}

void note_what_is_watched() {
  const bool something = present_handler() || armed_by_environment().what != action::none;
  watched.store(something ? watch::something : watch::nothing, std::memory_order_relaxed);
}

void act(const armed_point& armed) {
  static std::atomic<std::uint64_t> reached{0};
  if (reached.fetch_add(1, std::memory_order_relaxed) + 1 != armed.nth)
    return;
  switch (armed.what) {
  case action::kill:
    ::kill(::getpid(), SIGKILL);
    break;
  case action::stop:
    ::kill(::getpid(), SIGSTOP);
    break;
  case action::raise:
    throw io_error({"the failpoint " + std::string{all_names[armed.index]}, "", "that it is armed to throw", ""});
  case action::none:
    break;
  }
}

} // namespace

bool compiled() noexcept {
  return true;
}

std::span<const std::string_view> names() noexcept {
  return all_names;
}

void set_handler(handler to_call) {
  auto next = to_call ? std::make_shared<const handler>(std::move(to_call)) : nullptr;
  const std::lock_guard alone{handler_mutex};
  present_handler().swap(next);
  note_what_is_watched();
}

void reach(std::size_t index) {
  if (watched.load(std::memory_order_relaxed) == watch::nothing)
    return;
  std::shared_ptr<const handler> to_call;
  {
    const std::lock_guard alone{handler_mutex};
    note_what_is_watched();
    to_call = present_handler();
  }
  if (to_call)
    return (*to_call)(all_names.at(index));
  if (const armed_point& armed = armed_by_environment(); armed.index == index)
    act(armed);
}

} // namespace weir::inline v0::failpoints

#else

namespace weir::inline v0::failpoints {

bool compiled() noexcept {
  return false;
}

std::span<const std::string_view> names() noexcept {
  return {};
}

void set_handler(handler) {}

void reach(std::size_t) {}

} // namespace weir::inline v0::failpoints

#endif
