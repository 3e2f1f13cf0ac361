// `weir::run`: the job's own defaults, and what a program learns of its end.
#include "unit/scratch_folder.hpp"

#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

weir::job counting_to(std::vector<int> numbers, bool fails) {
  weir::job job{"small"};
  job.source("numbers", weir::from_vector<int>{std::move(numbers)})
      .map("fragile",
           [fails](int n) {
             if (fails && n == 2)
               throw std::runtime_error{"two is too many"};
             return n;
           })
      .sink("out", weir::callback{[](const int&) {}});
  return job;
}

} // namespace

TEST_CASE("a program's defaults hold unless the command line says otherwise") {
  const weir_test::scratch_folder folder;
  weir::job_options defaults;
  defaults.store = folder / "own.weir";
  defaults.log = weir::log_level::off;
  weir::job_status status;
  CHECK(weir::run(counting_to({1, 2, 3}, false), weir::command_line{"prog", {}}, status, defaults) == 0);
  CHECK(status.state == weir::job_state::finished);
  CHECK(status.store == defaults.store);
  const std::string other = folder / "other.weir";
  CHECK(weir::run(counting_to({1}, false), weir::command_line{"prog", {"--store", other}}, status, defaults) == 0);
  CHECK(status.store == other);
}

TEST_CASE("a program whose job has failed is told so") {
  const weir_test::scratch_folder folder;
  weir::job_options defaults;
  defaults.store = folder / "failing.weir";
  defaults.log = weir::log_level::off;
  defaults.restart = weir::no_restart{};
  weir::job_status status;
  CHECK(weir::run(counting_to({1, 2, 3}, true), weir::command_line{"prog", {}}, status, defaults) == 1);
  CHECK(status.state == weir::job_state::failed);
  CHECK_THAT(status.failure, Catch::Contains("two is too many"));
}
