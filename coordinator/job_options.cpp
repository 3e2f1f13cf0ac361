// Checks of a job's options.
#include "job_options.hpp"

#include "duration_text.hpp"

#include <thread>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::uint32_t most_key_groups = 32'768;
constexpr std::uint32_t most_threads = 4'096;
constexpr std::uint32_t most_records_in_a_batch = 1U << 24U;

class option_checks {
public:
  void at_least_one(const char* option, std::uint64_t value) {
    if (value == 0)
      add(option, "at least 1", "0", "leave it out for the default");
  }
  void at_most(const char* option, std::uint64_t value, std::uint64_t most) {
    if (value > most)
      add(option, "at most " + std::to_string(most), std::to_string(value), "choose a smaller one");
  }
  void not_negative(const char* option, std::chrono::microseconds value) {
    if (value < std::chrono::microseconds::zero())
      add(option, "no negative duration", duration_text(value), "choose 0s or more");
  }
  void add(const char* option, std::string expected, std::string found, std::string remedy) {
    problems.push_back({option, std::move(expected), std::move(found), std::move(remedy)});
  }

  std::vector<error_text> problems;
};

} // namespace

std::string_view to_text(delivery_mode mode) {
  return mode == delivery_mode::exactly_once ? "exactly-once" : "at-least-once";
}

std::string_view to_text(log_level level) {
  switch (level) {
  case log_level::trace:
    return "trace";
  case log_level::debug:
    return "debug";
  case log_level::info:
    return "info";
  case log_level::warning:
    return "warning";
  case log_level::error:
    return "error";
  case log_level::off:
    break;
  }
  return "off";
}

std::uint32_t hardware_threads() noexcept {
  const unsigned threads = std::thread::hardware_concurrency();
  return threads == 0 ? 1 : threads;
}

std::vector<error_text> validate(const job_options& o) {
  option_checks checks;
  checks.at_least_one("parallelism", o.parallelism);
  checks.at_least_one("max-parallelism", o.max_parallelism);
  checks.at_most("max-parallelism", o.max_parallelism, most_key_groups);
  if (o.max_parallelism != 0 && o.parallelism > o.max_parallelism)
    checks.add("parallelism", "at most the max parallelism, " + std::to_string(o.max_parallelism),
               std::to_string(o.parallelism), "lower it, or begin a fresh run with a higher max parallelism");
  checks.at_least_one("threads", o.threads);
  checks.at_most("threads", o.threads, most_threads);
  checks.at_least_one("retain", o.retain);
  checks.at_least_one("max-concurrent", o.max_concurrent);
  checks.at_least_one("batch-size", o.batch_size);
  checks.at_most("batch-size", o.batch_size, most_records_in_a_batch);
  checks.not_negative("checkpoint-interval", o.checkpoint_interval);
  checks.not_negative("min-pause", o.min_pause);
  checks.not_negative("flush-interval", o.flush_interval);
  checks.not_negative("alignment-timeout", o.alignment_timeout);
  if (o.unaligned && o.alignment_timeout.count() != 0)
    checks.add("alignment-timeout", "none beside unaligned, where barriers overtake at once",
               duration_text(o.alignment_timeout), "leave out one of the two");
  if (o.alignment_timeout.count() != 0 && o.alignment_timeout >= o.checkpoint_timeout &&
      o.checkpoint_timeout > std::chrono::microseconds::zero())
    checks.add("alignment-timeout", "less than the checkpoint-timeout, " + duration_text(o.checkpoint_timeout),
               duration_text(o.alignment_timeout), "lower it: no barrier would ever overtake");
  if (may_overtake(o) && o.mode != delivery_mode::exactly_once)
    checks.add(o.unaligned ? "unaligned" : "alignment-timeout", "the mode exactly-once", std::string{to_text(o.mode)},
               "leave it out: nothing is aligned in this mode");
  if (o.checkpoint_timeout <= std::chrono::microseconds::zero())
    checks.add("checkpoint-timeout", "a duration above zero", duration_text(o.checkpoint_timeout),
               "choose a time that a checkpoint may take, such as 60s");
  if (!o.checkpoints) {
    const auto beside = [&](const char* option, std::string found) {
      checks.add(option, "none beside no-checkpoints", std::move(found), "leave out one of the two");
    };
    if (!o.store.empty())
      beside("store", "\"" + o.store + "\"");
    if (o.fresh)
      beside("fresh", "it");
    if (!o.savepoint_at_end.empty())
      beside("savepoint", "\"" + o.savepoint_at_end + "\"");
    if (o.checkpoint_records != 0)
      beside("checkpoint-records", std::to_string(o.checkpoint_records));
    if (o.unaligned)
      beside("unaligned", "it");
    if (o.alignment_timeout.count() != 0)
      beside("alignment-timeout", duration_text(o.alignment_timeout));
  }
  return std::move(checks.problems);
}

} // namespace weir::inline v0
