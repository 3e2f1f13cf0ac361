#include "composed/composed_jobs.hpp"

#include <weir/weir.hpp>

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace composed {

namespace {

using namespace std::chrono_literals;

constexpr int records = 90;
using lines = std::vector<std::string>;

/// The numbers 0 to 89, from one subtask: in order.
auto numbers(weir::job& job) {
  return job.source("numbers", weir::from_range<int>{0, records}, {.parallelism = 1});
}

lines each(const std::function<std::string(int)>& line) {
  lines all;
  for (int n = 0; n != records; ++n)
    all.push_back(line(n));
  return all;
}

std::string number_text(int n) {
  return std::to_string(n);
}

/// A composition whose one sink must get these lines, in any order.
template <class Compose>
composition with_lines(std::string name, Compose compose, lines wanted) {
  return {std::move(name),
          [compose](weir::job& job, const surroundings& around) {
            compose(numbers(job), around).sink("out", to_ledger{around.out});
          },
          [wanted](const surroundings& around) { return same_lines(around.out->committed, wanted); }};
}

struct total {
  long sum = 0;
  WEIR_FIELDS(sum)
};

struct sum_of {
  struct accumulator {
    long sum = 0;
    WEIR_FIELDS(sum)
  };
  void add(accumulator& a, int n) const { a.sum += n; }
  long result(const accumulator& a) const { return a.sum; }
};

struct pass_with_rules {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  struct broadcast_state {
    std::map<int, int> rules;
    WEIR_FIELDS(rules)
  };
  void process(const int& n, state& s, const broadcast_state&, weir::keyed_context<int>&,
               weir::collector<std::string>& out) const {
    out(std::to_string(n % 5) + ":" + std::to_string(++s.seen));
  }
  void process_broadcast(const int& rule, broadcast_state& to, weir::context&, weir::collector<std::string>&) const {
    ++to.rules[rule];
  }
};

/// Emits its key once, some time after the key's first record.
struct later_once {
  struct state {
    bool asked = false;
    WEIR_FIELDS(asked)
  };
  void process(const int&, state& s, weir::keyed_context<int>& ctx, weir::collector<int>&) const {
    if (!std::exchange(s.asked, true))
      ctx.set_timer(ctx.now() + 200us);
  }
  void on_timer(weir::processing_time, state&, weir::keyed_context<int>& ctx, weir::collector<int>& out) const {
    out(ctx.key());
  }
};

struct join_sides {
  struct state {
    int left = 0;
    int right = 0;
    WEIR_FIELDS(left, right)
  };
  weir::side_output<int> rights{"rights"};
  auto side_outputs() const { return std::tuple{rights}; }
  void process_left(const int& n, state& s, weir::keyed_context<int>&, weir::collector<int>& out) const {
    ++s.left;
    out(n);
  }
  void process_right(const int& n, state& s, weir::keyed_context<int>& ctx, weir::collector<int>&) const {
    ++s.right;
    ctx.emit(rights, n + 1000);
  }
};

/// Keeps the last three numbers of a key, and how often each digit has ended one; forgets digits that come often.
struct digits_of {
  struct state {
    weir::map_state<int, int> digits;
    weir::list_state<int> recent;
    long seen = 0;
    WEIR_FIELDS(digits, recent, seen)
  };
  void process(const int& n, state& s, weir::keyed_context<int>& ctx, weir::collector<std::string>& out) const {
    ++s.seen;
    if (++s.digits[n % 10] == 3)
      s.digits.erase(n % 10);
    s.recent.push_back(n);
    if (s.recent.size() > 3)
      s.recent.pop_front();
    s.recent.set(0, s.recent.front() + 1);
    std::string text = std::to_string(ctx.key()) + " " + std::to_string(s.seen) + ":";
    for (const auto& [digit, times] : s.digits)
      text += " " + std::to_string(digit) + "*" + std::to_string(times);
    for (const int each : s.recent)
      text += " " + std::to_string(each);
    out(text);
  }
};

composition collections() {
  return with_lines(
      "a map and a list in the state of a key",
      [](auto n, const surroundings&) { return n.key_by([](int x) { return x % 6; }).process("digits", digits_of{}); },
      [] {
        struct of_key {
          std::map<int, int> digits;
          std::vector<int> recent;
          long seen = 0;
        };
        std::map<int, of_key> keys;
        return each([&](int n) {
          of_key& s = keys[n % 6];
          ++s.seen;
          if (++s.digits[n % 10] == 3)
            s.digits.erase(n % 10);
          s.recent.push_back(n);
          if (s.recent.size() > 3)
            s.recent.erase(s.recent.begin());
          ++s.recent.front();
          std::string text = std::to_string(n % 6) + " " + std::to_string(s.seen) + ":";
          for (const auto& [digit, times] : s.digits)
            text += " " + std::to_string(digit) + "*" + std::to_string(times);
          for (const int one : s.recent)
            text += " " + std::to_string(one);
          return text;
        });
      }());
}

int refuse_tens(const int& n) {
  if (n % 10 == 0)
    throw std::runtime_error{"a ten"};
  return n;
}

composition timers() {
  return {"timers in processing time",
          [](weir::job& job, const surroundings& around) {
            // Slow enough that most timers are due before the input ends.
            job.source("slow",
                       weir::generator<int>{records, [](std::uint64_t n) { return static_cast<int>(n); }}.rate(20'000),
                       {.parallelism = 1})
                .key_by([](int n) { return n % 6; })
                .process("later", later_once{})
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) -> std::string {
            lines found = around.out->committed;
            std::sort(found.begin(), found.end());
            if (std::adjacent_find(found.begin(), found.end()) != found.end())
              return "a timer has fired twice";
            if (found != lines{"0", "1", "2", "3", "4", "5"})
              return std::to_string(found.size()) + " timers of 6 have fired";
            return {};
          }};
}

composition expiring_counts() {
  return {"counts with a time to live",
          [](weir::job& job, const surroundings& around) {
            // Slow enough that some counts begin anew.
            job.source("slow",
                       weir::generator<int>{records, [](std::uint64_t n) { return static_cast<int>(n); }}.rate(20'000),
                       {.parallelism = 1})
                .key_by([](int n) { return n * n % 11; })
                .count("counts", {.state_ttl = weir::time_to_live{400us}})
                .map("text",
                     [](const weir::counted<int>& c) { return std::to_string(c.key) + ":" + std::to_string(c.count); })
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) -> std::string {
            // When they do depends on the deaths. But every record counts once, and before each count is the one below.
            std::map<std::string, int> times;
            for (const std::string& line : around.out->committed)
              ++times[line];
            std::map<int, int> of_key;
            for (const auto& [line, n] : times) {
              const auto colon = line.find(':');
              const int key = std::stoi(line.substr(0, colon));
              const int count = std::stoi(line.substr(colon + 1));
              of_key[key] += n;
              const auto below = times.find(std::to_string(key) + ":" + std::to_string(count - 1));
              if (count > 1 && (below == times.end() || below->second < n))
                return "the count " + line + " comes from nowhere";
            }
            std::map<int, int> wanted;
            for (int n = 0; n != records; ++n)
              ++wanted[n * n % 11];
            return of_key == wanted ? "" : "not every record was counted once";
          }};
}

composition lasting_counts() {
  return with_lines(
      "counts whose time to live does not end",
      [](auto n, const surroundings&) {
        return n.key_by([](int x) { return x % 7; })
            .count("counts", {.state_ttl = weir::time_to_live{1h, weir::ttl_refresh::on_read_or_write}})
            .map("text",
                 [](const weir::counted<int>& c) { return std::to_string(c.key) + ":" + std::to_string(c.count); });
      },
      each([](int x) { return std::to_string(x % 7) + ":" + std::to_string(x / 7 + 1); }));
}

composition rankings() {
  return {"the k best of all, and of each key",
          [](weir::job& job, const surroundings& around) {
            const auto n = numbers(job);
            n.top_k("best", 3, [](int x) { return x; })
                .map("all", [](const weir::ranked<int>& r) { return "all " + std::to_string(r.best.front()); })
                .union_with(n.key_by([](int x) { return x % 3; })
                                .top_k("best-of-key", 2, [](int x) { return x; })
                                .map("keyed",
                                     [](const weir::ranking<int, int>& r) {
                                       return std::to_string(r.key) + " " + std::to_string(r.best.front());
                                     }))
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) {
            // Each number is the best when it comes.
            lines wanted = each([](int x) { return "all " + std::to_string(x); });
            for (int x = 0; x != records; ++x)
              wanted.push_back(std::to_string(x % 3) + " " + std::to_string(x));
            return same_lines(around.out->committed, wanted);
          }};
}

/// Answers later, in any order; every seventh number fails once for each try that is odd.
composition asynchronous(weir::async_order order) {
  const bool ordered = order == weir::async_order::ordered;
  return {ordered ? "asynchronous requests, in order" : "asynchronous requests, as answered",
          [order](weir::job& job, const surroundings& around) {
            auto owed = around.owed;
            auto tries = std::make_shared<int>(0);
            numbers(job)
                .async_map<int>("ask",
                                [owed, tries](const int& n, weir::async_reply<int> reply) {
                                  const bool fails = n % 7 == 0 && ++*tries % 2 == 1;
                                  owed->push_back([n, reply, fails] { fails ? reply.fail("not now") : reply(n * 2); });
                                },
                                {.capacity = 7, .order = order, .timeout = 0us, .retries = 50, .retry_delay = 100us})
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) {
            return same_lines(around.out->committed, each([](int n) { return number_text(n * 2); }));
          }};
}

} // namespace

std::vector<composition> operator_jobs() {
  std::vector<composition> all;
  all.push_back(with_lines(
      "map, filter, flat_map",
      [](auto n, const surroundings&) {
        return n.map("twice", [](int x) { return x * 2; })
            .filter("fours", [](int x) { return x % 4 == 0; })
            .flat_map("both", [](int x, weir::collector<int>& out) {
              out(x);
              out(-x - 1);
            });
      },
      [] {
        lines wanted;
        for (int x = 0; x < 2 * records; x += 4) {
          wanted.push_back(number_text(x));
          wanted.push_back(number_text(-x - 1));
        }
        return wanted;
      }()));
  all.push_back(with_lines(
      "count of each key",
      [](auto n, const surroundings&) {
        return n.key_by([](int x) { return x % 7; }).count("counts").map("text", [](const weir::counted<int>& c) {
          return std::to_string(c.key) + ":" + std::to_string(c.count);
        });
      },
      each([](int x) { return std::to_string(x % 7) + ":" + std::to_string(x / 7 + 1); })));
  all.push_back(with_lines(
      "functions with the state of a key",
      [](auto n, const surroundings&) {
        return n.key_by([](int x) { return x % 4; }).map_with_state("sums", [](const int& x, total& t) {
          return t.sum += x;
        });
      },
      [] {
        lines wanted;
        std::map<int, long> sums;
        for (int x = 0; x != records; ++x)
          wanted.push_back(std::to_string(sums[x % 4] += x));
        return wanted;
      }()));
  all.push_back(with_lines(
      "deduplicate",
      [](auto n, const surroundings&) { return n.key_by([](int x) { return x % 10; }).deduplicate("first"); },
      {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  all.push_back(with_lines(
      "an aggregate of all records", [](auto n, const surroundings&) { return n.aggregate("sum", sum_of{}); },
      [] {
        lines wanted;
        long sum = 0;
        for (int x = 0; x != records; ++x)
          wanted.push_back(std::to_string(sum += x));
        return wanted;
      }()));
  all.push_back(with_lines(
      "split",
      [](auto n, const surroundings&) {
        const auto [odd, even] = n.split("parity", [](const int& x) { return x % 2 == 0; });
        return odd.map("odd", [](int x) { return x + 1000; }).union_with(even.map("even", [](int x) { return x; }));
      },
      each([](int x) { return number_text(x % 2 == 0 ? x + 1000 : x); })));
  all.push_back(with_lines(
      "partition_by",
      [](auto n, const surroundings&) {
        return n.partition_by([](const int& x, std::size_t p) { return x % p; }).map("same", [](int x) { return x; });
      },
      each(number_text)));
  all.push_back(with_lines(
      "a composite",
      [](auto n, const surroundings&) {
        return n
            .apply("part",
                   [](const weir::stream<int>& in) {
                     return in.map("less", [](int x) { return x - 1; }).key_by().reduce("last", [](int, const int& x) {
                       return x;
                     });
                   })
            .map("value", [](const weir::aggregated<int, int>& a) { return a.value; });
      },
      each([](int x) { return number_text(x - 1); })));
  all.push_back(with_lines(
      "throttle", [](auto n, const surroundings&) { return n.throttle("slow", 50'000); }, each(number_text)));
  all.push_back(with_lines(
      "broadcast state",
      [](auto n, const surroundings&) {
        return n.key_by([](int x) { return x % 5; })
            .connect_broadcast(n.filter("rules", [](int x) { return x < 9; }))
            .process("check", pass_with_rules{});
      },
      each([](int x) { return std::to_string(x % 5) + ":" + std::to_string(x / 5 + 1); })));
  all.push_back(with_lines(
      "two inputs and a side output",
      [](auto n, const surroundings&) {
        auto both = n.key_by([](int x) { return x % 5; })
                        .connect(n.key_by([](int x) { return x % 5; }))
                        .process("join", join_sides{});
        return both.union_with(both.side(join_sides{}.rights));
      },
      [] {
        lines wanted = each(number_text);
        for (int x = 0; x != records; ++x)
          wanted.push_back(number_text(x + 1000));
        return wanted;
      }()));
  all.push_back(with_lines(
      "records that are skipped",
      [](auto n, const surroundings&) { return n.map("refuse", refuse_tens, {.poison = weir::poison_policy::skip}); },
      [] {
        lines wanted;
        for (int x = 0; x != records; ++x)
          if (x % 10 != 0)
            wanted.push_back(number_text(x));
        return wanted;
      }()));
  all.push_back(with_lines(
      "dead letters",
      [](auto n, const surroundings&) {
        const auto good = n.map("refuse", refuse_tens, {.poison = weir::poison_policy::dead_letter});
        return good.map("good", [](int x) { return std::to_string(x); })
            .union_with(good.dead_letters().map("bad", [](const weir::dead_letter& d) { return "dead " + d.record; }));
      },
      each([](int x) { return (x % 10 == 0 ? "dead " : "") + std::to_string(x); })));
  all.push_back(expiring_counts());
  all.push_back(lasting_counts());
  all.push_back(collections());
  all.push_back(rankings());
  all.push_back(timers());
  all.push_back(asynchronous(weir::async_order::ordered));
  all.push_back(asynchronous(weir::async_order::unordered));
  return all;
}

} // namespace composed
