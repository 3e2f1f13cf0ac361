// Records a second on two cores, as a ratio to a hand-written single-threaded loop that does the same work. The loop
// and the job run in turn, pair by pair, so that a machine whose speed drifts does not favour either.
#include "job_settings.hpp"
#include "paired_runs.hpp"

#include <weir/caf.hpp>
#include <weir/weir.hpp>

#include <absl/container/flat_hash_map.h>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

/// What the results of both sides must agree on.
struct outcome {
  std::uint64_t records = 0;
  std::uint64_t sum = 0;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// The last step of every workload: counts records and adds up a number of each.
struct tally {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> sum{0};

  template <class T, class NumberOf>
  auto sink(NumberOf number_of) {
    return weir::callback{[this, number_of](std::span<const T> batch) {
      std::uint64_t part = 0;
      for (const T& record : batch)
        part += number_of(record);
      records.fetch_add(batch.size(), std::memory_order_relaxed);
      sum.fetch_add(part, std::memory_order_relaxed);
    }};
  }
  outcome result() const { return {records.load(), sum.load()}; }
};

struct settings {
  std::size_t pairs = 7;
  bool checkpoints = true;
  std::uint64_t scale_percent = 100;
  std::string folder;
  caf::actor_system* system = nullptr;
};

outcome run_job(const weir::job& job, const settings& s) {
  weir::runtime jobs{*s.system};
  const weir::job_options options = weir::bench::job_settings(s.folder, s.checkpoints);
  if (!options.store.empty())
    for (const char* suffix : {"", "-wal", "-shm", ".lock"})
      std::filesystem::remove(options.store + suffix);
  jobs.start(job, options).wait();
  return {};
}

// -- stateless: generate, map, filter half, map, sink -----------------------------------------------------------------

std::uint64_t first_number(std::uint64_t index, weir::counter_random& random) {
  return random() ^ index;
}
std::uint64_t scaled(std::uint64_t x) {
  return x * 3 + 1;
}
bool is_even(std::uint64_t x) {
  return (x & 1U) == 0;
}
std::uint64_t halved(std::uint64_t x) {
  return x >> 1;
}

outcome stateless_loop(std::uint64_t count) {
  outcome out;
  for (std::uint64_t i = 0; i != count; ++i) {
    weir::counter_random random{0, i};
    const std::uint64_t x = scaled(first_number(i, random));
    if (is_even(x)) {
      ++out.records;
      out.sum += halved(x);
    }
  }
  return out;
}

outcome stateless_job(std::uint64_t count, const settings& s) {
  tally last;
  weir::job job{"stateless"};
  job.source("numbers",
             weir::generator<std::uint64_t>{
                 count, [](std::uint64_t i, weir::counter_random& r) { return first_number(i, r); }})
      .map("scaled", [](std::uint64_t x) { return scaled(x); })
      .filter("even", [](std::uint64_t x) { return is_even(x); })
      .map("halved", [](std::uint64_t x) { return halved(x); })
      .sink("sum", last.sink<std::uint64_t>([](std::uint64_t x) { return x; }));
  run_job(job, s);
  return last.result();
}

// -- word count over lines in memory ----------------------------------------------------------------------------------

template <class Emit>
void each_word(std::string_view line, Emit emit) {
  std::string word;
  for (const char c : line) {
    const char small = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (small >= 'a' && small <= 'z') {
      word += small;
    } else if (!word.empty()) {
      emit(word);
      word.clear();
    }
  }
  if (!word.empty())
    emit(word);
}

void split_into_words(std::string_view line, weir::collector<std::string>& words) {
  each_word(line, [&](const std::string& word) { words(word); });
}

template <class Map>
outcome words_loop(const std::vector<std::string>& lines) {
  Map counts;
  outcome out;
  for (const std::string& line : lines)
    each_word(line, [&](const std::string& word) {
      ++out.records;
      out.sum += ++counts[word];
    });
  return out;
}

outcome words_job(const weir::from_vector<std::string>& lines, const settings& s) {
  tally last;
  weir::job job{"words"};
  job.source("lines", lines)
      .flat_map("words", split_into_words)
      .key_by(std::identity{})
      .count("counts")
      .sink("sum", last.sink<weir::counted<std::string>>([](const weir::counted<std::string>& c) { return c.count; }));
  run_job(job, s);
  return last.result();
}

std::vector<std::string> novel(const std::string& path, std::uint64_t times) {
  std::ifstream in(path);
  if (!in)
    throw weir::usage_error({path, "a text", "nothing", "run it from the root of the project, or say --input"});
  std::vector<std::string> once;
  for (std::string line; std::getline(in, line);)
    once.push_back(line);
  std::vector<std::string> all;
  for (std::uint64_t i = 0; i != times; ++i)
    all.insert(all.end(), once.begin(), once.end());
  return all;
}

// -- keyed sum over a million random keys -----------------------------------------------------------------------------

struct reading {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  WEIR_FIELDS(key, value)
};

constexpr std::uint64_t key_count = 1'000'000;

reading make_reading(std::uint64_t, weir::counter_random& random) {
  // A key that is not its own place in a hash table. All values of a key are equal, so that the running sums do not
  // depend on the order in which two sources' records meet.
  const std::uint64_t key = random.below(key_count);
  return {key * 0x9e37'79b9'7f4a'7c15U, key & 0xffU};
}

template <class Map>
outcome sums_loop(std::uint64_t count) {
  Map sums;
  outcome out;
  for (std::uint64_t i = 0; i != count; ++i) {
    weir::counter_random random{0, i};
    const reading r = make_reading(i, random);
    ++out.records;
    out.sum += sums[r.key] += r.value;
  }
  return out;
}

struct sum_of_values {
  struct accumulator {
    std::uint64_t sum = 0;
    WEIR_FIELDS(sum)
  };
  void add(accumulator& a, const reading& r) const { a.sum += r.value; }
  std::uint64_t result(const accumulator& a) const { return a.sum; }
};

outcome sums_job(std::uint64_t count, const settings& s) {
  tally last;
  weir::job job{"sums"};
  auto sums = job.source("readings", weir::generator<reading>{count, make_reading})
                  .key_by(&reading::key)
                  .aggregate("sums", sum_of_values{});
  using result = weir::aggregated<std::uint64_t, std::uint64_t>;
  sums.sink("sum", last.sink<result>([](const result& r) { return r.value; }));
  run_job(job, s);
  return last.result();
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  settings s;
  s.pairs = cli.option("pairs", std::size_t{7}, "pairs of runs; medians are reported");
  s.scale_percent = cli.option("scale", std::uint64_t{100}, "input size in percent");
  s.folder = cli.option("folder", std::filesystem::temp_directory_path().string(), "where the stores go");
  const auto input = cli.option("input", "examples/data/moby-dick.txt", "the text of the word count");
  const auto only = cli.option("only", "", "one workload: stateless, words or sums");
  const auto without = cli.option("without-checkpoints", false, "run the jobs without checkpoints");
  try {
    if (const auto command = cli.parse("throughput"); command.action == weir::command_action::help) {
      std::fputs(command.text.c_str(), stdout);
      return 0;
    }
    s.checkpoints = !without;
    caf::actor_system_config config;
    weir::use_fair_scheduler(config, 2);
    caf::actor_system system{config};
    s.system = &system;
    const auto wanted = [&](std::string_view name) { return only.empty() || only == name; };
    const auto sized = [&](std::uint64_t n) { return n * s.scale_percent / 100; };
    weir::bench::print_header(s.checkpoints ? "exactly-once, a checkpoint a second" : "without checkpoints");
    bool same = true;
    if (wanted("stateless")) {
      const std::uint64_t n = sized(1'000'000'000);
      same &= weir::bench::compare(
          "stateless chain", n, s.pairs, [&] { return stateless_loop(n); }, [&] { return stateless_job(n, s); });
    }
    if (wanted("words")) {
      const std::vector<std::string> lines = novel(input, sized(100));
      const weir::from_vector<std::string> source{lines};
      const std::uint64_t words = words_loop<std::unordered_map<std::string, std::uint64_t>>(lines).records;
      same &= weir::bench::compare(
          "word count / unordered_map", words, s.pairs,
          [&] { return words_loop<std::unordered_map<std::string, std::uint64_t>>(lines); },
          [&] { return words_job(source, s); });
      same &= weir::bench::compare(
          "word count / flat_hash_map", words, s.pairs,
          [&] { return words_loop<absl::flat_hash_map<std::string, std::uint64_t>>(lines); },
          [&] { return words_job(source, s); });
    }
    if (wanted("sums")) {
      const std::uint64_t n = sized(40'000'000);
      same &= weir::bench::compare(
          "keyed sum / unordered_map", n, s.pairs,
          [&] { return sums_loop<std::unordered_map<std::uint64_t, std::uint64_t>>(n); },
          [&] { return sums_job(n, s); });
      same &= weir::bench::compare(
          "keyed sum / flat_hash_map", n, s.pairs,
          [&] { return sums_loop<absl::flat_hash_map<std::uint64_t, std::uint64_t>>(n); },
          [&] { return sums_job(n, s); });
    }
    if (!same)
      std::fputs("a job and its loop did not agree on the result\n", stderr);
    return same ? 0 : 1;
  } catch (const weir::error& e) {
    std::fprintf(stderr, "throughput: %s\n", e.what());
    return e.exit_code();
  }
}
