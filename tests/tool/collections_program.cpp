// A job whose state has a map and a list, for the program weir: what eight users have visited, out of numbers.
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

namespace {

struct visit {
  std::uint64_t at = 0;
  std::string page;
  WEIR_FIELDS(at, page)
};

struct visits {
  struct state {
    weir::map_state<std::string, std::int64_t> pages;
    weir::list_state<visit> recent;
    std::int64_t seen = 0;
    WEIR_FIELDS(pages, recent, seen)
  };
  void process(const std::uint64_t& n, state& s, weir::keyed_context<std::string>&,
               weir::collector<std::int64_t>& out) const {
    const std::string page = "page" + std::to_string(n * 7 % 11);
    ++s.pages[page];
    s.recent.push_back({n, page});
    if (s.recent.size() > 3)
      s.recent.pop_front();
    out(++s.seen);
  }
};

/// The same without what was visited last, and with when it was.
struct other_visits {
  struct state {
    weir::map_state<std::string, std::int64_t> pages;
    weir::map_state<std::uint64_t, std::string> times;
    std::int64_t seen = 0;
    WEIR_FIELDS(pages, times, seen)
  };
  void process(const std::uint64_t& n, state& s, weir::keyed_context<std::string>&,
               weir::collector<std::int64_t>& out) const {
    ++s.pages["page" + std::to_string(n * 7 % 11)];
    s.times.put(n, "page" + std::to_string(n * 7 % 11));
    out(++s.seen);
  }
};

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto records = cli.option("records", std::uint64_t{8'000}, "how many numbers");
  const auto rate = cli.option("rate", std::uint64_t{0}, "numbers a second; 0: as many as can be");
  const auto other = cli.option("other-state", false, "with other members in the state");
  weir::job job{"visits"};
  auto numbers = weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }};
  if (rate != 0)
    numbers = numbers.rate(static_cast<double>(rate));
  const auto by_user =
      job.source("numbers", numbers).key_by([](std::uint64_t n) { return "user" + std::to_string(n % 8); });
  const auto seen = other ? by_user.process("users", other_visits{}) : by_user.process("users", visits{});
  seen.sink("nowhere", weir::callback{[](const std::int64_t&) {}});
  return weir::run(job, cli);
}
