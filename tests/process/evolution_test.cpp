// Programs of two versions take over each other's state, or say why they can't.
#include "process/child_process.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using weir_test::program;
using weir_test::program_result;
using weir_test::run_program;
using weir_test::scratch_folder;

namespace {

/// Runs a version of the program on the folder's store.
program_result run_version(const scratch_folder& folder, const std::string& version, std::vector<std::string> more,
                           const std::string& parallelism = "2") {
  std::vector<std::string> command{program("evolution_" + version + "_program"), "--store", folder.path() / "s.weir",
                                   "--parallelism", parallelism};
  command.insert(command.end(), more.begin(), more.end());
  return run_program(command, folder.path() / "log");
}

/// What each key's line says at the end of 4,000 numbers: four keys, 1,000 numbers each.
std::string totals(bool with_largest, const std::string& largest_of_3 = "3999") {
  const std::vector<std::string> sums{"1998000", "1999000", "2000000", "2001000"};
  const std::vector<std::string> largest{"3996", "3997", "3998", largest_of_3};
  std::string text;
  for (int i = 0; i != 4; ++i)
    text += "count of " + std::to_string(i) + ": 1000\n";
  for (std::size_t i = 0; i != 4; ++i)
    text += "key " + std::to_string(i) + ": 1000 " + sums[i] + (with_largest ? " " + largest[i] : "") + "\n";
  return text;
}

} // namespace

TEST_CASE("a program whose state has grown goes on from the older one's, and says before what becomes of it") {
  const scratch_folder folder;
  REQUIRE(run_version(folder, "1", {"--stop-after", "1000"}).code == 0);

  const program_result check = run_version(folder, "2", {"check", "--renamed-from", "counts"});
  INFO(check.out << check.err);
  CHECK(check.code == 0);
  CHECK_THAT(check.out, Catch::Contains("sums") && Catch::Contains("is converted: stored with an older version"));
  CHECK_THAT(check.out, Catch::Contains("occurrences") && Catch::Contains("fits, stored as \"counts\""));
  CHECK_THAT(check.out, Catch::Contains("others") && Catch::Contains("begins empty"));
  CHECK_THAT(run_version(folder, "2", {"check", "--format", "json", "--renamed-from", "counts"}).out,
             Catch::Contains("\"verdict\": \"is converted\""));

  const program_result second = run_version(folder, "2", {"--renamed-from", "counts"});
  INFO(second.err);
  CHECK(second.code == 0);
  CHECK(second.out == totals(true));
}

TEST_CASE("an operator that was renamed without a word is refused with the remedy, or its state is dropped") {
  const scratch_folder folder;
  REQUIRE(run_version(folder, "1", {"--stop-after", "1000"}).code == 0);
  for (const char* what : {"check", "--no-fusion"}) { // to ask, and to start
    const program_result refused = run_version(folder, "2", {what});
    INFO(refused.out << refused.err);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.err, Catch::Contains("operator \"counts\"") && Catch::Contains("{.renamed_from = \"counts\"}") &&
                                Catch::Contains("--drop-state"));
  }
  const program_result dropped = run_version(folder, "2", {"--drop-state"});
  INFO(dropped.err);
  CHECK(dropped.code == 0);
  CHECK_THAT(dropped.err, Catch::Contains("the state of counts/") && Catch::Contains("is dropped, 4 entries"));
  CHECK_THAT(dropped.out, Catch::Contains("key 3: 1000 2001000 3999"));
  CHECK_THAT(dropped.out, !Catch::Contains("count of 0: 1000")); // it counts what came since
}

TEST_CASE("the older program does not read what the newer one has stored, and the store stays as it is") {
  const scratch_folder folder;
  REQUIRE(run_version(folder, "2", {"--stop-after", "1000"}).code == 0);
  for (const char* what : {"check", "--no-fusion"}) {
    const program_result refused = run_version(folder, "1", {what, "--renamed-from", "occurrences", "--drop-state"});
    INFO(refused.out << refused.err);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.err, Catch::Contains("sums/") && Catch::Contains("tally") && Catch::Contains("version 1"));
  }
  const program_result again = run_version(folder, "2", {});
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(again.out == totals(true));
}

TEST_CASE("a field that was added without a higher class version is refused, and named") {
  const scratch_folder folder;
  REQUIRE(run_version(folder, "1", {"--stop-after", "1000"}).code == 0);
  const program_result check = run_version(folder, "careless", {"check", "--renamed-from", "counts"});
  INFO(check.out << check.err);
  CHECK(check.code == 2);
  CHECK_THAT(check.out, Catch::Contains("does not fit"));
  CHECK_THAT(check.err, Catch::Contains("largest") && Catch::Contains("BOOST_CLASS_VERSION"));
  const program_result started = run_version(folder, "careless", {"--renamed-from", "counts"});
  CHECK(started.code == 2);
  // The one that fits goes on.
  const program_result first = run_version(folder, "1", {});
  INFO(first.err);
  CHECK(first.code == 0);
  CHECK(first.out == totals(false));
}

TEST_CASE("a savepoint is checked like a store, and one program's begins another's store") {
  const scratch_folder folder;
  const std::string save = folder.path() / "one.save";
  REQUIRE(run_version(folder, "1", {"--stop-after", "1000", "--savepoint", save}).code == 0);
  const scratch_folder other;
  const program_result check = run_version(other, "2", {"check", "--from", save, "--renamed-from", "counts"});
  INFO(check.out << check.err);
  CHECK(check.code == 0);
  const program_result second = run_version(other, "2", {"--from", save, "--renamed-from", "counts"}, "3");
  INFO(second.err);
  CHECK(second.code == 0);
  CHECK(second.out == totals(true));
  CHECK_THAT(run_version(other, "2", {"--from", save, "--renamed-from", "counts"}).err, Catch::Contains("--fresh"));
}
