// Scores card payments by rules that change while the job runs: the rules are a broadcast, the spending is state of a
// card.
//
// card_rules [--payments n] [--output file]: makes its payments and its rules by itself.

#include <weir/weir.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace {

struct payment {
  std::uint32_t card = 0;
  std::uint32_t cents = 0;
  WEIR_FIELDS(card, cents)
};

struct rule {
  std::string name;
  std::uint64_t most_cents = 0; // that a card may spend in all
  WEIR_FIELDS(name, most_cents)
};

struct alert {
  std::string rule;
  std::uint32_t card = 0;
  WEIR_FIELDS(rule, card)
};

// A card breaks each rule once, with the payment that is too much or with the next after the rule came.
struct check_rules {
  struct state {
    std::uint64_t spent = 0;
    std::map<std::string, std::uint64_t> broken;
    WEIR_FIELDS(spent, broken)
  };
  struct broadcast_state {
    std::map<std::string, std::uint64_t> most;
    WEIR_FIELDS(most)
  };

  void process(const payment& p, state& card, const broadcast_state& rules, weir::keyed_context<std::uint32_t>& context,
               weir::collector<alert>& alerts) const {
    card.spent += p.cents;
    for (const auto& [name, most] : rules.most)
      if (card.spent > most && card.broken.emplace(name, card.spent).second)
        alerts(alert{name, context.key()});
  }
  void process_broadcast(const rule& r, broadcast_state& rules, weir::context&, weir::collector<alert>&) const {
    rules.most[r.name] = r.most_cents;
  }
};

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto count = cli.option("payments", std::uint64_t{200'000}, "how many payments are made");
  const auto rate = cli.option("rate", 100'000.0, "payments a second");
  const auto output = cli.option("output", "alerts.db", "the SQLite file for the alerts");

  weir::job job{"card-rules"};
  const auto payments =
      job.source("payments",
                 weir::generator<payment>{
                     count,
                     [](std::uint64_t n) {
                       return payment{static_cast<std::uint32_t>(n % 1000), static_cast<std::uint32_t>(n % 997 + 1)};
                     }}
                     .rate(rate));
  const auto rules =
      job.source("rules", weir::from_vector<rule>{{{"large", 30'000}, {"very-large", 55'000}}}, {.parallelism = 1});
  payments.key_by(&payment::card)
      .connect_broadcast(rules)
      .process("check", check_rules{})
      .key_by(&alert::rule)
      .count("counts")
      .sink("alerts", weir::sqlite_table{output, "alerts"}.upsert("key"));
  return weir::run(job, cli);
}
