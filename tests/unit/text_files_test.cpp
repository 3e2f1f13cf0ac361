// Tests of the sink that writes text files.
#include "scratch_folder.hpp"
#include "sink_harness.hpp"

#include <weir/operators/text_files.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

using weir_test::batch_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  if (std::filesystem::exists(directory))
    for (const auto& each : std::filesystem::directory_iterator{directory})
      names.push_back(each.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// The lines of all files that a reader should look at, in the order of their names.
std::vector<std::string> lines_in(const std::string& directory) {
  std::vector<std::string> lines;
  for (const auto& name : names_in(directory)) {
    if (name.starts_with('.'))
      continue;
    std::istringstream content{scratch_folder::read(directory + "/" + name)};
    for (std::string line; std::getline(content, line);)
      lines.push_back(line);
  }
  return lines;
}

template <class Error>
std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no such error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::shared_ptr<const weir::any_sink> text_sink(const std::string& directory) {
  return weir::text_files{directory}.sink<std::string>();
}

} // namespace

TEST_CASE("text files are exactly once whatever step a crash comes before") {
  const scratch_folder folder;
  int number = 0;
  std::string directory;
  weir_test::sink_harness<std::string> harness;
  for (int i = 0; i < 14; ++i)
    harness.records.push_back("line " + std::to_string(i));
  harness.aborted = {2, 5, 6};
  const auto begin = [&] {
    directory = folder / std::to_string(++number);
    harness.sink = text_sink(directory);
  };
  harness.visible = [&] { return lines_in(directory); };
  harness.expected = [&](std::size_t n) {
    return std::vector<std::string>(harness.records.begin(), harness.records.begin() + static_cast<std::ptrdiff_t>(n));
  };
  CHECK(weir_test::crash_everywhere<std::string>(harness, begin, 1, 1) > 30);

  // With several subtasks, and their number changed at each restart, only the set of lines is fixed.
  harness.visible = [&] {
    auto lines = lines_in(directory);
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  harness.expected = [&](std::size_t n) {
    std::vector<std::string> lines(harness.records.begin(), harness.records.begin() + static_cast<std::ptrdiff_t>(n));
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  CHECK(weir_test::crash_everywhere<std::string>(harness, begin, 3, 2) > 30);
}

TEST_CASE("a file of text appears at its commit, whole and under a name that sorts") {
  const scratch_folder folder;
  const std::string directory = folder / "a/b/";
  const auto sink = text_sink(directory);
  CHECK(sink->blocking());
  CHECK(sink->two_phase());
  CHECK(names_in(folder.path().string()).empty()); // composing opens nothing
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1", 3, 4));
  CHECK(writer->prepare(weir::checkpoint_id{1}).empty());
  writer->write(*batch_of<std::string>({"one", "two"}));
  writer->flush();
  const auto id = writer->prepare(weir::checkpoint_id{2});
  CHECK(lines_in(directory).empty());
  writer->write(*batch_of<std::string>({"three"}));
  writer->commit({{weir::checkpoint_id{2}, weir::subtask_index{3}, id}});
  CHECK(names_in(directory) == std::vector<std::string>{".weir-output", "part-00003-000000000002.txt"});
  CHECK(lines_in(directory) == std::vector<std::string>{"one", "two"});
}

TEST_CASE("much text between two checkpoints is one file") {
  const scratch_folder folder;
  const auto sink = text_sink(folder / "out");
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    const std::string line(10'000, static_cast<char>('a' + i % 26));
    expected.push_back(line);
    writer->write(*batch_of<std::string>({line}));
  }
  CHECK(lines_in(folder / "out").empty());
  const auto id = writer->prepare(weir::checkpoint_id{1});
  writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
  CHECK(lines_in(folder / "out") == expected);
}

TEST_CASE("text files of another run are refused, or replaced on request") {
  const scratch_folder folder;
  const std::string directory = folder / "out";
  const auto sink = text_sink(directory);
  sink->prepare_output(start_of("run-1"));
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<std::string>({"old"}));
    const auto id = writer->prepare(weir::checkpoint_id{1});
    // What is prepared may still be committed.
    CHECK(contains(error_of<weir::usage_error>([&] { sink->prepare_output(start_of("run-2")); }), "--replace-output"));
    writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
    writer->write(*batch_of<std::string>({"old and open"}));
  }
  folder.write("out/readme.md", "not ours\n");
  const auto refusal = error_of<weir::usage_error>([&] { sink->prepare_output(start_of("run-2")); });
  CHECK(contains(refusal, "run-1"));
  CHECK(contains(refusal, directory));
  CHECK(contains(refusal, "--replace-output"));
  CHECK(contains(scratch_folder::read(directory + "/part-00000-000000000001.txt"), "old"));
  auto other = start_of("run-1");
  other.identity.name = "other";
  const auto second = error_of<weir::usage_error>([&] { sink->prepare_output(other); });
  CHECK(contains(second, "a folder of its own"));
  CHECK(contains(second, R"({.renamed_from = "out"})"));

  auto replacing = start_of("run-2");
  replacing.replace_output = true;
  sink->prepare_output(replacing);
  CHECK(names_in(directory) == std::vector<std::string>{".weir-output", "readme.md"});
  sink->prepare_output(start_of("run-2"));
  auto resuming = start_of("run-1");
  resuming.restored = true;
  resuming.restored_checkpoint = weir::checkpoint_id{1};
  CHECK_THROWS_AS(sink->prepare_output(resuming), weir::usage_error);
  // A run that never wrote anything is no hindrance.
  sink->prepare_output(start_of("run-3"));
}

