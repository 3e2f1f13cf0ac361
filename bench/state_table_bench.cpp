// One state table by itself: memory an entry, how fast it loads, and how long the pieces of a snapshot take.
#include "paired_runs.hpp"

#include <weir/operators/state_table.hpp>
#include <weir/weir.hpp>

#include <absl/container/flat_hash_map.h>

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

struct settings {
  std::uint64_t keys = 5'000'000; ///< what one of two subtasks has of ten million
  std::size_t rounds = 5;
};

struct totals {
  std::uint64_t sum = 0;
  std::uint64_t count = 0;
  WEIR_FIELDS(sum, count)
};

using table = weir::state_table<std::uint64_t, totals>;
constexpr weir::key_group_range all_groups{0, 128};

std::uint64_t key_at(std::uint64_t i) {
  return i * 0x9e37'79b9'7f4a'7c15U;
}

/// Bytes that the program has from the allocator.
std::size_t bytes_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Nanoseconds of processor time of this thread: what others take from the processor is not in it.
std::int64_t processor_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::int64_t wall_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

/// The longest of many pieces of work.
struct longest {
  std::int64_t wall = 0;
  std::int64_t processor = 0;

  void measure(const auto& work) {
    const std::int64_t w = wall_ns();
    const std::int64_t p = processor_ns();
    work();
    processor = std::max(processor, processor_ns() - p);
    wall = std::max(wall, wall_ns() - w);
  }
  void print(const char* what) const {
    std::printf("%-36s %10.3f %14.3f\n", what, static_cast<double>(wall) / 1e6, static_cast<double>(processor) / 1e6);
  }
};

void touch(table& t, std::uint64_t from, std::uint64_t count) {
  for (std::uint64_t i = from; i != from + count; ++i) {
    totals& at = t.touch(weir::key_hash(key_at(i)), key_at(i));
    at.sum += i;
    ++at.count;
  }
}

void memory(const settings& s) {
  std::size_t before = bytes_in_use();
  table ours{"totals"};
  ours.configure(all_groups, all_groups.last, true);
  touch(ours, 0, s.keys);
  std::vector<weir::encoded_chunk> chunks;
  ours.mark(); // the first snapshot has every entry: its list goes
  while (!ours.encode(4096, chunks)) {
  }
  chunks = {};
  const double weir_bytes = static_cast<double>(bytes_in_use() - before) / static_cast<double>(s.keys);
  before = bytes_in_use();
  absl::flat_hash_map<std::uint64_t, totals> bare;
  for (std::uint64_t i = 0; i != s.keys; ++i)
    bare[key_at(i)] = {i, 1};
  const double bare_bytes = static_cast<double>(bytes_in_use() - before) / static_cast<double>(s.keys);
  std::printf("%10llu keys: %.1f bytes an entry, absl::flat_hash_map %.1f: %.2f times\n",
              static_cast<unsigned long long>(s.keys), weir_bytes, bare_bytes, weir_bytes / bare_bytes);
}

struct snapshot_pauses {
  longest mark;
  longest slice;
  std::vector<weir::encoded_chunk> chunks;
};

/// A whole snapshot in slices as a subtask takes them, with updates between them.
void take_snapshot(table& t, snapshot_pauses& pauses, std::uint64_t updates_from, std::uint64_t updates) {
  pauses.mark.measure([&] { t.mark(); });
  bool whole = false;
  std::uint64_t updated = 0;
  while (!whole) {
    pauses.slice.measure([&] { whole = t.encode(2048, pauses.chunks); });
    if (const std::uint64_t some = std::min<std::uint64_t>(256, updates - updated)) {
      touch(t, updates_from + updated, some);
      updated += some;
    }
  }
}

void load(const settings& s, const std::vector<weir::encoded_chunk>& chunks) {
  std::vector<double> rates;
  for (std::size_t round = 0; round != s.rounds; ++round) {
    table loaded{"totals"};
    loaded.configure(all_groups, all_groups.last, true);
    const std::int64_t before = processor_ns();
    for (const weir::encoded_chunk& chunk : chunks)
      loaded.load(chunk.bytes);
    rates.push_back(static_cast<double>(s.keys) / static_cast<double>(processor_ns() - before) * 1e3);
    if (loaded.entry_count() != s.keys)
      std::fprintf(stderr, "state_table: %llu keys were loaded\n",
                   static_cast<unsigned long long>(loaded.entry_count()));
  }
  std::printf("loads %.2f million keys a second of processor time (%.2f to %.2f)\n", weir::bench::median(rates),
              *std::min_element(rates.begin(), rates.end()), *std::max_element(rates.begin(), rates.end()));
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  settings s;
  s.keys = cli.option("keys", s.keys, "keys of the table");
  s.rounds = cli.option("rounds", s.rounds, "how often the table is loaded; the median is reported");
  if (const auto command = cli.parse("state_table"); command.action == weir::command_action::help) {
    std::fputs(command.text.c_str(), stdout);
    return 0;
  }
  memory(s);

  table t{"totals"};
  t.configure(all_groups, all_groups.last, true);
  longest growth;
  for (std::uint64_t i = 0; i != s.keys; ++i)
    growth.measure([&] { touch(t, i, 1); });
  snapshot_pauses base;
  take_snapshot(t, base, 0, 0);
  load(s, base.chunks);
  snapshot_pauses bases;
  t.require_base();
  take_snapshot(t, bases, 0, s.keys / 2);
  snapshot_pauses deltas;
  for (std::uint64_t i = 0; i != 10; ++i) {
    touch(t, i * (s.keys / 100), s.keys / 100);
    take_snapshot(t, deltas, (i + 1) * (s.keys / 100), s.keys / 200);
  }
  std::printf("%-36s %10s %14s\n", "longest, ms", "wall", "processor");
  growth.print("one new key, growth included");
  base.mark.print("mark, every key changed");
  base.slice.print("slice of 2048 entries of a base");
  bases.mark.print("mark for a second base");
  bases.slice.print("slice of it, under updates");
  deltas.mark.print("mark, one key in a hundred changed");
  deltas.slice.print("slice of 2048 entries of a delta");
  return 0;
}
