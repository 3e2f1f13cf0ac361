// The jobs that the crash loop runs and kills.
#include "crash_loop/crash_jobs.hpp"

#include "process/words.hpp"

#include <weir/operators/counter_random.hpp>
#include <weir/operators/generator.hpp>
#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/operators/text_lines.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

namespace weir_test {

namespace {

constexpr std::uint64_t seed = 7;

/// Throws at each so-manieth call in this process, in whatever subtask that is.
class accident {
public:
  explicit accident(std::uint64_t every) : every_(every) {}

  void may_happen() const {
    static std::atomic<std::uint64_t> calls{0};
    if (every_ != 0 && (calls.fetch_add(1, std::memory_order_relaxed) + 1) % every_ == 0)
      throw std::runtime_error{"an accident"};
  }

private:
  std::uint64_t every_;
};

bool may_follow(order_state from, order_state to) {
  using enum order_state;
  switch (from) {
  case unknown:
    return to == created;
  case created:
    return to == paid || to == cancelled;
  case paid:
    return to == shipped || to == cancelled;
  case shipped:
    return to == delivered;
  case delivered:
  case cancelled:
    break;
  }
  return false;
}

struct follow_order {
  using state = followed_order;
  accident sometimes{0};

  void process(const order_event& event, state& order, weir::keyed_context<std::uint64_t>& context,
               weir::collector<order_change>& out) const {
    sometimes.may_happen();
    order.take(event.to);
    out(change_of(context.key(), order));
  }
};

} // namespace

order_event order_event_at(std::uint64_t n) {
  using enum order_state;
  constexpr std::array usual{created, paid, shipped, delivered};
  constexpr std::uint64_t block = orders_of_block * events_of_order;
  const std::uint64_t order = n / block * orders_of_block + n % orders_of_block;
  const std::uint64_t step = n % block / orders_of_block;
  weir::counter_random fate{seed, n};
  return {order, fate.below(8) == 0 ? cancelled : usual[step]};
}

std::uint64_t number_of_event(std::uint64_t order, std::uint64_t step) {
  return (order / orders_of_block * events_of_order + step) * orders_of_block + order % orders_of_block;
}

void followed_order::take(order_state to) {
  ++events;
  if (may_follow(now, to))
    now = to;
  else
    ++refused;
}

order_change change_of(std::uint64_t order, const followed_order& now) {
  return {order, now.events, std::string{order_state_names[static_cast<std::size_t>(now.now)]}, now.refused};
}

reading reading_at(std::uint64_t n, std::uint64_t records) {
  const std::uint64_t share = records / sensors;
  const std::uint64_t sensor = n / share;
  const std::uint64_t number = n % share + 1;
  return {sensor, number, number * number % 1009 + sensor};
}

weir::job words_job(const crash_settings& settings) {
  const auto split = [pause = settings.pause_us, sometimes = accident{settings.fail_every},
                      lines = std::make_shared<std::atomic<std::uint64_t>>(0)](std::string_view line,
                                                                               weir::collector<std::string>& words) {
    sometimes.may_happen();
    if (pause != 0 && lines->fetch_add(1, std::memory_order_relaxed) % 2 == 1)
      std::this_thread::sleep_for(std::chrono::microseconds{pause});
    split_into_words(line, words);
  };
  weir::job job{"words"};
  auto counts = job.source("lines", weir::text_lines{settings.folder + "/input.txt"})
                    .flat_map("words", split)
                    .key_by(std::identity{})
                    .count("counts");
  counts.sink("table", weir::sqlite_table{settings.folder + "/out.db", "counts"}.upsert("key"));
  counts.sink("files", weir::text_files{settings.folder + "/files"});
  return job;
}

weir::job orders_job(const crash_settings& settings) {
  weir::job job{"orders"};
  auto changes =
      job.source("events", weir::generator<order_event>{settings.records, order_event_at}.rate(settings.rate),
                 {.parallelism = order_sources})
          .key_by(&order_event::order)
          .process("follow", follow_order{accident{settings.fail_every}});
  changes.sink("table", weir::sqlite_table{settings.folder + "/out.db", "orders"}.upsert("order"));
  changes.sink("files", weir::text_files{settings.folder + "/files"});
  return job;
}

weir::job readings_job(const crash_settings& settings) {
  const auto make = [records = settings.records](std::uint64_t n) { return reading_at(n, records); };
  const auto pass = [sometimes = accident{settings.fail_every}](const reading& r) {
    sometimes.may_happen();
    return r;
  };
  weir::job job{"readings"};
  job.source("sensors", weir::generator<reading>{settings.records, make}.rate(settings.rate), {.parallelism = sensors})
      .map("pass", pass, {.parallelism = sensors})
      .sink("files", weir::text_files{settings.folder + "/files"}, {.parallelism = sensors});
  return job;
}

} // namespace weir_test
