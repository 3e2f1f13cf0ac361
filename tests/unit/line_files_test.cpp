// Tests of how a sink of files bounds what it holds: bytes in memory, and open files.
#include "scratch_folder.hpp"
#include "sink_harness.hpp"

#include <weir/operators/line_files.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <system_error>
#include <vector>

using weir_test::batch_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

/// A sink of a file for each number, with lines of this many bytes.
struct numbered_files {
  scratch_folder folder;
  std::shared_ptr<const weir::any_sink> sink;
  std::unique_ptr<weir::sink_writer> writer;

  numbered_files(std::size_t header_bytes, std::size_t line_bytes) {
    weir::line_files_settings settings;
    settings.kind = "text_files";
    settings.directory = folder / "out";
    settings.header = std::string(header_bytes, 'h');
    settings.partitions = weir::detail::make_partitions<int>([](int number) { return number; });
    settings.append = [line_bytes](const weir::any_batch&, std::size_t from, std::size_t to, std::string& out) {
      out.append((to - from) * line_bytes, 'x');
    };
    sink = weir::make_line_files_sink(settings);
    sink->prepare_output(start_of("run-1"));
    writer = sink->open_writer(start_of("run-1"));
  }
  void write(const std::vector<int>& numbers) const { writer->write(*batch_of<int>(numbers)); }
  [[nodiscard]] std::uint64_t bytes_in_files() const {
    std::uint64_t bytes = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator{folder / "out"})
      if (each.is_regular_file())
        bytes += each.file_size();
    return bytes;
  }
  /// The files of the sink that this process has open, by name.
  [[nodiscard]] std::set<std::string> open_files() const {
    std::set<std::string> open;
    for (const auto& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
      std::error_code gone;
      const auto target = std::filesystem::read_symlink(each.path(), gone);
      if (target.parent_path() == std::filesystem::canonical(folder / "out"))
        open.insert(target.filename().string());
    }
    return open;
  }
};

std::vector<int> numbers_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

} // namespace

TEST_CASE("what files begin with counts for the memory that a sink of files takes") {
  const numbered_files files{200'000, 10};
  const auto without = files.bytes_in_files();
  files.write(numbers_to(50)); // 10 MB
  CHECK(files.bytes_in_files() == without);
  files.write(numbers_to(100)); // 20 MB, of which 16 MiB are too much
  CHECK(files.bytes_in_files() > without + 16'000'000);
}

TEST_CASE("of many files that are written the one that was not used for longest is closed") {
  const numbered_files files{0, 300'000}; // more than is held back
  auto newly_open = [&, before = files.open_files()](const std::vector<int>& numbers) mutable {
    files.write(numbers);
    const auto now = files.open_files();
    std::set<std::string> opened;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::inserter(opened, opened.end()));
    before = now;
    return opened;
  };
  const auto base = files.open_files().size(); // such as a lock
  const auto first = newly_open({0});
  newly_open(numbers_to(64));
  CHECK(files.open_files().size() == base + 64);
  CHECK(newly_open({0}).empty());
  CHECK(newly_open({64}).size() == 1); // instead of 1
  CHECK(files.open_files().size() == base + 64);
  CHECK(newly_open({0}).empty());
  CHECK(newly_open({1}).size() == 1); // instead of 2
  CHECK(newly_open({3, 63, 64}).empty());
  CHECK(newly_open({2}).size() == 1);
  CHECK(first.size() >= 1);
  const auto id = files.writer->prepare(weir::checkpoint_id{1});
  files.writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
  CHECK(files.open_files().size() == base);
  CHECK(std::filesystem::file_size(files.folder / "out/0/part-00000-000000000001-00000.txt") == 4 * 300'000);
}
