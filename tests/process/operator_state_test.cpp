// The state of un-keyed operators when the parallelism changes: dealt out, shared, or refused before anything starts.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/coordinator/state_fit.hpp>
#include <weir/operators/list_state_table.hpp>
#include <weir/persistence/checkpoint_reader.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

constexpr std::uint64_t records = 20'000;

/// Keeps all that it is given, and who has kept anything.
struct keeping {
  struct state {
    std::vector<std::uint64_t> kept;
    std::set<std::uint32_t> keepers;
    WEIR_FIELDS(kept, keepers)
  };
  void process(const std::uint64_t& n, state& s, weir::context& ctx, weir::collector<std::uint64_t>&) const {
    s.kept.push_back(n);
    s.keepers.insert(ctx.identity().subtask.value);
  }
};

struct dealing : keeping {
  void restore(state& own, const weir::restored_states<state>& stored) const {
    own.kept = stored.dealt(&state::kept);
    own.keepers = stored.united(&state::keepers);
  }
};

/// Its state is a number, as that of a key is below.
struct counting_all {
  using state = std::uint64_t;
  void process(const std::string&, state& n, weir::context&, weir::collector<std::uint64_t>& out) const { out(++n); }
};

template <class Op>
weir::job job_with(Op op, double records_per_second = 0) {
  weir::job job{"keeping"};
  auto numbers = weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }};
  if (records_per_second != 0)
    numbers = numbers.rate(records_per_second);
  job.source("numbers", numbers, {.parallelism = 1})
      .rebalance()
      .process("keep", op)
      .sink("none", weir::callback{[](const std::uint64_t&) {}});
  return job;
}

weir::job_options options_in(const scratch_folder& folder, std::uint32_t parallelism) {
  weir::job_options options;
  options.store = folder / "keeping.weir";
  options.parallelism = parallelism;
  options.batch_size = 16;
  return options;
}

/// Runs the job until a few hundred records are kept, and stops it; then the store is a savepoint for any parallelism.
template <class Op>
void begin(const weir::job_options& options) {
  actor_host host;
  weir::job_handle running = host.jobs().start(job_with(Op{}, 5'000), options);
  const job_guard guard{running};
  REQUIRE(eventually(running, [&] { return running.status().records_read > 300; }));
  running.stop();
  REQUIRE(running.wait_for(30s));
  REQUIRE(running.wait().records_read < records);
}

std::vector<keeping::state> stored_states(const weir::job_options& options) {
  const auto store = weir::checkpoint_reader::open(options.store);
  weir::list_state_table<keeping::state> table{"state"};
  store.for_each_chunk(store.newest_verified().id.value(), "keep", "state", {0, UINT32_MAX},
                       [&](const weir::stored_chunk& chunk) { table.load(chunk.bytes); });
  std::vector<keeping::state> states;
  for (const auto& [subtask, state] : table)
    states.push_back(state);
  return states;
}

} // namespace

TEST_CASE("a list that is dealt out and a set that is shared are whole at any parallelism") {
  for (const std::uint32_t parallelism : {1U, 2U, 3U, 5U}) {
    CAPTURE(parallelism);
    const scratch_folder folder;
    begin<dealing>(options_in(folder, 2));
    const weir::job_options options = options_in(folder, parallelism);
    actor_host host;
    weir::job_handle resumed = host.jobs().start(job_with(dealing{}), options);
    const job_guard guard{resumed};
    REQUIRE(resumed.wait_for(30s));
    INFO(host.log());
    REQUIRE(resumed.wait().state == weir::job_state::finished);

    const auto states = stored_states(options);
    REQUIRE(states.size() == parallelism);
    std::vector<std::uint64_t> kept;
    for (const keeping::state& state : states) {
      kept.insert(kept.end(), state.kept.begin(), state.kept.end());
      CHECK(state.keepers.count(0) == 1);
      CHECK(state.keepers.count(1) == 1); // whoever it is: the first two told everybody
      CHECK(state.kept.size() > records / parallelism / 2);
    }
    std::sort(kept.begin(), kept.end());
    std::vector<std::uint64_t> all(records);
    std::iota(all.begin(), all.end(), 0);
    CHECK((kept == all));
  }
}

TEST_CASE("state that nobody can put together is refused at another parallelism before anything starts") {
  const scratch_folder folder;
  begin<keeping>(options_in(folder, 2));
  const weir::job_options other = options_in(folder, 3);
  {
    const weir::job job = job_with(keeping{});
    const weir::job_graph& graph = job.graph();
    const weir::job_plan plan = weir::make_plan(graph, other).plan;
    const auto store = weir::checkpoint_reader::open(other.store);
    const auto id = store.newest_verified().id.value();
    const auto fits = weir::fit_state(plan, weir::inspect_operators(plan, true), store, id);
    CHECK_THAT(weir::fit_text(fits), Catch::Contains("can't be shared out: 2 subtasks stored it, and 3 are to"));
    CHECK_THROWS_AS(weir::require_fit(fits, true, id), weir::usage_error);
  }
  actor_host host;
  CHECK_THROWS_WITH(host.jobs().start(job_with(keeping{}), other), Catch::Contains("keep/state") &&
                                                                       Catch::Contains("{.parallelism = 2}") &&
                                                                       Catch::Contains("restored_states"));
  weir::job_handle resumed = host.jobs().start(job_with(keeping{}), options_in(folder, 2));
  const job_guard guard{resumed};
  REQUIRE(resumed.wait_for(30s));
  CHECK(resumed.wait().state == weir::job_state::finished);
}

TEST_CASE("state of keys is not taken for state of subtasks, nor the other way round") {
  auto numbers = weir::generator<std::string>{1'000'000, [](std::uint64_t i) { return std::to_string(i % 10); }};
  const auto words = numbers.rate(5'000);
  const auto keyed = [&] {
    weir::job job{"keeping"};
    job.source("words", words)
        .key_by()
        .map_with_state("keep", [](const std::string&, std::uint64_t& n) { return ++n; })
        .sink("none", weir::callback{[](const std::uint64_t&) {}});
    return job;
  };
  const auto unkeyed = [&] {
    weir::job job{"keeping"};
    job.source("words", words).process("keep", counting_all{}).sink("none", weir::callback{[](const std::uint64_t&) {
                                                                    }});
    return job;
  };
  for (const bool keyed_first : {true, false}) {
    CAPTURE(keyed_first);
    const scratch_folder folder;
    actor_host host;
    {
      weir::job_handle running = host.jobs().start(keyed_first ? keyed() : unkeyed(), options_in(folder, 1));
      const job_guard guard{running};
      REQUIRE(eventually(running, [&] { return running.status().records_read > 0; }));
      running.stop();
      REQUIRE(running.wait_for(30s));
    }
    CHECK_THROWS_WITH(host.jobs().start(keyed_first ? unkeyed() : keyed(), options_in(folder, 1)),
                      Catch::Contains("keep/state") && Catch::Contains("key_by"));
  }
}
