// A job of all operators that have several inputs or outputs, whose output can be told in advance.
#include "process/joining_job.hpp"

#include "process/database.hpp"

#include <weir/operators/generator.hpp>
#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/fields.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace weir_test {

namespace {

constexpr std::uint32_t watchers = 2;
constexpr std::uint64_t numbers_per_limit = 10;

using place_hook = std::shared_ptr<const std::function<void(const char*)>>;

// -- two keyed inputs of different types, one state -------------------------------------------------------------------

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
struct dispute {
  std::uint64_t order = 0;
  std::uint64_t missing = 0;
  WEIR_FIELDS(order, missing)
};

bool is_disputed(std::uint64_t number) {
  return number % 5 == 0;
}

struct settle {
  struct state {
    std::uint64_t ordered = 0;
    std::uint64_t paid = 0;
    std::uint64_t inputs = 0;
    WEIR_FIELDS(ordered, paid, inputs)
  };
  using context = weir::keyed_context<std::uint64_t>;
  place_hook before;
  weir::side_output<dispute> disputed{"disputed"};
  auto side_outputs() const { return std::tuple{disputed}; }

  void process_left(const order& o, state& s, context& ctx, weir::collector<order>& settled) const {
    (*before)("settle left");
    s.ordered = o.cents;
    meet(s, ctx, settled);
  }
  void process_right(const payment& p, state& s, context& ctx, weir::collector<order>& settled) const {
    (*before)("settle right");
    s.paid = p.cents;
    meet(s, ctx, settled);
  }
  void meet(state& s, context& ctx, weir::collector<order>& settled) const {
    if (++s.inputs < 2) // a third would be one twice
      return;
    if (s.ordered == s.paid)
      settled(order{ctx.key(), s.paid});
    else
      ctx.emit(disputed, dispute{ctx.key(), s.ordered - s.paid});
  }
};

// -- the side output of an operator with one keyed input --------------------------------------------------------------

struct reviewed {
  std::uint64_t order = 0;
  std::uint64_t times = 0;
  WEIR_FIELDS(order, times)
};

struct review {
  struct state {
    std::uint64_t times = 0;
    WEIR_FIELDS(times)
  };
  place_hook before;
  weir::side_output<reviewed> even{"even"};
  auto side_outputs() const { return even; }

  void process(const dispute& d, state& s, weir::keyed_context<std::uint64_t>& ctx,
               weir::collector<reviewed>& odd) const {
    (*before)("review");
    ++s.times;
    if (d.order % 2 == 0)
      ctx.emit(even, reviewed{d.order, s.times});
    else
      odd(reviewed{d.order, s.times});
  }
};

// -- two inputs without keys, one of them broadcast -------------------------------------------------------------------

struct watched {
  std::uint32_t subtask = 0;
  std::uint64_t numbers = 0;
  std::uint64_t sum = 0;
  std::uint64_t limits = 0;
  WEIR_FIELDS(subtask, numbers, sum, limits)
};
struct limit_seen {
  std::uint64_t limit = 0;
  std::uint32_t subtask = 0;
  WEIR_FIELDS(limit, subtask)
};

struct watch {
  struct state {
    std::uint64_t numbers = 0;
    std::uint64_t sum = 0;
    std::uint64_t limits = 0;
    WEIR_FIELDS(numbers, sum, limits)
  };
  place_hook before;
  weir::side_output<limit_seen> seen{"seen"};
  auto side_outputs() const { return std::tuple{seen}; }

  void process_left(const std::uint64_t& n, state& s, weir::context& ctx, weir::collector<watched>& out) const {
    (*before)("watch left");
    ++s.numbers;
    s.sum += n;
    out(watched{ctx.identity().subtask.value, s.numbers, s.sum, s.limits});
  }
  void process_right(const std::uint64_t& limit, state& s, weir::context& ctx, weir::collector<watched>& out) const {
    (*before)("watch right");
    ++s.limits;
    ctx.emit(seen, limit_seen{limit, ctx.identity().subtask.value});
    out(watched{ctx.identity().subtask.value, s.numbers, s.sum, s.limits});
  }
};

// -- one input without keys, a side output, and a union ---------------------------------------------------------------

struct sorted_number {
  std::uint64_t number = 0;
  std::string from;
  WEIR_FIELDS(number, from)
};

struct sort {
  place_hook before;
  weir::side_output<std::uint64_t> sevens{"sevens"};
  auto side_outputs() const { return std::tuple{sevens}; }

