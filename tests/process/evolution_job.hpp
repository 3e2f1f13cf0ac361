// One job in three versions, for programs that take over each other's state. EVOLUTION says which: 1; 2, whose struct
// has another field and a higher class version, and whose count has another name; 3, the same without a word about it.
#pragma once

#include <weir/weir.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace evolution {

struct tally {
  std::uint64_t count = 0;
  double sum = 0;
#if EVOLUTION > 1
  double largest = 0;
#endif

  template <class Archive>
  void serialize(Archive& ar, [[maybe_unused]] unsigned version) {
    ar& WEIR_FIELD(count) & WEIR_FIELD(sum);
#if EVOLUTION == 2
    if (version >= 1)
      ar& WEIR_FIELD(largest);
#elif EVOLUTION == 3
    ar& WEIR_FIELD(largest);
#endif
  }
};

} // namespace evolution

#if EVOLUTION == 2
BOOST_CLASS_VERSION(evolution::tally, 1)
#endif

namespace evolution {

struct summing {
  using state = tally;
  void process(const std::uint64_t& n, tally& t, weir::keyed_context<std::uint64_t>& ctx,
               weir::collector<std::string>& out) const {
    ++t.count;
    t.sum += static_cast<double>(n);
#if EVOLUTION > 1
    t.largest = std::max(t.largest, static_cast<double>(n));
    out("key " + std::to_string(ctx.key()) + ": " + std::to_string(t.count) + " " +
        std::to_string(static_cast<std::uint64_t>(t.sum)) + " " +
        std::to_string(static_cast<std::uint64_t>(t.largest)));
#else
    out("key " + std::to_string(ctx.key()) + ": " + std::to_string(t.count) + " " +
        std::to_string(static_cast<std::uint64_t>(t.sum)));
#endif
  }
};

/// Runs the job, and prints each key's last result. `--stop-after` so many records it stops.
inline int run(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto records = cli.option("records", std::uint64_t{4'000}, "how many numbers");
  const auto stop_after = cli.option("stop-after", std::uint64_t{0}, "stop after so many; 0: run to the end");
  const auto former = cli.option("renamed-from", "", "the former name of the counts");
  weir::job job{"evolution"};
  auto numbers = job.source(
      "numbers",
      weir::generator<std::uint64_t>{records, [](std::uint64_t i, weir::counter_random&) { return i; }}.rate(20'000));
  auto keyed = numbers.key_by([](std::uint64_t n) { return n % 4; });
  const auto seen = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto last = std::make_shared<std::map<std::string, std::string>>();
  const auto mutex = std::make_shared<std::mutex>();
  keyed.process("sums", summing{}).sink("last", weir::callback{[=](const std::string& line) {
                                          const std::lock_guard lock{*mutex};
                                          (*last)[line.substr(0, line.find(':'))] = line;
                                          if (++*seen == stop_after)
                                            static_cast<void>(std::raise(SIGINT));
                                        }});
#if EVOLUTION > 1
  auto counts = keyed.count("occurrences", {.renamed_from = former});
  keyed.count("others").sink("nowhere", weir::callback{[](const weir::counted<std::uint64_t>&) {}});
#else
  auto counts = keyed.count("counts", {.renamed_from = former});
#endif
  counts.sink("counted", weir::callback{[=](const weir::counted<std::uint64_t>& c) {
                const std::lock_guard lock{*mutex};
                const std::string key = "count of " + std::to_string(c.key);
                (*last)[key] = key + ": " + std::to_string(c.count);
              }});
  const int code = weir::run(job, cli);
  if (code == 0 && stop_after == 0)
    for (const auto& [key, line] : *last)
      std::puts(line.c_str());
  return code;
}

} // namespace evolution
