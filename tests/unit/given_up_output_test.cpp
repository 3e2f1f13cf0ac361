// Tests of sinks whose output is lost, and that go on without it because they were told to.
#include "record_samples.hpp"
#include "sink_harness.hpp"

#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using weir_test::batch_of;
using weir_test::error_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

using any_sink = std::shared_ptr<const weir::any_sink>;

weir::sink_start restored_at(std::uint64_t checkpoint, std::vector<weir::prepared_output> pending = {}) {
  auto start = start_of("run-1", 0, 1, 2);
  start.restored = true;
  start.restored_checkpoint = weir::checkpoint_id{checkpoint};
  start.pending = std::move(pending);
  return start;
}

std::vector<weir::prepared_output> write_and_prepare(weir::sink_writer& writer, std::uint64_t checkpoint) {
  writer.write(*batch_of<std::string>({"record of " + std::to_string(checkpoint)}));
  return {{weir::checkpoint_id{checkpoint}, weir::subtask_index{0}, writer.prepare(weir::checkpoint_id{checkpoint})}};
}

std::unique_ptr<weir::sink_writer> begin(const any_sink& sink, const weir::sink_start& start) {
  sink->check_output(start);
  sink->prepare_output(start);
  return sink->open_writer(start);
}

/// A sink prepares, its output is lost, and it is started again, as told, with --replace-output.
void lose_output(const any_sink& sink, const std::function<void()>& lose) {
  const auto prepared = write_and_prepare(*begin(sink, start_of("run-1")), 1);
  lose();
  auto start = restored_at(1, prepared);
  CHECK(weir_test::contains(error_of([&] { sink->check_output(start); }), "--replace-output"));
  start.replace_output = true;
  CHECK_NOTHROW(begin(sink, start));
  CHECK_NOTHROW(begin(sink, start)); // another attempt of the same process
  start.replace_output = false;
  auto writer = begin(sink, start); // and the next process, before there is another checkpoint
  // What comes after that is not given up.
  const auto next = write_and_prepare(*writer, 2);
  auto beyond = restored_at(2, next);
  beyond.pending.front().checkpoint = weir::checkpoint_id{3};
  beyond.restored_checkpoint = weir::checkpoint_id{3};
  writer->commit(next);
  writer.reset();
  lose();
  CHECK_THROWS_AS(begin(sink, beyond), weir::usage_error);
}

} // namespace

TEST_CASE("a folder that is lost is given up when that is asked for, and what was prepared in it too") {
  const scratch_folder folder;
  const bool partitioned = GENERATE(false, true);
  auto files = weir::text_files{folder / "out"};
  if (partitioned)
    files = files.partition_by([](const std::string&) { return std::string{"key"}; });
  lose_output(files.sink<std::string>(), [&] { std::filesystem::remove_all(folder / "out"); });
}

TEST_CASE("a table that is lost is given up when that is asked for, and what was prepared for it too") {
  const scratch_folder folder;
  lose_output(weir::sqlite_table{folder / "out.db", "lines"}.sink<std::string>(), [&] {
    for (const char* file : {"out.db", "out.db-wal", "out.db-shm"})
      std::filesystem::remove(folder / file);
  });
}

TEST_CASE("files and rows that are lost later are missed") {
  const scratch_folder folder;
  auto start = restored_at(1);
  start.replace_output = true;
  const auto sink = weir::text_files{folder / "out"}.sink<std::string>();
  {
    const auto writer = begin(sink, start);
    const auto prepared = write_and_prepare(*writer, 2);
    for (const auto& each : std::filesystem::directory_iterator{folder / "out"})
      if (each.path().extension() == ".part")
        std::filesystem::remove(each.path());
    CHECK_THROWS_WITH(begin(sink, restored_at(2, prepared)), Catch::Contains("prepared for a checkpoint"));
  }
  const auto table = weir::sqlite_table{folder / "out.db", "lines"}.sink<std::string>();
  const auto prepared = write_and_prepare(*begin(table, start), 2);
  auto other = prepared;
  other.front().subtask = weir::subtask_index{1};
  CHECK_THROWS_WITH(begin(table, restored_at(2, other)), Catch::Contains("weir_staged"));
}