  void process(const std::uint64_t& n, weir::context& ctx, weir::collector<sorted_number>& others) const {
    (*before)("sort");
    if (n % 7 == 0)
      ctx.emit(sevens, n);
    else
      others(sorted_number{n, "others"});
  }
};

std::uint64_t itself(std::uint64_t n) {
  return n;
}

std::vector<std::string> lines_in(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& file : std::filesystem::directory_iterator{folder}) {
    if (file.path().filename().string().starts_with('.'))
      continue;
    std::ifstream content{file.path()};
    for (std::string line; std::getline(content, line);)
      lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

} // namespace

weir::job joining_job(const joining& parts) {
  const auto before = std::make_shared<const std::function<void(const char*)>>(parts.before);
  const std::string tables = parts.folder + "/joined.db";
  const std::uint64_t n = parts.records;
  weir::job job{"joining"};

  // Payments come in another order than orders do.
  auto orders = job.source("orders",
                           weir::generator<order>{n,
                                                  [](std::uint64_t i) {
                                                    return order{i, 100 + i};
                                                  }}
                               .rate(parts.rate),
                           {.parallelism = 2});
  auto payments =
      job.source("payments",
                 weir::generator<payment>{n,
                                          [n](std::uint64_t i) {
                                            const std::uint64_t number = n - 1 - i;
                                            return payment{number, is_disputed(number) ? 90 + number : 100 + number};
                                          }}
                     .rate(parts.rate),
                 {.parallelism = 1});
  auto settled = orders.key_by(&order::number)
                     .connect(payments.rebalance().key_by(&payment::order))
                     .process("settle", settle{before}, {.parallelism = 3});
  auto disputes = settled.side(weir::side_output<dispute>{"disputed"});
  settled.sink("settled", weir::sqlite_table{tables, "settled"});
  disputes.sink("disputes", weir::text_files{parts.folder + "/disputes"});
  auto odd = disputes.key_by(&dispute::order).process("review", review{before});
  odd.sink("odd", weir::sqlite_table{tables, "odd"});
  odd.side(weir::side_output<reviewed>{"even"}).sink("even", weir::sqlite_table{tables, "even"});

  auto numbers = job.source("numbers", weir::generator<std::uint64_t>{n, itself}.rate(parts.rate), {.parallelism = 2});
  auto limits = job.source(
      "limits", weir::generator<std::uint64_t>{n / numbers_per_limit, itself}.rate(parts.rate / numbers_per_limit),
      {.parallelism = 1});
  auto watching =
      numbers.rebalance().connect(limits.broadcast()).process("watch", watch{before}, {.parallelism = watchers});
  watching.sink("watched", weir::sqlite_table{tables, "watched"}.upsert("subtask"), {.parallelism = watchers});
  watching.side(weir::side_output<limit_seen>{"seen"}).sink("limits-seen", weir::sqlite_table{tables, "limits"});

  auto others = numbers.process("sort", sort{before});
  others.side(weir::side_output<std::uint64_t>{"sevens"})
      .map("named",
           [](std::uint64_t seven) {
             return sorted_number{seven, "sevens"};
           },
           {.parallelism = 3})
      .union_with(others, limits.map("as-sorted",
                                     [](std::uint64_t l) {
                                       return sorted_number{l, "limits"};
                                     }))
      .map("gathered",
           [before](const sorted_number& s) {
             (*before)("gathered");
             return s;
           })
      .sink("all", weir::sqlite_table{tables, "gathered"});
  return job;
}

std::string fault_in_joined(const joining& parts) {
  const auto n = static_cast<long long>(parts.records);
  const auto limits = n / static_cast<long long>(numbers_per_limit);
  std::vector<std::string> disputes;
  long long disputed = 0;
  long long even = 0;
  for (std::uint64_t number = 0; number != parts.records; ++number)
    if (is_disputed(number)) {
      ++disputed;
      even += number % 2 == 0 ? 1 : 0;
      disputes.push_back("{order: " + std::to_string(number) + ", missing: 10}");
    }
  std::sort(disputes.begin(), disputes.end());
  if (lines_in(parts.folder + "/disputes") != disputes)
    return "the files have other disputes";

  database table{parts.folder + "/joined.db"};
  const std::pair<std::string, long long> expected[] = {
      {"count(*) FROM settled", n - disputed},
      {"count(DISTINCT number) FROM settled WHERE cents = 100 + number AND number % 5 <> 0", n - disputed},
      {"count(*) FROM odd", disputed - even},
      {"count(DISTINCT \"order\") FROM odd WHERE times = 1 AND \"order\" % 10 = 5", disputed - even},
      {"count(*) FROM even", even},
      {"count(DISTINCT \"order\") FROM even WHERE times = 1 AND \"order\" % 10 = 0", even},
      {"count(*) FROM watched", watchers},
      {"sum(numbers) FROM watched", n},
      {"sum(sum) FROM watched", n * (n - 1) / 2},
      {"count(*) FROM watched WHERE limits = " + std::to_string(limits), watchers},
      {"count(*) FROM limits", watchers * limits},
      {"count(*) FROM (SELECT DISTINCT \"limit\", subtask FROM limits)", watchers * limits},
      {"count(*) FROM gathered", n + limits},
      {"count(DISTINCT number) FROM gathered WHERE \"from\" = 'sevens' AND number % 7 = 0", (n + 6) / 7},
      {"count(DISTINCT number) FROM gathered WHERE \"from\" = 'others' AND number % 7 <> 0", n - (n + 6) / 7},
      {"count(DISTINCT number) FROM gathered WHERE \"from\" = 'limits'", limits},
  };
  for (const auto& [query, value] : expected)
    if (const long long found = table.integer("SELECT " + query); found != value)
      return query + " is " + std::to_string(found) + " instead of " + std::to_string(value);
  return {};
}

} // namespace weir_test
