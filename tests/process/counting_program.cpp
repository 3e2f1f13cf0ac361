// The counting job as a program, for tests that send signals or look at its store from outside.
#include "process/counting_job.hpp"

#include <weir/weir.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  weir_test::counting parts;
  parts.folder = cli.option("folder", ".", "where its files are");
  parts.records = cli.option("records", parts.records, "how many numbers");
  parts.rate = cli.option("rate", parts.rate, "numbers a second; 0: as many as can be");
  parts.count_name = cli.option("count-name", parts.count_name, "the name of the operator that counts");
  parts.count_renamed_from = cli.option("renamed-from", "", "its former name");
  const auto pause_us = cli.option("pause-us", 0, "how long each number takes");
  const auto hang_at = cli.option("hang-at", std::uint64_t{0}, "a number that never passes; 0: none");
  const auto fail_once_at = cli.option("fail-once-at", std::uint64_t{0}, "a number that fails the first time; 0: none");
  const auto fail_at = cli.option("fail-at", std::uint64_t{0}, "a number that always fails; 0: none");
  const auto failed = std::make_shared<std::atomic<bool>>(false);
  parts.on_record = [=](std::uint64_t n) {
    if (pause_us > 0)
      std::this_thread::sleep_for(std::chrono::microseconds{pause_us});
    if (fail_once_at != 0 && n == fail_once_at && !failed->exchange(true))
      throw std::runtime_error{"this happens once"};
    if (fail_at != 0 && n == fail_at)
      throw std::runtime_error{"this always happens"};
    if (hang_at != 0 && n == hang_at) {
      std::fputs("hangs\n", stderr);
      std::mutex mutex;
      std::unique_lock lock{mutex};
      std::condition_variable{}.wait(lock, [] { return false; });
    }
  };
  return weir::run(counting_job(parts), cli);
}
