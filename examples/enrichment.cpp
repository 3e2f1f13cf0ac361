// Asynchronous enrichment: an actor is asked for the customer of each order, many requests at a time. Orders of unknown
// customers become dead letters.
//
// enrichment [folder]: makes its orders by itself; the folder is for its store and its tables.
#include <weir/caf.hpp>
#include <weir/persistence/error.hpp>
#include <weir/weir.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

struct order {
  std::uint64_t number = 0;
  std::string customer;
  std::uint64_t cents = 0;
  WEIR_FIELDS(number, customer, cents)
};

constexpr std::uint64_t orders = 20'000;

/// Every 1,000th order has a customer whom nobody knows.
order make_order(std::uint64_t i) {
  return {i, i % 1000 == 999 ? "nobody" : "customer-" + std::to_string(i % 50), 100 + i % 900};
}

/// Knows the city of each customer. A real one would ask a database, and answer later.
caf::behavior directory(caf::event_based_actor*) {
  return {[](const std::string& customer) -> caf::result<std::string> {
    if (customer == "nobody")
      return caf::make_error(caf::sec::invalid_argument, customer);
    return customer.back() % 2 == 0 ? "Lyon" : "Turin";
  }};
}

void enrich(const std::string& folder) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  const caf::actor known = system.spawn(directory);

  weir::job job{"enrichment"};
  const auto cities =
      job.source("orders", weir::generator<order>{orders, make_order})
          .async_map<std::string>(
              "cities",
              weir::ask_actor<std::string>(known, [](const order& o) { return caf::make_message(o.customer); }),
              {.capacity = 1000, .timeout = 10s, .retries = 1, .retry_delay = 10ms},
              {.poison = weir::poison_policy::dead_letter});
  cities.key_by(std::identity{})
      .count("counts")
      .sink("table", weir::sqlite_table{folder + "/cities.db", "cities"}.upsert("key"));
  cities.dead_letters().sink("unknown", weir::sqlite_table{folder + "/unknown.db", "letters"});

  weir::job_options options;
  options.store = folder + "/enrichment.weir";
  options.parallelism = 2;
  weir::runtime jobs{system};
  const weir::job_status status = jobs.start(job, options).wait();
  std::printf("%s; see sqlite3 -readonly %s/cities.db 'select * from cities'\n",
              std::string{weir::to_text(status.state)}.c_str(), folder.c_str());
}

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  if (argc > 2 || folder.starts_with('-')) {
    std::printf("usage: enrichment [folder for its store and its tables]\n");
    return folder == "--help" ? 0 : 2;
  }
  try {
    enrich(folder);
    return 0;
  } catch (const weir::error& e) { // a folder that is not there, or a job that failed
    std::fprintf(stderr, "enrichment: %s\n", e.what());
    return e.exit_code();
  }
}
