// The counts of a whole novel are those of tr, sort and uniq.
#include "process/child_process.hpp"
#include "process/committed_counts.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <map>
#include <sstream>
#include <string>

using weir_test::run_program;
using weir_test::scratch_folder;

TEST_CASE("word count of a novel counts what tr, sort and uniq count") {
  const std::string novel = WEIR_SOURCE_DIR "/examples/data/moby-dick.txt";
  const scratch_folder folder;
  const auto shell = run_program(
      {"/bin/sh", "-c",
       "LC_ALL=C; export LC_ALL; tr A-Z a-z < '" + novel + "' | tr -cs a-z '\\n' | grep . | sort | uniq -c"},
      folder / "shell");
  REQUIRE(shell.code == 0);
  std::map<std::string, long long, std::less<>> expected;
  std::istringstream lines{shell.out};
  long long count = 0;
  for (std::string word; lines >> count >> word;)
    expected[word] = count;
  REQUIRE(expected.size() > 10'000);
  REQUIRE(expected["whale"] > 1'000);

  const std::string parallelism = GENERATE("1", "3");
  const auto result =
      run_program({weir_test::program("crash_program"), "--input", novel, "--table", folder / "words.db", "--files",
                   folder / "words", "--store", folder / "job.weir", "--parallelism", parallelism},
                  folder / "job");
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK((weir_test::counts_in_table(folder / "words.db", "counts") == expected));
  weir_test::committed_counts files{folder / "words"};
  CHECK(files.look() == "");
  CHECK((files.counts() == expected));
}
