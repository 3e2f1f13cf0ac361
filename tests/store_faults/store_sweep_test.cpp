// The sweep over the faults of a store's disk, each fault of each operation once.
#include "store_faults/store_sweep.hpp"
#include "unit/checkpoint_store_fixture.hpp"

#include <catch2/catch.hpp>

#include <cstdio>

TEST_CASE("whatever a disk does, one after the other, what the store promised holds") {
  const store_test::temporary_folder folder{store_test::fast_place()};
  store_faults::store_sweep all{folder.path(), store_faults::thoroughness::each};
  all.sweep(store_faults::swept_life::first);
  all.sweep(store_faults::swept_life::later);
  std::printf("%s\n", all.summary().c_str());
  for (const auto& failure : all.failures())
    FAIL_CHECK(failure);
  CHECK(all.missing() == "");
}
