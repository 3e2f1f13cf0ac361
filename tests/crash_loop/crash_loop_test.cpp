// The crash loop, short: each job is killed some times, at moments and failpoints of all kinds.
#include "crash_loop/crash_loop.hpp"

#include "unit/scratch_folder.hpp"

#include <weir/persistence/failpoint.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <set>
#include <string>

using weir_test::crash_loop;

namespace {

/// One of each kind of step: these are hit in every run of this test.
const std::vector<std::string> chosen{
    "store.make.drafted",         "text_files.claim.after",    "store.restore.before",
    "store.begin_attempt.after",  "coordinator.spawn.after",   "text_files.prepare.renamed",
    "sqlite_table.prepare.after", "store.write.after",         "store.complete.before",
    "store.complete.after",       "text_files.commit.renamed", "sqlite_table.commit.before",
    "sqlite_table.commit.after",  "coordinator.fail.after",    "coordinator.restart.prepared",
    "coordinator.end.after",      "store.end_run.before",
};

std::string first_lines_of_novel(std::size_t bytes) {
  const std::string novel = weir_test::scratch_folder::read(WEIR_SOURCE_DIR "/examples/data/moby-dick.txt");
  return novel.substr(0, novel.find('\n', bytes) + 1);
}

} // namespace

TEST_CASE("each failpoint is in one part of a life") {
  if (!weir::failpoints::compiled())
    return;
  std::multiset<std::string_view> all;
  for (const auto part : {weir_test::life_part::making, weir_test::life_part::starting, weir_test::life_part::running,
                          weir_test::life_part::failing, weir_test::life_part::ending, weir_test::life_part::anew,
                          weir_test::life_part::moving})
    for (const auto point : weir_test::points_of(part))
      all.insert(point);
  const auto names = weir::failpoints::names();
  CHECK(all == std::multiset<std::string_view>(names.begin(), names.end()));
}

TEST_CASE("jobs that are killed again and again write what undisturbed ones write") {
  if (!weir::failpoints::compiled()) {
    WARN("not tried: this build has no failpoints");
    return;
  }
  const auto seed = weir_test::crash_loop_seed();
  CAPTURE(seed);
  crash_loop loop{seed, chosen};
  const auto words = weir_test::make_words_model(first_lines_of_novel(200'000), 1'500);
  const auto all_words = weir_test::make_words_model(first_lines_of_novel(1'200'000), 0); // as fast as they come
  const auto orders = weir_test::make_orders_model(24'000, 20'000);
  const auto readings = weir_test::make_readings_model(30'000, 25'000);
  int rounds = 0;
  do {
    loop.run(*words, 8);
    loop.run(*all_words, 4);
    loop.run(*orders, 8);
    loop.run(*readings, 6);
  } while (++rounds != 6 &&
           (loop.counts().total_kills < 24 || !loop.points().missing().empty() || !loop.missing_kinds().empty()));
  loop.move(*orders);
  loop.begin_anew(*orders, {"store.put_aside.before", "store.put_aside.after"});
  std::printf("%s\n", loop.summary().c_str());
  CHECK(loop.counts().total_kills >= 20);
  CHECK(loop.counts().moved == 1);
  CHECK(loop.counts().resumed >= 10);
  CHECK(loop.counts().finished >= 4);
  CHECK(loop.counts().states >= 10);
  CHECK(loop.counts().partitions >= 20);
  const auto missing = loop.points().missing();
  CAPTURE(missing);
  CHECK(missing.empty());
  for (const auto how : loop.missing_kinds()) {
    CAPTURE(to_text(how));
    CHECK(loop.counts().kills.count(how) != 0);
  }
}
