// Records and helpers for the tests of sources that read text into structs.
#pragma once

#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/operators/bad_record.hpp>
#include <weir/operators/event_time.hpp>
#include <weir/persistence/fields.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weir_test {

enum class colour : std::uint8_t { red, green, blue };

/// One member of each kind that a column can be.
struct reading {
  std::string sensor;
  std::int16_t level = 0;
  std::uint8_t count = 0;
  double value = 0;
  float ratio = 0;
  bool valid = false;
  char grade = '-';
  colour shade = colour::red;
  weir::event_time at{};
  std::chrono::milliseconds took{};
  std::optional<int> extra;
  std::optional<std::string> note;
  WEIR_FIELDS(sensor, level, count, value, ratio, valid, grade, shade, at, took, extra, note)

  friend bool operator==(const reading&, const reading&) = default;
};

struct point {
  int x = 7;
  std::optional<std::string> name;
  WEIR_FIELDS(x, name)

  friend bool operator==(const point&, const point&) = default;
};

/// What an exception says; empty if there is none.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

template <class Spec>
auto read_all(const Spec& spec, std::uint32_t parallelism = 1, std::size_t max_records = 3) {
  return source_harness<typename Spec::value_type>{spec.source()}.read_all(parallelism, max_records);
}

/// Reads to the end, and says the last position of the only split.
template <class Spec>
std::string last_position(const Spec& spec) {
  source_harness<typename Spec::value_type> harness{spec.source()};
  std::vector<typename source_harness<typename Spec::value_type>::step> steps;
  harness.read(spec.source()->enumerate(1).at(0), {}, 100, &steps);
  return steps.back().position;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace weir_test
