// The jobs that the crash loop runs and kills. The program composes them, the models say what they must write.
#pragma once

#include <weir/operators/job.hpp>
#include <weir/persistence/fields.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir_test {

/// What a crash job is made of.
struct crash_settings {
  std::string folder;             ///< of all of its files
  std::uint64_t records = 40'000; ///< of orders and readings
  double rate = 20'000;           ///< of orders and readings, a second
  std::uint64_t pause_us = 0;     ///< of words, behind every second line
  std::uint64_t fail_every = 0;   ///< an operator throws at each so-manieth record of the process; 0: never
};

/// How many events an order has, and how many orders have theirs shuffled together.
inline constexpr std::uint64_t events_of_order = 4;
inline constexpr std::uint64_t orders_of_block = 100;
inline constexpr std::uint32_t order_sources = 2;
/// The partitions of the readings: sources, and files of each checkpoint.
inline constexpr std::uint32_t sensors = 3;

enum class order_state : std::uint8_t { unknown, created, paid, shipped, delivered, cancelled };
inline constexpr std::array<std::string_view, 6> order_state_names{"unknown", "created",   "paid",
                                                                   "shipped", "delivered", "cancelled"};

struct order_event {
  std::uint64_t order = 0;
  order_state to = order_state::unknown;
  WEIR_FIELDS(order, to)
};
/// Event number n of all: some events are cancellations, and some of those come when it is too late.
[[nodiscard]] order_event order_event_at(std::uint64_t n);
/// The number of an order's event; `step` from 0.
[[nodiscard]] std::uint64_t number_of_event(std::uint64_t order, std::uint64_t step);

/// What is kept of an order.
struct followed_order {
  order_state now = order_state::unknown;
  std::uint64_t events = 0;
  std::uint64_t refused = 0;
  WEIR_FIELDS(now, events, refused)

  void take(order_state to);
  friend bool operator==(const followed_order&, const followed_order&) = default;
};

/// What is written for each event of an order: how it stands after it.
struct order_change {
  std::uint64_t order = 0;
  std::uint64_t events = 0;
  std::string state;
  std::uint64_t refused = 0;
  WEIR_FIELDS(order, events, state, refused)
};
[[nodiscard]] order_change change_of(std::uint64_t order, const followed_order& now);

struct reading {
  std::uint64_t sensor = 0;
  std::uint64_t number = 0; ///< from 1, of the sensor
  std::uint64_t value = 0;
  WEIR_FIELDS(sensor, number, value)
};
/// Reading n of all; each of the sensors has an equal run of them.
[[nodiscard]] reading reading_at(std::uint64_t n, std::uint64_t records);

/// Counts the words of `<folder>/input.txt` into `<folder>/out.db`, table "counts", and `<folder>/files`.
[[nodiscard]] weir::job words_job(const crash_settings& settings);
/// Follows orders, each a state machine, into `<folder>/out.db`, table "orders", and `<folder>/files`.
[[nodiscard]] weir::job orders_job(const crash_settings& settings);
/// Writes each sensor's readings into files of its own in `<folder>/files`.
[[nodiscard]] weir::job readings_job(const crash_settings& settings);

} // namespace weir_test
