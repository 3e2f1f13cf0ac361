// Every operator says the same with a snapshot and a fresh start after each record, at the same and at other
// parallelisms.
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

struct reading {
  std::string sensor;
  int value = 0;
  WEIR_FIELDS(sensor, value)
};

struct last_value {
  int value = 0;
  WEIR_FIELDS(value)
};

struct mean {
  struct accumulator {
    int sum = 0;
    int n = 0;
    WEIR_FIELDS(sum, n)
  };
  void add(accumulator& a, const reading& r) const {
    a.sum += r.value;
    ++a.n;
  }
  int result(const accumulator& a) const { return a.sum / a.n; }
};

/// Throws for every fifth value, after it has counted it.
struct picky {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(++s.seen);
    if (r.value % 5 == 0)
      throw std::runtime_error{"five"};
  }
};

/// Adds the greatest value that was broadcast.
struct raised {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  struct broadcast_state {
    int most = 0;
    WEIR_FIELDS(most)
  };
  void process(const reading& r, state& s, const broadcast_state& shared, weir::keyed_context<std::string>&,
               weir::collector<int>& out) const {
    out(++s.seen * 1000 + r.value + shared.most);
  }
  void process_broadcast(const int& value, broadcast_state& shared, weir::context&, weir::collector<int>&) const {
    shared.most = std::max(shared.most, value);
  }
};

/// Counts in the state of each subtask.
struct counting {
  struct state {
    std::uint64_t seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const reading&, state& s, weir::context&, weir::collector<std::uint64_t>& out) const { out(++s.seen); }
};

std::vector<reading> some_readings() {
  std::vector<reading> all;
  for (int i = 0; i != 30; ++i)
    all.push_back({std::string(1, static_cast<char>('a' + i * 7 % 4)), i * 13 % 17});
  return all;
}

template <class Compose>
void compare(const Compose& compose, bool at_other_parallelisms = true) {
  using weir::testing::same_with_snapshots;
  const auto alike = same_with_snapshots(some_readings(), compose);
  INFO(alike.difference);
  CHECK(alike.same);
  if (!at_other_parallelisms)
    return;
  const auto others = same_with_snapshots(some_readings(), compose, {.parallelism = {3, 1, 2}});
  INFO(others.difference);
  CHECK(others.same);
}

} // namespace

TEST_CASE("keyed functions with state survive snapshots") {
  compare([](const auto& in) {
    return in.key_by(&reading::sensor).map_with_state("changes", [](const reading& r, last_value& last) {
      return r.value - std::exchange(last.value, r.value);
    });
  });
  compare([](const auto& in) { return in.map("value", &reading::value).key_by().deduplicate("once"); });
  compare([](const auto& in) { return in.key_by(&reading::sensor).top_k("best", 3, &reading::value); });
}

TEST_CASE("keyed aggregates survive snapshots") {
  compare([](const auto& in) { return in.key_by(&reading::sensor).count("n"); });
  compare([](const auto& in) { return in.key_by(&reading::sensor).aggregate("means", mean{}); });
}

TEST_CASE("aggregates of a whole stream survive snapshots") {
  compare([](const auto& in) { return in.count("n"); });
  compare([](const auto& in) { return in.aggregate("mean", mean{}); });
  compare([](const auto& in) { return in.top_k("best", 3, &reading::value); });
}

TEST_CASE("operators that skip records survive snapshots, and so do their dead letters") {
  compare([](const auto& in) {
    return in.key_by(&reading::sensor).process("picky", picky{}, {.poison = weir::poison_policy::skip});
  });
  compare([](const auto& in) {
    return in.key_by(&reading::sensor)
        .process("picky", picky{}, {.parallelism = 1, .poison = weir::poison_policy::dead_letter})
        .dead_letters();
  });
}

TEST_CASE("broadcast state and the state of a subtask survive snapshots") {
  compare(
      [](const auto& in) {
        const auto values = in.map("value", &reading::value);
        return in.key_by(&reading::sensor).connect_broadcast(values).process("raised", raised{});
      },
      false); // between the two inputs there is no order
  compare([](const auto& in) { return in.process("counting", counting{}); }, false); // it can't merge states
}
