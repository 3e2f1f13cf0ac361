// Failpoints: names, handlers, and what the environment arms.
#include <weir/persistence/error.hpp>
#include <weir/persistence/failpoint.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace failpoints = weir::failpoints;

namespace {

/// Removes the handler at the end of a test.
struct handler_guard {
  ~handler_guard() { failpoints::set_handler({}); }
};

#ifdef WEIR_FAILPOINTS

void reach_two_points(int times) {
  for (int i = 0; i != times; ++i) {
    WEIR_FAILPOINT("store.open.before");
    WEIR_FAILPOINT("store.open.after");
  }
}

constexpr const char* child_name = "a process that reaches failpoints for another test";

/// How this program ends, started anew under this variable, when it reaches both points so often.
int status_under(const char* variable, int times) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("WEIR_FAILPOINT", variable, 1);
    ::setenv("WEIR_TEST_TIMES", std::to_string(times).c_str(), 1);
    ::execl("/proc/self/exe", "weir_unit_tests", child_name, nullptr);
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
  if (WIFSTOPPED(status)) {
    REQUIRE(::kill(child, SIGCONT) == 0);
    int end = 0;
    REQUIRE(::waitpid(child, &end, 0) == child);
    CHECK(end == 0);
  }
  return status;
}

int exit_code_under(const char* variable, int times) {
  const int status = status_under(variable, times);
  CAPTURE(variable, status);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

#endif

} // namespace

TEST_CASE("a library says whether it has failpoints, and which") {
#ifdef WEIR_FAILPOINTS
  CHECK(failpoints::compiled());
  const auto names = failpoints::names();
  CHECK(names.size() > 40);
  CHECK(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
#else
  CHECK_FALSE(failpoints::compiled());
  CHECK(failpoints::names().empty());
#endif
}

#ifdef WEIR_FAILPOINTS

TEST_CASE("a process that reaches failpoints for another test", "[.]") {
  const char* times = std::getenv("WEIR_TEST_TIMES");
  if (!times)
    return; // it is started by the tests above
  int code = 0;
  try {
    reach_two_points(std::stoi(times));
  } catch (const weir::usage_error&) {
    code = 2;
  } catch (const weir::io_error&) {
    code = 3;
  }
  ::_exit(code);
}

TEST_CASE("the environment arms a failpoint: its nth reach kills, stops or throws, and no other does") {
  int status = status_under("store.open.after:3:kill", 3);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(exit_code_under("store.open.after:3:kill", 2) == 0);
  CHECK(exit_code_under("store.make.before:1:kill", 5) == 0);
  status = status_under("store.open.before:2:stop", 2);
  CHECK(WIFSTOPPED(status));
  CHECK(WSTOPSIG(status) == SIGSTOP);
  CHECK(exit_code_under("store.open.before:2:throw", 2) == 3);
  CHECK(exit_code_under("store.open.before:2:throw", 1) == 0);
  CHECK(exit_code_under("", 5) == 0);
}

TEST_CASE("a variable that cannot be obeyed is refused") {
  const auto* variable =
      GENERATE("store.open.after", "store.open.after:1", "store.open.after:0:kill", "no.such:1:kill",
               "store.open.after:x:kill", "store.open.after:1:maim", ":1:kill", "::", "store.open.after:1:kill:");
  CHECK(exit_code_under(variable, 1) == 2);
}

TEST_CASE("a handler is told each name that is reached, in order, until it is removed") {
  const handler_guard guard;
  std::vector<std::string> seen;
  failpoints::set_handler([&](std::string_view name) { seen.emplace_back(name); });
  reach_two_points(2);
  failpoints::set_handler({});
  reach_two_points(1);
  CHECK(seen ==
        std::vector<std::string>{"store.open.before", "store.open.after", "store.open.before", "store.open.after"});
}

TEST_CASE("what a handler throws comes out of the step") {
  const handler_guard guard;
  failpoints::set_handler([](std::string_view name) {
    if (name == "store.open.after")
      throw std::string{name};
  });
  CHECK_THROWS_AS(reach_two_points(1), std::string);
}

#endif
