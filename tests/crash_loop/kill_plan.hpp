// How a life is to end, and which failpoints lie where in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir_test {

/// Where in a life a failpoint can be reached.
enum class life_part : std::uint8_t { making, starting, running, failing, ending, anew, moving };

/// The failpoints of a part of life. Together the parts have each of weir::failpoints::names() once.
[[nodiscard]] std::span<const std::string_view> points_of(life_part part);

/// The part in which a failpoint lies.
[[nodiscard]] life_part part_of(std::string_view point);

enum class ending : std::uint8_t {
  none, ///< it reads its input to the end
  at_random,
  at_point,      ///< at a failpoint
  in_recovery,   ///< at a failpoint of its start, after a life that was killed
  after_failure, ///< at a failpoint of a region's restart
  in_shutdown,   ///< some time after SIGTERM
  at_last_point, ///< at a failpoint of the shutdown that SIGTERM asks for
  while_stopped, ///< killed after SIGSTOP
  after_stop     ///< killed some time after SIGSTOP and SIGCONT
};
[[nodiscard]] std::string_view to_text(ending how);

struct kill_plan {
  ending how = ending::none;
  std::string point; ///< of the endings that have one, and of stops at a failpoint
  unsigned nth = 1;
  std::chrono::microseconds after{}; ///< from the start: the signal
  std::chrono::microseconds then{};  ///< from SIGTERM or SIGSTOP: the next one

  [[nodiscard]] std::string text() const;
};

/// Chooses, with a seed, the failpoints that were hit least.
class point_chooser {
public:
  /// Only the `wanted` ones are chosen; empty: all.
  explicit point_chooser(std::vector<std::string> wanted) : wanted_(std::move(wanted)) {}

  /// A point of the part, none of `but`; empty if there is none.
  std::string choose(life_part part, std::span<const std::string_view> but, std::mt19937_64& random);
  void hit(const std::string& point) { ++hits_[point]; }
  [[nodiscard]] const std::map<std::string, int>& hits() const noexcept { return hits_; }
  /// Those that were not hit yet.
  [[nodiscard]] std::vector<std::string> missing() const;

private:
  [[nodiscard]] bool wants(std::string_view point) const;

  std::vector<std::string> wanted_;
  std::map<std::string, int> hits_;
  std::map<std::string, int> tries_;
};

} // namespace weir_test
