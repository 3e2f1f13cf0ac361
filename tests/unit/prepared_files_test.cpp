// Tests of the text that a checkpoint keeps of prepared files.
#include <weir/operators/prepared_files.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("prepared files come back from their text") {
  const std::vector<weir::prepared_file> files{{".a \"b\".part", "x/part-1.txt", 7}, {".c.part", "part-2.txt", 0}};
  const auto back = weir::prepared_files(weir::to_json(files, true));
  REQUIRE(back.size() == 2);
  CHECK(back[0].from == files[0].from);
  CHECK(back[0].to == files[0].to);
  CHECK(back[0].bytes == 7);
  CHECK(back[1].to == "part-2.txt");
  const auto one = weir::prepared_files(weir::to_json({files[0]}, false));
  REQUIRE(one.size() == 1);
  CHECK(one[0].to == "x/part-1.txt");
}

TEST_CASE("text that names no files in the folder is refused") {
  for (const char* bad :
       {"", "{}", R"({"files":1})", R"({"files":1,"file.0":"a","final.0":"b"})",
        R"({"files":1,"final.0":"b","file.0":"a","bytes.0":1})",
        R"({"files":2,"file.0":"a","final.0":"b","bytes.0":1})",
        R"({"files":18446744073709551615,"file.0":"a","final.0":"b","bytes.0":1})",
        R"({"files":1,"file.0":"../a","final.0":"b","bytes.0":1})", R"({"file":"a","final":"/b","bytes":1})",
        R"({"file":"a","final":"x/../../b","bytes":1})", R"({"file":"","final":"b","bytes":1})"})
    CHECK_THROWS_AS(weir::prepared_files(bad), weir::damaged_error);
}

TEST_CASE("the text of a hundred thousand files is read in a moment") {
  std::vector<weir::prepared_file> files;
  for (int i = 0; i != 100'000; ++i)
    files.push_back({"." + std::to_string(i), std::to_string(i), 1});
  const std::string text = weir::to_json(files, true);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(weir::prepared_files(text).size() == files.size());
  CHECK(std::chrono::steady_clock::now() - begin < 10s); // one search for each takes minutes
}
