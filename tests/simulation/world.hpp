// What outlives a simulated process: the output of sinks, the troubles that are to come, and what went wrong.
#pragma once

#include "chance.hpp"
#include "pipeline.hpp"

#include <weir/operators/environment.hpp>
#include <weir/operators/operator_context.hpp>
#include <weir/persistence/ids.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace simulation {

/// A clock that moves when it is looked at, a little and by chance: work takes time, and slices end at any place.
class simulated_time final : public weir::environment {
public:
  explicit simulated_time(chance random) : random_(random) {}

  [[nodiscard]] weir::monotonic_time monotonic() const override {
    now_us_ += static_cast<std::int64_t>(random_.below(40));
    return weir::monotonic_time{std::chrono::microseconds{now_us_}};
  }
  [[nodiscard]] weir::processing_time now() const override {
    return weir::processing_time{std::chrono::seconds{1'700'000'000} + std::chrono::microseconds{now_us_}};
  }
  std::uint64_t random() override { return random_.next(); }

  [[nodiscard]] std::int64_t now_us() const { return now_us_; }
  void advance_to(std::int64_t us) { now_us_ = std::max(now_us_, us); }

private:
  mutable std::int64_t now_us_ = 1'000'000;
  mutable chance random_;
};

/// What a sink has written, as the world outside of the process sees it.
struct ledger {
  struct prepared_part {
    std::uint64_t checkpoint = 0;
    std::uint32_t subtask = 0;
    std::uint64_t life = 0;
    std::uint64_t attempt = 0;
    std::vector<event> events;
    bool committed = false;
    bool taken_back = false; ///< a later attempt began from a checkpoint before this one
  };
  std::map<std::string, prepared_part> prepared; ///< by the sink's own id; kept after the commit
  std::uint64_t newest_committed = 0;            ///< checkpoint
  std::vector<event> committed;
  std::uint64_t newest_attempt = 0; ///< that has opened a writer in this life of the process
  /// How often the model has each record, less what is committed. Made with the first record.
  std::map<event, std::int64_t> outstanding;
};

/// Thrown by simulated user code.
struct planned_exception : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The world around the simulated process. One at a time, `world::now()`.
class world {
public:
  world(pipeline p, std::uint64_t seed);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  static world& now();

  const pipeline plan;
  const expectation expected;
  chance random;
  std::shared_ptr<simulated_time> time;

  // -- the process

  /// Which life of the process this is; what an earlier one left running has no effect any more.
  std::uint64_t life = 1;
  /// The process is dead from this instant: nothing it does has any effect.
  bool dead = false;
  bool exactly_once = true;
  /// The test itself runs user code.
  bool observing = false;
  /// The newest checkpoint that was reported complete, or that the process resumed from.
  std::uint64_t newest_complete = 0;
  [[nodiscard]] bool alive(std::uint64_t of_life) const { return !dead && of_life == life; }

  std::map<std::string, ledger, std::less<>> ledgers; ///< by sink
  std::uint64_t prepared_ids = 0;

  // -- what operators have loaded

  /// At-least-once: whether a step has nothing twice all the same, as no subtask on its way has several channels.
  std::vector<bool> exact_steps;
  [[nodiscard]] bool exact(std::size_t step) const { return exactly_once || exact_steps[step]; }
  /// The checkpoint that the present attempt of each step restores; 0: none.
  std::vector<std::uint64_t> restored_from;
  /// What the model has at each checkpoint that was restored.
  std::map<std::uint64_t, expectation> restored_models;
  /// A keyed step meets a key for the first time in its attempt, and has this state of it.
  void check_loaded(std::size_t step, std::uint32_t key, const key_summary& loaded);
  /// An un-keyed step is given its first record in its attempt; its state has counted so many before.
  void check_loaded(std::size_t step, const weir::operator_identity& who, std::uint64_t loaded);

  // -- exceptions in user code

  /// The `nth` call from now of user code at this place throws.
  void arm_exception(std::string place, std::uint64_t nth) { armed_.push_back({std::move(place), nth}); }
  void disarm_exceptions() { armed_.clear(); }
  /// User code passes here.
  void pass(std::string_view place);
  [[nodiscard]] std::uint64_t exceptions() const { return exceptions_; }
  /// Of those, thrown where regions are prepared: a job does not survive them.
  [[nodiscard]] std::uint64_t exceptions_in_preparation() const { return exceptions_in_preparation_; }
  /// `runtime::start` is running.
  bool starting = false;
  /// A region of the job is between two attempts.
  bool restarting = false;

  // -- what happened

  std::map<std::string, std::uint64_t, std::less<>> troubles; ///< by kind, those that really happened
  void happened(const std::string& kind) { ++troubles[kind]; }
  /// What must never be; the first is kept.
  void violated(const std::string& what);
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

private:
  struct armed_exception {
    std::string place;
    std::uint64_t nth;
  };
  std::vector<armed_exception> armed_;
  std::uint64_t exceptions_ = 0;
  std::uint64_t exceptions_in_preparation_ = 0;
  /// By step, life and attempt: what each subtask has loaded.
  std::map<std::tuple<std::size_t, std::uint64_t, std::uint64_t>, std::map<std::uint32_t, std::uint64_t>>
      loaded_counts_;
  std::optional<std::string> violation_;
};

} // namespace simulation
