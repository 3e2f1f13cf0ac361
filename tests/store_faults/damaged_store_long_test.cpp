// Stores with a damaged region: all regions, all ways.
#include "store_faults/damaged_store.hpp"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace store_faults;

TEST_CASE("a damaged region is never believed and never silent, wherever it is") {
  damaged_stores stores;
  for (const auto how : {left::closed, left::crashed})
    for (const auto which : {part::database, part::log})
      for (std::size_t region = 0; region < stores.regions(how, which); ++region)
        for (const auto what : all_harms)
          // A frame of the log is like another: after the first ones each region is harmed in one way.
          if (which == part::database || region < 256 || what == all_harms[region % all_harms.size()])
            stores.harm_region(how, which, region, what);
  stores.flip_bytes(16384, stores.regions(left::closed, part::database) * 512); // all pages but the schema's
  std::printf("%s\n", stores.summary().c_str());
  for (const auto& failure : stores.failures())
    FAIL_CHECK(failure);
  CHECK(stores.count(outcome::went_on) > 0);
  CHECK(stores.count(outcome::fell_back) > 0);
  CHECK(stores.count(outcome::refused) > 0);
}
