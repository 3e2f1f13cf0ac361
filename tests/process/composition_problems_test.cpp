// What a program says of a job that is composed wrongly: everything, once, in the order of the source.
#include "unit/scratch_folder.hpp"

#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using weir_test::scratch_folder;

namespace {

struct said {
  int code = 0;
  std::vector<std::string> lines; ///< on stderr
};

/// Runs a job in this process, and keeps what it writes to stderr.
said run(const weir::job& job, const scratch_folder& folder, std::vector<const char*> options = {}) {
  options.insert(options.begin(), "program");
  const std::string log = folder / "stderr";
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(file, STDERR_FILENO);
  said result;
  result.code = weir::run(job, static_cast<int>(options.size()), options.data());
  std::fflush(stderr);
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  ::close(file);
  std::istringstream lines{scratch_folder::read(log)};
  for (std::string line; std::getline(lines, line);)
    result.lines.push_back(line);
  return result;
}

weir::generator<std::uint64_t> numbers() {
  return weir::generator<std::uint64_t>{10, [](std::uint64_t i) { return i; }};
}

/// The place and the thing of a line: "job: [operator "x" (]file:line[)]: thing: …".
bool is_about(const std::string& line, const std::string& who, int at, const std::string& thing) {
  const std::string place = "composition_problems_test.cpp:" + std::to_string(at);
  return line.rfind(who + ": ", 0) == 0 && line.find(place) != std::string::npos &&
         line.find(": " + thing) != std::string::npos;
}

} // namespace

TEST_CASE("all problems of a job are printed in the order of the source, the dangling streams with the others") {
  const scratch_folder folder;
  weir::job job{"wrong"};
  const int line = __LINE__;
  auto source = job.source("numbers", numbers());
  auto left = source.filter("left", [](std::uint64_t n) { return n > 5; }, {.parallelism = 0});
  source.map("Right", [](std::uint64_t n) { return n; }).sink("files", weir::text_files{""});
  source.map("numbers", [](std::uint64_t n) { return n; }).sink("out", weir::print{});
  const said all = run(job, folder);
  CAPTURE(all.lines);
  CHECK(all.code == 2);
  REQUIRE(all.lines.size() == 5);
  CHECK(is_about(all.lines[0], "wrong", line + 2, "its parallelism: "));
  CHECK(is_about(all.lines[1], "wrong", line + 2, "its output: "));
  CHECK(is_about(all.lines[2], "wrong", line + 3, "its name: "));
  CHECK(is_about(all.lines[3], "wrong", line + 3, "text_files: "));
  CHECK(is_about(all.lines[4], "wrong", line + 4, "its name: "));
  CHECK(run(job, folder, {"explain"}).lines == all.lines);
}

TEST_CASE("an operator with a wrong name whose output nobody takes has both problems") {
  const scratch_folder folder;
  weir::job job{"wrong"};
  auto unused = job.source("Numbers", numbers());
  job.source("others", numbers()).sink("out", weir::print{});
  const said all = run(job, folder);
  CAPTURE(all.lines);
  REQUIRE(all.lines.size() == 2);
  CHECK(all.lines[0].find("its name") != std::string::npos);
  CHECK(all.lines[1].find("its output") != std::string::npos);
}

TEST_CASE("a job whose own name is wrong is not called by it") {
  const scratch_folder folder;
  const int line = __LINE__ + 1;
  weir::job job{"bad/name"};
  job.source("numbers", numbers()).sink("out", weir::print{});
  const said all = run(job, folder);
  CAPTURE(all.lines);
  CHECK(all.code == 2);
  REQUIRE(all.lines.size() == 1);
  CHECK(is_about(all.lines[0], "weir", line, "the job's name: "));
  CHECK(all.lines[0].find("bad/name") == all.lines[0].rfind("bad/name"));
}