TEST_CASE("part files that nobody claims are not overwritten") {
  const scratch_folder folder;
  folder.write("part-00000-000000000001.txt", "someone's\n");
  const auto sink = text_sink(folder.path().string());
  CHECK(contains(error_of<weir::usage_error>([&] { sink->prepare_output(start_of("run-1")); }), "--replace-output"));
}

TEST_CASE("files committed beyond the restored checkpoint are reverted") {
  const scratch_folder folder;
  const std::string directory = folder / "out";
  const auto sink = text_sink(directory);
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  for (std::uint64_t n = 1; n <= 3; ++n) {
    writer->write(*batch_of<std::string>({std::to_string(n)}));
    const auto id = writer->prepare(weir::checkpoint_id{n});
    writer->commit({{weir::checkpoint_id{n}, weir::subtask_index{0}, id}});
  }
  auto restored = start_of("run-1", 0, 1, 2);
  restored.restored = true;
  restored.restored_checkpoint = weir::checkpoint_id{1};
  sink->prepare_output(restored);
  CHECK(lines_in(directory) == std::vector<std::string>{"1"});
}

TEST_CASE("a prepared file that is missing or cut short is an error, and a lost folder too") {
  const scratch_folder folder;
  const std::string directory = folder / "out";
  const auto sink = text_sink(directory);
  sink->prepare_output(start_of("run-1"));
  std::string id;
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<std::string>({"precious"}));
    id = writer->prepare(weir::checkpoint_id{1});
  }
  auto start = start_of("run-1", 0, 1, 2);
  start.restored = true;
  start.restored_checkpoint = weir::checkpoint_id{1};
  start.pending = {{weir::checkpoint_id{1}, weir::subtask_index{0}, id}};
  const std::string prepared = directory + "/.out-00000-000000000001.part";
  std::filesystem::resize_file(prepared, 3);
  CHECK(contains(error_of<weir::io_error>([&] { static_cast<void>(sink->open_writer(start)); }), "3 bytes"));
  std::filesystem::remove(prepared);
  const auto missing = error_of<weir::io_error>([&] { static_cast<void>(sink->open_writer(start)); });
  CHECK(contains(missing, ".out-00000-000000000001.part"));
  std::filesystem::remove_all(directory);
  CHECK(contains(error_of<weir::usage_error>([&] { sink->prepare_output(start); }), "put the folder back"));
}

TEST_CASE("an old attempt cannot prepare over a new one") {
  const scratch_folder folder;
  const auto sink = text_sink(folder / "out");
  sink->prepare_output(start_of("run-1"));
  const auto old = sink->open_writer(start_of("run-1", 0, 1, 1));
  old->write(*batch_of<std::string>({std::string(300'000, 'x')}));
  sink->prepare_output(start_of("run-1", 0, 1, 2));
  const auto fresh = sink->open_writer(start_of("run-1", 0, 1, 2));
  fresh->write(*batch_of<std::string>({"new"}));
  CHECK_THROWS_AS(old->prepare(weir::checkpoint_id{1}), weir::io_error);
  CHECK_THROWS_AS(old->prepare(weir::checkpoint_id{2}), weir::io_error);
  const auto id = fresh->prepare(weir::checkpoint_id{1});
  fresh->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
  CHECK(lines_in(folder / "out") == std::vector<std::string>{"new"});
}

TEST_CASE("a full disk fails the write, names the file, and commits nothing") {
  if (!std::filesystem::exists("/dev/full"))
    return;
  const scratch_folder folder;
  const std::string directory = folder / "out";
  const auto sink = text_sink(directory);
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  std::filesystem::create_symlink("/dev/full", directory + "/.out-00000-000000000001.open");
  writer->write(*batch_of<std::string>({"a line"})); // buffered
  const auto full = error_of<weir::io_error>([&] { static_cast<void>(writer->prepare(weir::checkpoint_id{1})); });
  CHECK(contains(full, ".out-00000-000000000001.open"));
  CHECK(contains(full, "No space left"));
  CHECK(contains(full, "free space"));
  // The lines are not lost silently by a checkpoint that comes later.
  CHECK_THROWS_AS(writer->prepare(weir::checkpoint_id{2}), weir::io_error);
  CHECK(lines_in(directory).empty());
}

TEST_CASE("a folder that cannot be one is refused by its name") {
  const scratch_folder folder;
  const auto file = folder.write("file", "x");
  CHECK(contains(error_of<weir::usage_error>([&] { text_sink(file)->prepare_output(start_of("run-1")); }), file));
  CHECK(contains(error_of<weir::usage_error>([&] { text_sink(file + "/sub")->prepare_output(start_of("run-1")); }),
                 file));
  CHECK(weir::text_files{""}.problems<std::string>().size() == 1);
  CHECK(weir::text_files{"x"}.problems<std::string>().empty());
}
