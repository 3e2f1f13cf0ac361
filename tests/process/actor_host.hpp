// An actor system with a runtime in it, for tests that run jobs inside of their own process.
#pragma once

#include <weir/caf.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

namespace weir_test {

/// The log of jobs, kept for a test's messages.
class job_log {
public:
  void add(const std::string& line) {
    const std::lock_guard lock{mutex_};
    text_ += line + "\n";
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock{mutex_};
    return text_;
  }

private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A system with as many workers as are said; its scheduler is Weir's, or CAF's own default.
class actor_host {
public:
  enum class scheduler { fair, default_of_caf };

  explicit actor_host(std::size_t threads = 2, scheduler kind = scheduler::fair)
      : config_(make_config(threads, kind)), system_(*config_), jobs_(system_) {
    jobs_.log_to([log = log_](weir::log_level level, const std::string& line) {
      if (level >= weir::log_level::info)
        log->add(line);
    });
  }

  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  [[nodiscard]] weir::runtime& jobs() noexcept { return jobs_; }
  [[nodiscard]] std::string log() const { return log_->text(); }

private:
  static std::unique_ptr<caf::actor_system_config> make_config(std::size_t threads, scheduler kind) {
    auto config = std::make_unique<caf::actor_system_config>();
    if (kind == scheduler::fair)
      weir::use_fair_scheduler(*config, threads);
    else
      config->set("scheduler.max-threads", threads);
    return config;
  }

  std::shared_ptr<job_log> log_ = std::make_shared<job_log>();
  std::unique_ptr<caf::actor_system_config> config_;
  caf::actor_system system_;
  weir::runtime jobs_;
};

/// Waits until `condition` holds while a job runs. Returns whether it did, before the job ended or `patience` did.
template <class Condition>
bool eventually(const weir::job_handle& job, Condition condition,
                std::chrono::steady_clock::duration patience = std::chrono::seconds{30}) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const bool ended = job.wait_for(std::chrono::milliseconds{2});
    if (condition())
      return true;
    if (ended || std::chrono::steady_clock::now() > deadline)
      return false;
  }
}

/// Ends a job that a failing test would leave behind: its system could not be destroyed.
class job_guard {
public:
  explicit job_guard(weir::job_handle job) : job_(std::move(job)) {}
  job_guard(const job_guard&) = delete;
  job_guard& operator=(const job_guard&) = delete;
  ~job_guard() {
    job_.cancel();
    static_cast<void>(job_.wait_for(std::chrono::seconds{40}));
  }

private:
  weir::job_handle job_;
};

} // namespace weir_test
