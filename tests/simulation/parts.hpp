// The simulated user code: sources, operators and sinks, and the job that a pipeline becomes.
#pragma once

#include "pipeline.hpp"
#include "world.hpp"

#include <weir/operators/job.hpp>
#include <weir/operators/sink.hpp>
#include <weir/operators/source.hpp>
#include <weir/persistence/fields.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace simulation {

/// Part of a state: throws when it is stored or loaded, if that is planned.
struct trap {
  std::uint32_t tripped = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& tripped;
    world::now().pass(Archive::is_loading::value ? "restore" : "snapshot");
  }
};

/// The state of a keyed step.
struct key_state {
  std::uint32_t count = 0;
  std::uint64_t sum = 0;
  /// The last number seen of each origin and key, to notice what comes out of order.
  std::map<std::uint64_t, std::uint32_t> last;
  trap t;
  WEIR_FIELDS(count, sum, last, t)
};

/// Tells the world what state a step has loaded: what it finds when it meets a key for the first time. Every attempt
/// has copies of the operators that have met none.
class first_look {
public:
  void at(std::size_t step, std::uint32_t key, std::uint32_t count, std::uint64_t sum) const {
    if (met_.insert(key).second)
      world::now().check_loaded(step, key, {count, sum});
  }
  void at(std::size_t step, const weir::operator_identity& who, std::uint64_t count) const {
    if (met_.insert(who.subtask.value).second)
      world::now().check_loaded(step, who, count);
  }

private:
  mutable std::set<std::uint32_t> met_;
};

/// The keyed step as a process struct; `connect_keyed` uses it from both sides.
struct keyed_step {
  using state = key_state;

  std::size_t step = 0;
  bool in_order = false;
  weir::side_output<event> aside{"aside"};
  first_look look = {};

  auto side_outputs() const { return std::tuple{aside}; }
  void process(const event& e, state& s, weir::keyed_context<std::uint32_t>& ctx, weir::collector<event>& out) const;
};

struct keyed_meeting {
  using state = key_state;

  std::size_t step = 0;
  first_look look = {};

  void process_left(const event& e, state& s, weir::keyed_context<std::uint32_t>& ctx,
                    weir::collector<event>& out) const;
  void process_right(const event& e, state& s, weir::keyed_context<std::uint32_t>& ctx,
                     weir::collector<event>& out) const {
    process_left(e, s, ctx, out);
  }
};

struct count_aggregator {
  struct accumulator {
    std::uint32_t count = 0;
    std::uint64_t sum = 0;
    trap t;
    WEIR_FIELDS(count, sum, t)
  };
  std::size_t step = 0;
  std::uint32_t modulus = 1;
  first_look look = {};

  void add(accumulator& a, const event& e) const {
    world::now().pass("process");
    look.at(step, e.key % modulus, a.count, a.sum);
    ++a.count;
    a.sum += e.value;
  }
  std::uint32_t result(const accumulator& a) const { return a.count; }
};

/// Counts what it is given, and passes it on, or holds the last record back until another comes. Whoever loses its
/// state loses a record.
struct unkeyed_step {
  struct state {
    std::uint64_t seen = 0;
    std::vector<event> held;
    trap t;
    WEIR_FIELDS(seen, held, t)
  };

  std::size_t step = 0;
  bool holds = false;
  first_look look = {};

  void merge(state& into, const state& from) const {
    into.seen += from.seen;
    into.held.insert(into.held.end(), from.held.begin(), from.held.end());
  }
  void process(const event& e, state& s, weir::context&, weir::collector<event>& out) const;
};

/// The same, but each subtask makes its state from those of all.
struct dividing_step : unkeyed_step {
  void restore(state& own, const weir::restored_states<state>& stored) const {
    own.held = stored.dealt(&state::held);
    if (const state* mine = stored.own())
      own.seen = mine->seen;
    else if (stored.subtask().value == 0)
      for (const state& each : stored)
        own.seen += each.seen;
  }
};

struct unkeyed_meeting {
  void process_left(const event& e, weir::context&, weir::collector<event>& out) const {
    world::now().pass("process");
    out(e);
  }
  void process_right(const event& e, weir::context&, weir::collector<event>& out) const { out(e); }
};

/// The spec of a simulated source.
struct event_source {
  using value_type = event;
  static constexpr std::string_view kind_name = "simulated";
  std::size_t step = 0;
  [[nodiscard]] std::shared_ptr<const weir::any_source> source() const;
};

/// The spec of a simulated sink.
struct ledger_sink {
  static constexpr std::string_view kind_name = "ledger";
  std::size_t step = 0;
  template <class T>
  [[nodiscard]] std::shared_ptr<const weir::any_sink> sink() const {
    static_assert(std::same_as<T, event>);
    return make();
  }
  [[nodiscard]] std::shared_ptr<const weir::any_sink> make() const;
};

/// The job of the present world's pipeline.
[[nodiscard]] weir::job make_job();

} // namespace simulation
