// Barriers that overtake batches: checkpoints complete though an operator is slow, and what they overtook is not lost.
#include "process/actor_host.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/actors/subtask_setup.hpp>
#include <weir/coordinator/in_flight_plan.hpp>
#include <weir/coordinator/state_fit.hpp>
#include <weir/operators/generator.hpp>
#include <weir/operators/job.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/checkpoint_reader.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::database;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t records = 30'000;
constexpr std::uint64_t keys = 97;
constexpr std::uint32_t batch_size = 256;

/// Counts the records of a key, and says which it has seen, in their order.
struct tally {
  struct state {
    std::uint64_t count = 0;
    std::uint64_t next = 0; ///< the number that the next record of the key must have
    bool in_order = true;
    WEIR_FIELDS(count, next, in_order)
  };

  std::function<void()> on_record;

  void process(const std::uint64_t& n, state& s, weir::keyed_context<std::uint64_t>& ctx,
               weir::collector<std::string>& out) const {
    on_record();
    s.in_order = s.in_order && n == (s.count == 0 ? ctx.key() : s.next);
    s.next = n + keys;
    ++s.count;
    out(std::to_string(ctx.key()) + " " + std::to_string(s.count) + (s.in_order ? "" : " out of order"));
  }
};

weir::job tallying(const fs::path& folder, std::function<void()> on_record) {
  weir::job job{"tally"};
  job.source("numbers", weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }},
             {.parallelism = 1}) // one, so that there is an order
      .key_by([](const std::uint64_t& n) { return n % keys; })
      .process("tally", tally{std::move(on_record)})
      .sink("files", weir::text_files{(folder / "files").string()});
  return job;
}

weir::job_options options_in(const fs::path& folder, std::uint32_t parallelism) {
  weir::job_options options;
  options.store = (folder / "tally.weir").string();
  options.parallelism = parallelism;
  options.batch_size = batch_size;
  options.checkpoint_interval = 20ms;
  return options;
}

/// What is wrong with the files of a job that has finished; empty: nothing.
std::string fault_in_files(const fs::path& folder) {
  std::map<std::string, int> lines;
  for (const auto& file : fs::recursive_directory_iterator(folder / "files"))
    if (file.is_regular_file() && file.path().filename().string().front() != '.') {
      std::istringstream text{scratch_folder::read(file.path().string())};
      for (std::string line; std::getline(text, line);)
        ++lines[line];
    }
  for (std::uint64_t key = 0; key != keys; ++key)
    for (std::uint64_t n = 1; n <= records / keys + (key < records % keys ? 1 : 0); ++n) {
      const std::string line = std::to_string(key) + " " + std::to_string(n);
      if (const auto found = lines.find(line); found == lines.end() || found->second != 1)
        return "\"" + line + "\" is there " + std::to_string(found == lines.end() ? 0 : found->second) + " times";
      lines.erase(line);
    }
  return lines.empty() ? "" : "\"" + lines.begin()->first + "\" is there";
}

/// Runs the job with an operator that takes its time for a record, until checkpoints have completed while its queues
/// were full; cancels it then. Returns how many records were worked off for the last two of them.
std::uint64_t run_slowly(const fs::path& folder, const weir::job_options& options, std::chrono::microseconds pause) {
  std::atomic<std::uint64_t> seen{0};
  actor_host host{4}; // the operators sleep on two of its threads
  const auto slow = [&] {
    // At first a chain takes records for quick, and takes many at a time.
    std::this_thread::sleep_for(++seen < 4 * batch_size ? 100us : pause);
  };
  weir::job_handle running = host.jobs().start(tallying(folder, slow), options);
  const job_guard guard{running};
  REQUIRE(eventually(running, [&] {
    const weir::job_status status = running.status();
    return seen > 4 * batch_size && !status.tasks.empty() &&
           status.tasks.back().batches_queued >= options.parallelism * weir::subtask_setup{}.credit_window / 2;
  }));
  // The first that completes now may have been opened before.
  const std::uint64_t before = running.status().checkpoints;
  REQUIRE(eventually(running, [&] { return running.status().checkpoints > before; }));
  const std::uint64_t seen_before = seen;
  REQUIRE(eventually(running, [&] { return running.status().checkpoints > before + 2; }));
  const std::uint64_t taken = seen - seen_before;
  INFO(host.log());
  CHECK(running.status().restarts == 0);
  return taken;
}

