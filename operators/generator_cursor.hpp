// What a generator is asked for, and where and how fast one of its readers goes.
#pragma once

#include "../persistence/error.hpp"
#include "index_range.hpp"
#include "source.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The settings of a generator.
struct generator_settings {
  std::uint64_t count = index_range::unbounded;
  std::uint64_t seed = 0;
  bool limited = false;
  double rate_per_second = 0; ///< of all subtasks together, if limited
};

[[nodiscard]] std::vector<error_text> generator_problems(const generator_settings& settings);
[[nodiscard]] std::vector<source_split> generator_splits(const generator_settings& settings, std::uint32_t parallelism);
[[nodiscard]] std::vector<std::string> check_generator_splits(const generator_settings& settings,
                                                              const std::vector<source_split>& splits);

/// How many records an even rate allows. Reads no clock: it is asked at a time of its own choosing or later, so that
/// being asked says what time it is. Records are let go in groups, one a millisecond where the rate is high, so that
/// one that is late catches up group by group, as far as whoever asks allows.
class generator_rate {
public:
  generator_rate() = default;
  generator_rate(double per_second, processing_time start) : per_second_(per_second), start_(start), next_at_(start) {}

  /// How many of the records from `done` on may be let go, now that `next_at` has come.
  [[nodiscard]] std::size_t available(std::uint64_t done, std::size_t most);
  /// All that was let go is gone.
  [[nodiscard]] bool waiting(std::uint64_t done) const noexcept { return done >= let_go_; }
  [[nodiscard]] processing_time next_at() const noexcept { return next_at_; }

private:
  double per_second_ = 0;
  processing_time start_{};
  processing_time next_at_{};
  std::uint64_t let_go_ = 0; // records since the start that may be gone by next_at_
};

/// Where one reader of a generator is.
class generator_cursor {
public:
  generator_cursor(const generator_settings& settings, const source_split& split, const std::string& position,
                   processing_time now);

  [[nodiscard]] std::uint64_t index() const noexcept { return place_.index(); }
  [[nodiscard]] std::uint64_t step() const noexcept { return place_.step(); }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::size_t available(std::size_t most) {
    const std::size_t left = place_.available(most);
    return limited_ ? limit_.available(place_.done() - begun_, left) : left;
  }
  void advance(std::size_t n) noexcept { place_.advance(n); }
  [[nodiscard]] read_status status() const noexcept {
    if (place_.at_end())
      return read_status::end;
    return limited_ && limit_.waiting(place_.done() - begun_) ? read_status::later : read_status::more;
  }
  [[nodiscard]] processing_time next_at() const noexcept { return limit_.next_at(); }
  [[nodiscard]] std::string position() const { return place_.position(); }

private:
  generator_cursor(const generator_settings& settings, const struct generator_split& split, const std::string& position,
                   processing_time now);

  index_cursor place_;
  std::uint64_t seed_;
  std::uint64_t begun_; // records made by earlier readers
  bool limited_;
  generator_rate limit_;
};

} // namespace weir::inline v0
