// Meets orders with their payments: two streams, one state for each order, and a side output for what does not fit.
#include <weir/persistence/error.hpp>
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <tuple>

namespace {

struct order {
  std::uint64_t number = 0;
  std::uint64_t cents = 0;
  WEIR_FIELDS(number, cents)
};

struct payment {
  std::uint64_t order = 0;
  std::uint64_t cents = 0;
  WEIR_FIELDS(order, cents)
};

struct settled_order {
  std::uint64_t number = 0;
  std::uint64_t cents = 0;
  WEIR_FIELDS(number, cents)
};

struct dispute {
  std::uint64_t order = 0;
  std::uint64_t ordered = 0; // cents
  std::uint64_t paid = 0;
  WEIR_FIELDS(order, ordered, paid)
};

// Orders come from the left, payments from the right, and either may come first: what the result is must not depend on
// it. Side outputs are members, and side_outputs() lists them.
struct settle {
  struct state {
    std::uint64_t ordered = 0; // cents; 0: not yet
    std::uint64_t paid = 0;
    WEIR_FIELDS(ordered, paid)
  };
  using context = weir::keyed_context<std::uint64_t>;

  weir::side_output<dispute> disputed{"disputed"};
  auto side_outputs() const { return std::tuple{disputed}; }

  void process_left(const order& o, state& s, context& ctx, weir::collector<settled_order>& settled) const {
    s.ordered = o.cents;
    compare(s, ctx, settled);
  }
  void process_right(const payment& p, state& s, context& ctx, weir::collector<settled_order>& settled) const {
    s.paid = p.cents;
    compare(s, ctx, settled);
  }

private:
  void compare(const state& s, context& ctx, weir::collector<settled_order>& settled) const {
    if (s.ordered == 0 || s.paid == 0)
      return;
    if (s.ordered == s.paid)
      settled(settled_order{ctx.key(), s.paid});
    else
      ctx.emit(disputed, dispute{ctx.key(), s.ordered, s.paid});
  }
};

// Order n, and its payment. One payment in a thousand is of another sum; one in a thousand names an order that is none.
order make_order(std::uint64_t n) {
  weir::counter_random price{1, n};
  return {n, 100 + price.below(100'000)};
}
payment make_payment(std::uint64_t n) {
  weir::counter_random fault{2, n};
  payment p{n, make_order(n).cents};
  if (fault.chance(0.001))
    p.cents = fault.chance(0.5) ? p.cents + 1 + fault.below(99) : p.cents - 1 - fault.below(99);
  else if (fault.chance(0.001))
    p.order += 1'000'000'000;
  return p;
}

void print_summary(const std::string& database, std::uint64_t orders) {
  auto table = weir::sqlite_database::open(database, weir::sqlite_access::read_only);
  const auto settled = table.integer("SELECT count(*) FROM settled");
  const auto disputed = table.integer("SELECT coalesce(sum(count), 0) FROM disputes");
  std::printf("%lld orders settled, %lld disputed, %lld open\n", static_cast<long long>(settled),
              static_cast<long long>(disputed), static_cast<long long>(orders) - settled - disputed);
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto count = cli.option("orders", std::uint64_t{200'000}, "how many orders there are, and payments");
  const auto rate = cli.option("rate", 0.0, "of each, a second; 0: as many as go");
  const auto folder = cli.option("disputes", "disputes", "the folder for the disputes");
  const auto database = cli.option("output", "settled.db", "the SQLite file for settled orders and counts of disputes");

  auto orders = weir::generator<order>{count, [](std::uint64_t n) { return make_order(n); }};
  auto payments = weir::generator<payment>{count, [](std::uint64_t n) { return make_payment(n); }};
  if (rate != 0) {
    orders = orders.rate(rate);
    payments = payments.rate(rate);
  }
  weir::job job{"payments"};
  const auto settled = job.source("orders", orders)
                           .key_by(&order::number)
                           .connect(job.source("payments", payments).key_by(&payment::order))
                           .process("settle", settle{});
  settled.sink("settled", weir::sqlite_table{database, "settled"}.upsert("number"));
  const auto disputes = settled.side(weir::side_output<dispute>{"disputed"});
  disputes.sink("disputes", weir::text_files{folder});
  disputes.map("sides", [](const dispute& d) { return std::string{d.paid < d.ordered ? "too little" : "too much"}; })
      .key_by(std::identity{})
      .count("counts")
      .sink("table", weir::sqlite_table{database, "disputes"}.upsert("key"));

  weir::job_status status;
  const int code = weir::run(job, cli, status);
  if (status.state != weir::job_state::finished)
    return code;
  try {
    print_summary(database, count);
  } catch (const weir::error& e) { // a finished job whose table was deleted, for example
    std::fprintf(stderr, "payments_and_orders: %s\n", e.what());
    return e.exit_code();
  }
  return code;
}
