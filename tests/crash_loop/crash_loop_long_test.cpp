// The crash loop, long: hundreds of kills, at every failpoint there is.
#include "crash_loop/crash_loop.hpp"

#include "unit/scratch_folder.hpp"

#include <weir/persistence/failpoint.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using weir_test::crash_loop;

namespace {

constexpr int kills_wanted = 500;
/// After so many lives all failpoints have had many turns.
constexpr int most_lives = 4'000;

} // namespace

TEST_CASE("hundreds of kills, at every failpoint, leave exact outputs and states") {
  REQUIRE(weir::failpoints::compiled());
  const auto seed = weir_test::crash_loop_seed();
  CAPTURE(seed);
  crash_loop loop{seed};
  const std::string novel = weir_test::scratch_folder::read(WEIR_SOURCE_DIR "/examples/data/moby-dick.txt");
  const auto words = weir_test::make_words_model(novel.substr(0, novel.find('\n', 300'000) + 1), 1'500);
  const auto all_words = weir_test::make_words_model(novel + "\n" + novel, 0); // as fast as they come
  const auto orders = weir_test::make_orders_model(40'000, 20'000);
  const auto readings = weir_test::make_readings_model(60'000, 30'000);
  loop.begin_anew(*words, {"store.put_aside.before", "text_files.claim.before", "text_files.revert.removed",
                           "store.put_aside.after", "store.make.before", "store.make.drafted", "store.make.renamed",
                           "store.open.after"});
  loop.begin_anew(*orders, {"store.put_aside.after", "sqlite_table.claim.before", "sqlite_table.claim.after",
                            "store.register_plan.after", "store.begin_attempt.after", "coordinator.spawn.before"});
  for (const auto* model : {&words, &orders, &readings})
    loop.move(**model);
  while ((loop.counts().total_kills < kills_wanted || !loop.points().missing().empty()) &&
         loop.counts().lives < most_lives) {
    loop.run(*words, 12);
    loop.run(*all_words, 8);
    loop.run(*orders, 12);
    loop.run(*readings, 10);
  }
  std::printf("%s\n", loop.summary().c_str());
  CHECK(loop.counts().total_kills >= kills_wanted);
  const auto missing = loop.points().missing();
  CAPTURE(missing);
  CHECK(missing.empty());
  for (const auto how : loop.missing_kinds()) {
    CAPTURE(to_text(how));
    CHECK(loop.counts().kills.count(how) != 0);
  }
  CHECK(loop.counts().moved == 3);
  CHECK(loop.counts().finished >= 10);
  CHECK(loop.counts().states >= kills_wanted / 4);
  CHECK(loop.counts().partitions >= kills_wanted / 2);
}
