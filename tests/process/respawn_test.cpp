// Operators that fail in a job that runs in this process: respawned, and the output exact.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::counting;
using weir_test::database;
using weir_test::eventually;
using weir_test::fault_in_output;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

weir::job_options options_for(const counting& parts) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  options.checkpoint_interval = 20ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  return options;
}

counting parts_in(const scratch_folder& folder) {
  counting parts;
  parts.folder = folder.path().string();
  return parts;
}

/// Runs a job that fails; returns what `wait` throws.
std::string failure_of(actor_host& host, const weir::job& job, const weir::job_options& options) {
  weir::job_handle running = host.jobs().start(job, options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  CHECK(running.status().state == weir::job_state::failed);
  try {
    running.wait();
  } catch (const weir::job_failed& e) {
    CHECK(e.exit_code() == 1);
    CHECK(std::string{e.what()}.find('\n') == std::string::npos);
    return e.what();
  }
  return {};
}

} // namespace

TEST_CASE("an operator that throws on its 1,000th record, five times over, is respawned, and the output is exact") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  parts.rate = 40'000;
  std::atomic<int> failures{0};
  std::atomic<int> since_failure{0};
  std::vector<std::atomic<int>> seen(parts.records);
  parts.on_record = [&](std::uint64_t) {
    if (++since_failure == 1000 && failures < 5) { // not what the other subtask counts before it is stopped
      since_failure = 0;
      ++failures;
      throw std::runtime_error{"the 1,000th record"};
    }
  };
  parts.on_seen = [&](std::uint64_t n) { ++seen.at(n); };

  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{running};
  REQUIRE(running.wait_for(60s));
  INFO(host.log());
  const weir::job_status status = running.wait();
  CHECK(status.state == weir::job_state::finished);
  CHECK(status.restarts == 5);
  CHECK(failures == 5);
  CHECK(fault_in_output(parts) == "");
  CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& times) { return times >= 1; })); // at least once

  database store{counting_store(parts)};
  CHECK(store.integer("SELECT count(*) FROM failure_overview") == 5);
  CHECK(store.integer("SELECT count(*) FROM failure_overview WHERE operator LIKE 'fragile%' AND kind = 'exception' AND"
                      " message LIKE '%the 1,000th record%' AND task IS NOT NULL AND subtask IN (0, 1)") == 5);
  CHECK(store.integer("SELECT count(DISTINCT attempt) FROM failure_overview") == 5);
  CHECK(store.integer("SELECT count(*) FROM recoveries") == 5);
  CHECK(store.integer(
            "SELECT count(*) FROM recoveries r JOIN failures f ON f.id = r.failure AND r.attempt = f.attempt + 1"
            " WHERE r.detected_us <= r.stopped_us AND r.stopped_us <= r.respawned_us AND r.respawned_us <="
            " r.loaded_us AND r.loaded_us <= r.first_output_us") == 5);
  CHECK(store.value("SELECT status FROM job_overview") == "finished");
}

