// Stores with damaged, missing, emptied and foreign files; some of the regions.
#include "store_faults/damaged_store.hpp"

#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <cstdio>

using namespace store_faults;
using Catch::Matchers::Contains;

TEST_CASE("a damaged region is never believed and never silent, here some regions") {
  damaged_stores stores;
  std::size_t turn = 0;
  for (const auto how : {left::closed, left::crashed})
    for (const auto which : {part::database, part::log})
      for (std::size_t region = 0; region < stores.regions(how, which); region += region < 32 ? 3 : 11)
        stores.harm_region(how, which, region, all_harms[turn++ % all_harms.size()]);
  stores.flip_bytes(16384, 2 * 16384); // the table of runs
  std::printf("%s\n", stores.summary().c_str());
  for (const auto& failure : stores.failures())
    FAIL_CHECK(failure);
  CHECK(stores.count(outcome::went_on) > 0);
  CHECK(stores.count(outcome::fell_back) > 0);
  CHECK(stores.count(outcome::refused) > 0);
}

TEST_CASE("a store of which files are missing or empty says what is missing") {
  damaged_stores stores;
  const auto gone = std::nullopt;
  const std::string newest = to_string(*stores.told().completed.rbegin());
  SECTION("the log") {
    const auto found = stores.replace(left::crashed, {{"-wal", gone}});
    CHECK(found.is == outcome::fell_back);
    CHECK_THAT(found.reason, Contains("checkpoint " + newest) && Contains("end of the log"));
  }
  SECTION("what is in the log") {
    const auto found = stores.replace(left::crashed, {{"-wal", ""}});
    CHECK(found.is == outcome::fell_back);
    CHECK_THAT(found.reason, Contains("checkpoint " + newest) && Contains("end of the log"));
  }
  SECTION("the file beside its log") {
    const auto found = stores.replace(left::crashed, {{"", gone}});
    CHECK(found.is == outcome::refused);
    CHECK_THAT(found.reason, Contains("only its log"));
  }
  SECTION("the file and the log of a process that died") {
    const auto found = stores.replace(left::crashed, {{"", gone}, {"-wal", gone}});
    CHECK(found.is == outcome::refused);
    CHECK_THAT(found.reason, Contains("checkpoint " + newest) && Contains("was complete") && Contains("--fresh"));
  }
  SECTION("what is in the file") {
    CHECK(stores.replace(left::closed, {{"", ""}}).is == outcome::refused);
    const auto found = stores.replace(left::crashed, {{"", ""}});
    CHECK(found.is == outcome::refused);
    CHECK_THAT(found.reason, Contains("job.weir"));
  }
  SECTION("what is in the file and its log") {
    CHECK(stores.replace(left::crashed, {{"", ""}, {"-wal", ""}}).is == outcome::refused);
  }
  SECTION("nothing that matters") {
    CHECK(stores.replace(left::crashed, {{".lock", gone}}).is == outcome::went_on);
    CHECK(stores.replace(left::crashed, {{".lock", "12\nnonsense\n"}}).is == outcome::went_on);
    CHECK(stores.replace(left::closed, {{"-shm", std::string(32768, 'x')}}).is == outcome::went_on);
  }
  SECTION("nothing, but the log is somebody else's") {
    const auto found = stores.replace(left::crashed, {{"-wal", std::string(100'000, 'x')}});
    CHECK(found.is == outcome::fell_back);
    CHECK_THAT(found.reason, Contains("checkpoint " + newest));
  }
  SECTION("nothing, but the file is somebody else's") {
    CHECK(stores.replace(left::crashed, {{"", std::string(100'000, 'x')}}).is == outcome::refused);
  }
}

TEST_CASE("a store of another program or of a later version is refused") {
  damaged_stores stores;
  const auto changed = [&](std::size_t at_byte, char to) {
    auto bytes = stores.file();
    bytes.at(at_byte) = to;
    return bytes;
  };
  const auto later = stores.replace(left::closed, {{"", changed(63, 9)}}); // user_version
  CHECK(later.is == outcome::refused);
  CHECK_THAT(later.reason, Contains("version 9, a newer one"));
  const auto other = stores.replace(left::closed, {{"", changed(71, 1)}}); // application_id
  CHECK(other.is == outcome::refused);
  CHECK_THAT(other.reason, Contains("another program"));
}
