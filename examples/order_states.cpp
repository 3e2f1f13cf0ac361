// Follows orders through their states, and alerts on events that an order's state does not allow.
#include <weir/persistence/sqlite_database.hpp>
#include <weir/weir.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

enum class order_state : std::uint8_t { unknown, created, paid, shipped, delivered, cancelled, refunded };
constexpr std::array<std::string_view, 7> state_names{"unknown",   "created",   "paid",    "shipped",
                                                      "delivered", "cancelled", "refunded"};
constexpr std::string_view name_of(order_state s) {
  return state_names[static_cast<std::size_t>(s)];
}

// The state machine: which state may follow which.
constexpr bool may_follow(order_state from, order_state to) {
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
  case cancelled:
    return to == refunded;
  case delivered:
  case refunded:
    break; // nothing may follow
  }
  return false;
}

struct order_event {
  std::uint64_t number = 0; // of the event
  std::uint64_t order = 0;
  order_state to = order_state::unknown;
  WEIR_FIELDS(number, order, to)
};

struct alert {
  std::uint64_t order = 0;
  std::uint64_t event = 0;
  std::string kind; // "paid to delivered"
  WEIR_FIELDS(order, event, kind)
};

// One state machine an order. An illegal event is reported, and leaves the order as it was.
struct follow_order {
  struct state {
    order_state now = order_state::unknown;
    WEIR_FIELDS(now)
  };

  void process(const order_event& event, state& order, weir::keyed_context<std::uint64_t>& context,
               weir::collector<alert>& alerts) const {
    if (may_follow(order.now, event.to))
      order.now = event.to;
    else
      alerts(
          alert{context.key(), event.number, std::string{name_of(order.now)}.append(" to ").append(name_of(event.to))});
  }
};

// Makes event number n. Each order has four events; those of a thousand orders are shuffled together like cards. What
// happens to an order follows from the seed: one in five is cancelled, one event in 100,000 is wrong.
struct make_event {
  std::uint64_t seed;

  order_event operator()(std::uint64_t n) const {
    using enum order_state;
    constexpr std::uint64_t interleaved = 1000;
    constexpr std::uint64_t events = 4;
    constexpr std::array usual{created, paid, shipped, delivered};
    constexpr std::array called_off{created, paid, cancelled, refunded};
    const std::uint64_t order = n / (interleaved * events) * interleaved + n % interleaved;
    const std::uint64_t step = n / interleaved % events;
    weir::counter_random fate{seed, order};
    order_state to = fate.below(5) == 0 ? called_off[step] : usual[step];
    weir::counter_random fault{seed + 1, n};
    if (fault.below(100'000) == 0)
      to = static_cast<order_state>(1 + fault.below(6));
    return {n, order, to};
  }
};

void print_summary(const std::string& database, const std::string& folder, const weir::job_status& status) {
  auto table = weir::sqlite_database::open(database, weir::sqlite_access::read_only);
  auto kinds = table.prepare("SELECT key, count FROM illegal ORDER BY count DESC, key");
  while (kinds.step())
    std::printf("%6lld from %s\n", static_cast<long long>(kinds.integer(1)), std::string{kinds.text(0)}.c_str());
  std::printf("%lld illegal events; each is a line in %s\n",
              static_cast<long long>(table.integer("SELECT coalesce(sum(count), 0) FROM illegal")), folder.c_str());
  const double seconds = std::chrono::duration<double>{status.running_for}.count();
  if (status.records_read != 0) // else the job had finished before
    std::printf("%llu events in %.2f s: %.0f events/s\n", static_cast<unsigned long long>(status.records_read), seconds,
                static_cast<double>(status.records_read) / seconds);
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto events = cli.option("events", std::uint64_t{2'000'000}, "how many events there are");
  const auto rate = cli.option("rate", 0.0, "events a second; 0: as many as go");
  const auto seed = cli.option("seed", std::uint64_t{1}, "what happens to the orders depends on it");
  const auto folder = cli.option("alerts", "order-alerts", "the folder for the alerts");
  const auto database = cli.option("output", "orders.db", "the SQLite file for the counts");

  auto stream_of_events = weir::generator<order_event>{events, make_event{seed}};
  if (rate != 0)
    stream_of_events = stream_of_events.rate(rate);
  weir::job job{"order-states"};
  // One subtask makes the events, so that those of one order come in order.
  const auto alerts = job.source("events", stream_of_events, {.parallelism = 1})
                          .key_by(&order_event::order)
                          .process("follow", follow_order{});
  alerts.sink("alerts", weir::text_files{folder});
  alerts.key_by(&alert::kind).count("kinds").sink("table", weir::sqlite_table{database, "illegal"}.upsert("key"));

  weir::job_status status;
  const int code = weir::run(job, cli, status);
  if (status.state != weir::job_state::finished)
    return code;
  try {
    print_summary(database, folder, status);
  } catch (const weir::error& e) { // a finished job whose table was deleted, for example
    std::fprintf(stderr, "order_states: %s\n", e.what());
    return e.exit_code();
  }
  return code;
}
