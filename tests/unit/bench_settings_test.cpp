// The options that the benchmarks give their jobs.
#include <weir/bench/job_settings.hpp>

#include <catch2/catch.hpp>

TEST_CASE("benchmarks ask for nothing impossible, with checkpoints and without") {
  const auto with = weir::bench::job_settings("somewhere", true);
  CHECK(weir::validate(with).empty());
  CHECK(with.store == "somewhere/bench.weir");
  CHECK(with.mode == weir::delivery_mode::exactly_once);

  const auto without = weir::bench::job_settings("somewhere", false);
  CHECK(weir::validate(without).empty());
  CHECK_FALSE(without.checkpoints);
}
