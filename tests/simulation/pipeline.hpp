// The jobs that a seed draws, and the sequential model of what each must give.
#pragma once

#include "chance.hpp"

#include <weir/persistence/fields.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace simulation {

/// The record of every simulated stream.
struct event {
  std::uint32_t origin = 0; ///< the split, or the keyed step, that it comes from
  std::uint32_t number = 0; ///< counts up within an origin (of a keyed step: within a key)
  std::uint32_t key = 0;
  std::uint32_t value = 0;
  WEIR_FIELDS(origin, number, key, value)
  friend auto operator<=>(const event&, const event&) = default;
};

/// What a step of a pipeline does.
enum class step_kind : std::uint8_t {
  source,
  map,
  filter,
  flat_map,
  count,         ///< keyed
  aggregate,     ///< keyed
  keyed_process, ///< with a side output
  side,          ///< the side output of a keyed_process
  process,       ///< un-keyed, with operator state
  unite,
  connect_keyed,
  connect,
  sink
};
[[nodiscard]] const char* to_text(step_kind kind);

/// How records reach a map step.
enum class dealing : std::uint8_t { forward, rebalance, broadcast };
enum class sink_style : std::uint8_t { two_phase, two_phase_blocking, plain };

/// One step; its inputs are earlier steps.
struct step {
  step_kind kind = step_kind::map;
  std::string name;
  std::vector<std::size_t> inputs;
  std::uint32_t salt = 0;
  std::uint32_t modulus = 1; ///< keyed steps: the key is `event::key` modulo this
  std::optional<std::uint32_t> parallelism;
  std::optional<bool> fusion;
  dealing dealt = dealing::forward;
  std::vector<std::uint32_t> splits; ///< sources: how many records each has
  bool blocking = false;
  bool one_split_at_a_time = true;
  bool holds = false;   ///< a process step: keeps the last record in its state, until another comes
  bool divides = false; ///< a process step: restores from the states of all subtasks, in place of merging some
  sink_style style = sink_style::two_phase;
  bool in_order = false; ///< records of one origin and key come in the order of their numbers
};

/// A pipeline that a seed drew.
struct pipeline {
  std::vector<step> steps;
  bool fixed_parallelism = false; ///< something in it cannot change its parallelism between runs
  [[nodiscard]] std::string to_text() const;
};
[[nodiscard]] pipeline draw_pipeline(chance& random);

// -- what a step does to one record, shared by the operators and the model

[[nodiscard]] event source_event(std::size_t step, std::uint32_t split, std::uint32_t number, std::uint32_t salt);
[[nodiscard]] event mapped(event e, std::uint32_t salt);
[[nodiscard]] bool kept(const event& e, std::uint32_t salt);
[[nodiscard]] std::uint32_t copies_of(const event& e, std::uint32_t salt);
[[nodiscard]] bool goes_aside(const event& e);
[[nodiscard]] event keyed_event(std::size_t step, std::uint32_t key, std::uint32_t number);

/// What a keyed step keeps of a key, as far as the order in which inputs come does not matter.
struct key_summary {
  std::uint32_t count = 0;
  std::uint64_t sum = 0;
  friend bool operator==(const key_summary&, const key_summary&) = default;
};

/// What the process steps of a pipeline hold back, by step; empty: nothing.
using held_records = std::vector<std::vector<event>>;

/// What has been sent to the steps of a pipeline and not reached them, by step; empty: nothing.
using in_flight_records = std::vector<std::vector<event>>;

/// What a pipeline gives when so much of each split has been read.
struct expectation {
  std::vector<std::vector<event>> outputs;                       ///< of each step; a sink's are what it wrote
  std::vector<std::map<std::uint32_t, key_summary>> keyed_state; ///< of each keyed step
  std::vector<std::uint64_t> inputs;                             ///< of each step: how many records it was given
  std::vector<std::uint64_t> strange; ///< of each step: how many in-flight records it never was to be given
};
/// `read(step, split)` says how many records of a split have been read.
[[nodiscard]] expectation evaluate(const pipeline& p,
                                   const std::function<std::uint32_t(std::size_t step, std::uint32_t split)>& read,
                                   const held_records& held = {}, const in_flight_records& in_flight = {});
[[nodiscard]] expectation evaluate_all(const pipeline& p);

} // namespace simulation