TEST_CASE("each respawn goes on from the newest checkpoint") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  parts.rate = 5'000;
  parts.records = 1'000'000'000; // until it is drained
  std::atomic<bool> fail_now{false};
  std::atomic<std::uint64_t> highest{0};
  parts.on_record = [&](std::uint64_t n) {
    if (fail_now.exchange(false)) {
      highest = 0;
      throw std::runtime_error{"now"};
    }
    if (n > highest)
      highest = n;
  };
  weir::job_options options = options_for(parts);
  options.checkpoint_interval = 0us;
  options.parallelism = 1;

  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  std::vector<std::string> restored;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    const std::uint64_t before = highest;
    REQUIRE(eventually(running, [&] { return highest > before + 10; }));
    restored.push_back(to_string(running.checkpoint()));
    fail_now = true;
    REQUIRE(eventually(running, [&] {
      const weir::job_status status = running.status();
      return status.restarts == round && status.state == weir::job_state::running;
    }));
  }
  REQUIRE(eventually(running, [&] { return highest > 0; })); // of the last attempt
  running.drain();
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);

  database store{counting_store(parts)};
  const auto rows = store.rows("SELECT restored_checkpoint FROM recoveries ORDER BY attempt");
  REQUIRE(rows.size() == 5);
  for (std::size_t i = 0; i != rows.size(); ++i)
    CHECK(rows[i].front() == restored[i]);
  parts.records = highest + 1; // as far as it came
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("without restarts the job fails with the first cause, and goes on when it is started again") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  std::atomic<bool> broken{true};
  parts.on_record = [&](std::uint64_t n) {
    if (n >= 15'000 && broken)
      throw std::runtime_error{"number " + std::to_string(n) + " is too large"};
  };
  weir::job_options options = options_for(parts);
  options.restart = weir::no_restart{};
  options.checkpoint_records = 2'000;
  actor_host host;
  const std::string failure = failure_of(host, counting_job(parts), options);
  CHECK_THAT(failure,
             Catch::Contains("fragile") && Catch::Contains("is too large") && Catch::Contains("start the job again"));
  CHECK(database{counting_store(parts)}.value("SELECT status FROM job_overview") == "failed");
  CHECK(database{counting_store(parts)}.integer("SELECT count(*) FROM failures") == 1);

  broken = false;
  weir::job_handle again = host.jobs().start(counting_job(parts), options);
  const job_guard guard{again};
  REQUIRE(again.wait_for(30s));
  INFO(host.log());
  CHECK(again.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a strategy that gives up says what happened first and how often it was tried") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  std::atomic<int> failures{0};
  parts.on_record = [&](std::uint64_t n) {
    if (n == 5'000)
      throw std::runtime_error{"failure " + std::to_string(++failures)};
  };
  weir::job_options options = options_for(parts);
  options.restart = weir::fixed_delay_restart{2, 1ms};
  actor_host host;
  CHECK_THAT(failure_of(host, counting_job(parts), options),
             Catch::Contains("failure 3") && Catch::Contains("restarted 2 times"));
  CHECK(failures == 3);
  CHECK(database{counting_store(parts)}.integer("SELECT count(*) FROM failures") == 3);
}

TEST_CASE("whatever type is thrown, the failure names the operator and what was thrown") {
  struct own_type {};
  const std::vector<std::pair<std::function<void()>, std::string>> kinds{
      {[] { throw 42; }, "int"},
      {[] { throw std::string{"a text of its own"}; }, "a text of its own"},
      {[] { throw "a literal"; }, "a literal"},
      {[] { throw own_type{}; }, "own_type"},
      {[] { throw std::out_of_range{"beyond the end"}; }, "beyond the end"},
  };
  actor_host host;
  for (const auto& [fail, expected] : kinds) {
    const scratch_folder folder;
    counting parts = parts_in(folder);
    parts.on_record = [fail = fail](std::uint64_t n) {
      if (n == 100)
        fail();
    };
    weir::job_options options = options_for(parts);
    options.restart = weir::no_restart{};
    CHECK_THAT(failure_of(host, counting_job(parts), options), Catch::Contains("fragile") && Catch::Contains(expected));
    CHECK_THAT(database{counting_store(parts)}.value("SELECT message FROM failure_overview"),
               Catch::Contains(expected));
  }
}

TEST_CASE("a failing sink is named and respawned like any operator") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  std::atomic<int> failures{0};
  parts.on_seen = [&](std::uint64_t n) {
    if (n == 7'777 && ++failures <= 2)
      throw std::runtime_error{"not this one"};
  };
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().restarts == 2);
  CHECK(fault_in_output(parts) == "");
  CHECK(database{counting_store(parts)}.integer("SELECT count(*) FROM failures WHERE operator LIKE 'seen%'") == 2);
}

TEST_CASE("a region runs on while another one fails") {
  const scratch_folder folder;
  std::atomic<std::uint64_t> healthy{0};
  std::atomic<int> failures{0};
  const auto make = [](std::uint64_t i) { return i; };
  weir::job job{"two-regions"};
  job.source("well", weir::generator<std::uint64_t>{2'000, make}.rate(4'000))
      .sink("healthy", weir::callback{[&](const std::uint64_t&) { ++healthy; }});
  job.source("ill", weir::generator<std::uint64_t>{2'000, make}.rate(4'000))
      .sink("failing", weir::callback{[&](const std::uint64_t& n) {
              if (n % 400 == 399 && failures < 3) {
                ++failures;
                throw std::runtime_error{"an accident"};
              }
            }});
  weir::job_options options;
  options.store = folder / "store.weir";
  options.parallelism = 1;
  options.checkpoint_interval = 20ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  actor_host host;
  weir::job_handle running = host.jobs().start(job, options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(failures == 3);
  CHECK(healthy == 2'000); // each once: this region never went back
  database store{folder / "store.weir"};
  CHECK(store.value("SELECT group_concat(current_attempt) FROM (SELECT current_attempt FROM regions ORDER BY 1)") ==
        "1,4");
}

namespace {

/// Numbers from where the source stands when it is asked for its splits: each time a thousand further on, as a log is
/// of which only what comes from now on is wanted.
class moving_source final : public weir::any_source {
public:
  explicit moving_source(std::shared_ptr<std::atomic<int>> asked) : asked_(std::move(asked)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<weir::source_split> enumerate(std::uint32_t) const override {
    return {{std::to_string(1'000 * (*asked_)++), "{}"}};
  }
  [[nodiscard]] std::unique_ptr<weir::split_reader>
  open_split(const weir::source_split& split, const std::string& position, weir::processing_time) const override {
    return std::make_unique<reader>(std::stoi(split.id), position.empty() ? 0 : std::stoi(position));
  }

private:
  class reader final : public weir::split_reader {
  public:
    reader(int first, int at) : first_(first), at_(at) {}
    weir::read_status read(weir::any_collector& out, std::size_t) override {
      if (at_ == 10)
        return weir::read_status::end;
      static_cast<weir::collector<int>&>(out)(first_ + at_++);
      return weir::read_status::more;
    }
    [[nodiscard]] std::string position() const override { return std::to_string(at_); }

  private:
    int first_;
    int at_;
  };

  std::shared_ptr<std::atomic<int>> asked_;
};

struct from_now {
  using value_type = int;
  static constexpr std::string_view kind_name = "from_now";
  std::shared_ptr<std::atomic<int>> asked;

  [[nodiscard]] std::shared_ptr<const weir::any_source> source() const {
    return std::make_shared<moving_source>(asked);
  }
  [[nodiscard]] std::string guarantee() const { return "Each number is read once."; }
};

} // namespace

TEST_CASE("a region that fails before its first checkpoint begins with the same splits again") {
  const scratch_folder folder;
  auto asked = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> fail{true};
  std::vector<int> seen;
  weir::job job{"from-now"};
  job.source("in", from_now{asked})
      .map("fragile",
           [&fail](int n) {
             if (n % 1'000 == 5 && fail.exchange(false))
               throw std::runtime_error{"the fifth"};
             return n;
           })
      .sink("seen", weir::callback{[&seen](int n) { seen.push_back(n); }});
  weir::job_options options;
  options.store = (folder.path() / "s.weir").string();
  options.parallelism = 1;
  options.checkpoint_interval = 0us;
  options.restart = weir::fixed_delay_restart{3, 1ms};
  actor_host host;
  weir::job_handle running = host.jobs().start(job, options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().restarts == 1);
  CHECK(*asked == 1);
  REQUIRE(seen.size() >= 10);
  CHECK(std::vector<int>(seen.end() - 10, seen.end()) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("a job with its store in memory takes checkpoints, goes back to them, and leaves no file") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  parts.rate = 20'000;
  parts.records = 5'000;
  std::atomic<bool> fail{true};
  parts.on_record = [&](std::uint64_t n) {
    if (n == 4'000 && fail.exchange(false))
      throw std::runtime_error{"once"};
  };
  weir::job_options options = options_for(parts);
  options.store = weir::store_in_memory;
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  const weir::job_status status = running.wait();
  CHECK(status.state == weir::job_state::finished);
  CHECK(status.store.empty());
  CHECK(status.checkpoints > 1);
  CHECK(status.restarts == 1);
  CHECK_THAT(host.log(), Catch::Contains("from checkpoint") && Catch::Contains("in memory"));
  CHECK(fault_in_output(parts) == "");
  CHECK_FALSE(std::filesystem::exists(counting_store(parts)));
  CHECK_FALSE(std::filesystem::exists(weir::store_in_memory));
}
