// The lock file: one owner, named to the second, none left behind by the dead.
#include "checkpoint_store_fixture.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/file_lock.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <fstream>
#include <thread>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace weir;
using Catch::Matchers::Contains;
using store_test::temporary_folder;

namespace {

/// A process that holds the lock until it is killed.
class holder {
public:
  explicit holder(const std::filesystem::path& path) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      try {
        const file_lock lock{path};
        (void)!::write(ready[1], "x", 1);
        for (;;)
          ::pause();
      } catch (...) {
        ::_exit(1);
      }
    }
    ::close(ready[1]);
    char byte = 0;
    const auto got = ::read(ready[0], &byte, 1);
    ::close(ready[0]);
    REQUIRE(got == 1);
  }
  ~holder() { kill(); }
  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

private:
  pid_t pid_ = 0;
};

} // namespace

TEST_CASE("a lock refuses another process and names its owner", "[file_lock]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  const holder other{path};
  CHECK_THROWS_WITH(file_lock{path}, Contains(path.string()) && Contains("process " + std::to_string(other.pid())));
}

TEST_CASE("a killed process leaves no lock", "[file_lock]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  holder other{path};
  other.kill();
  CHECK(std::filesystem::exists(folder / "job.weir.lock"));
  CHECK_NOTHROW(file_lock{path});
  CHECK_FALSE(std::filesystem::exists(folder / "job.weir.lock"));
}

TEST_CASE("a lock waits for an owner that is on its way out", "[file_lock]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  holder other{path};
  std::thread end{[&] { other.kill(); }};
  CHECK_NOTHROW(file_lock{path});
  end.join();
}

TEST_CASE("a lock refuses a second user in its own process", "[file_lock]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  {
    file_lock first{path};
    CHECK_THROWS_WITH(file_lock{path}, Contains("in this process"));
    const file_lock moved{std::move(first)};
    CHECK_THROWS_AS(file_lock{path}, store_error);
  }
  CHECK_NOTHROW(file_lock{path});
}

TEST_CASE("two names of one file meet at one lock", "[file_lock]") {
  temporary_folder folder;
  std::ofstream{folder / "job.weir"} << "x";
  std::filesystem::create_symlink(folder / "job.weir", folder / "other.weir");
  const file_lock first{folder / "job.weir"};
  CHECK_THROWS_AS(file_lock{folder / "other.weir"}, store_error);
}

TEST_CASE("a lock in a folder that is not there says so", "[file_lock]") {
  temporary_folder folder;
  CHECK_THROWS_AS(file_lock{folder.path() / "none" / "job.weir"}, path_error);
  CHECK_THROWS_WITH(file_lock{folder.path() / "none" / "job.weir"}, Contains("make the folder"));
}

TEST_CASE("a lock where the system makes the files says so, and not that a folder is missing", "[file_lock]") {
  CHECK_THROWS_WITH(file_lock{"/proc/job.weir"}, Contains("no file can be made in /proc") &&
                                                     Contains("another folder") && !Contains("make the folder"));
}