std::string in_flight_in(const weir::job_options& options) {
  database store{options.store};
  return store.value("SELECT count(*) FROM chunks WHERE table_name LIKE 'in-flight-%' AND dropped_in IS NULL");
}

/// What would become of the newest checkpoint's in-flight batches: "tally/in-flight-0: fits".
std::set<std::string> in_flight_fits(const fs::path& folder, const weir::job_options& options) {
  const weir::job job = tallying(folder, [] {});
  const weir::job_graph& graph = job.graph();
  const weir::job_plan plan = weir::make_plan(graph, options).plan;
  const auto store = weir::checkpoint_reader::open(options.store);
  std::set<std::string> all;
  for (const weir::state_fit& fit :
       weir::fit_state(plan, weir::inspect_operators(plan, true), store, store.newest_verified().id.value()))
    if (weir::is_in_flight_table(fit.table))
      all.insert(fit.operator_name + "/" + fit.table + ": " + std::string{to_text(fit.verdict)});
  return all;
}

} // namespace

TEST_CASE(
    "a barrier that overtakes does not wait for a slow operator, and what it overtook comes back at any parallelism") {
  const scratch_folder folder;
  const fs::path first = folder.path() / "first";
  fs::create_directory(first);
  weir::job_options options = options_in(first, 2);
  options.unaligned = true;
  // Two aligned checkpoints would have needed all that waits before a barrier, twice: more than 2 × 4 batches.
  CHECK(run_slowly(first, options, 10ms) < 4 * batch_size);
  CHECK(std::stoi(in_flight_in(options)) > 0);
  CHECK(in_flight_fits(first, options_in(first, 3)).count("tally/in-flight-0: fits") == 1);
  for (const std::uint32_t parallelism : {1U, 3U, 5U}) {
    CAPTURE(parallelism);
    const fs::path other = folder.path() / std::to_string(parallelism);
    fs::copy(first, other, fs::copy_options::recursive);
    weir::job_options again = options_in(other, parallelism);
    again.unaligned = parallelism != 3; // it is no matter how the next run takes its checkpoints
    actor_host host;
    weir::job_handle running = host.jobs().start(tallying(other, [] {}), again);
    const job_guard guard{running};
    REQUIRE(running.wait_for(30s));
    INFO(host.log());
    CHECK(running.wait().state == weir::job_state::finished);
    CHECK(fault_in_files(other) == "");
    CHECK(in_flight_in(again) == "0"); // the final checkpoint is aligned
  }
}

TEST_CASE("a barrier overtakes after the timeout, and the job goes on from that exactly") {
  const scratch_folder folder;
  weir::job_options options = options_in(folder.path(), 2);
  options.alignment_timeout = 50ms;
  CHECK(run_slowly(folder.path(), options, 10ms) < 4 * batch_size);
  CHECK(std::stoi(in_flight_in(options)) > 0);
  actor_host host;
  options.parallelism = 4;
  weir::job_handle running = host.jobs().start(tallying(folder.path(), [] {}), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(fault_in_files(folder.path()) == "");
}

TEST_CASE("without barriers that overtake, a checkpoint waits for what is before it, and stores no batches") {
  const scratch_folder folder;
  const weir::job_options options = options_in(folder.path(), 2);
  CHECK(run_slowly(folder.path(), options, 300us) >= 4 * batch_size);
  weir::job_options next = options;
  next.unaligned = true;
  CHECK(in_flight_fits(folder.path(), next).empty()); // that there are none is no news
  database store{options.store};
  CHECK(store.integer("SELECT count(*) FROM table_snapshots WHERE table_name LIKE 'in-flight-%'") == 0);
  CHECK(store.integer("SELECT count(*) FROM schemas WHERE table_name LIKE 'in-flight-%'") == 0);
}
