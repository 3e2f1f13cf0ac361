// Tests of the folders of partitions: any key has one, and what can't be made fails before its checkpoint.
#include "scratch_folder.hpp"
#include "sink_harness.hpp"

#include <weir/operators/partition_folder.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <set>
#include <string>

using weir::partition_folder;
using weir_test::batch_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

/// A sink that writes one record into the folder of a key.
struct keyed_files {
  keyed_files(const std::string& directory, const std::string& key)
      : sink(weir::text_files{directory}.partition_by([key](const std::string&) { return key; }).sink<std::string>()) {
    sink->prepare_output(start_of("run-1"));
    writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<std::string>({"x"}));
  }
  std::shared_ptr<const weir::any_sink> sink;
  std::unique_ptr<weir::sink_writer> writer;
};

} // namespace

TEST_CASE("a partition's key is the name of a folder, whatever it is") {
  CHECK(partition_folder("year=2026/month=02") == "year=2026/month=02");
  CHECK(partition_folder("") == "_");
  CHECK(partition_folder("a//b") == "a/_/b");
  CHECK(partition_folder("../..") == "%2e./%2e.");
  CHECK(partition_folder("a b%\n") == "a%20b%25%0a");
  CHECK(partition_folder(std::string(1000, 'x')).size() < 220);
  CHECK(partition_folder(std::string(1000, 'x')) != partition_folder(std::string(1001, 'x')));
  CHECK(partition_folder("part-time") == "part-time");
  CHECK(partition_folder("a/part-00000-000000000001-00000.txt") == "a/%70art-00000-000000000001-00000.txt");
}

TEST_CASE("a key of any length is a path that the system takes, and one of its own") {
  std::string key;
  for (int i = 0; i != 60; ++i)
    key += std::string(100, 'a') + "/";
  const std::string folder = partition_folder(key);
  CHECK(folder.size() < 1100);
  CHECK(folder != partition_folder(key + "b"));
  const scratch_folder scratch;
  keyed_files files{scratch / "out", key};
  const std::string id = files.writer->prepare(weir::checkpoint_id{1});
  files.writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
  CHECK(std::filesystem::exists(scratch / ("out/" + folder + "/part-00000-000000000001-00000.txt")));
}

TEST_CASE("a folder that can't be made fails when the checkpoint is prepared") {
  const scratch_folder scratch;
  std::filesystem::create_directories(scratch / "out");
  scratch.write("out/taken", "somebody's file");
  keyed_files files{scratch / "out", "taken"};
  CHECK_THROWS_WITH(files.writer->prepare(weir::checkpoint_id{1}), Catch::Contains("out/taken"));
}

TEST_CASE("a file that can't have its name fails when the checkpoint is prepared") {
  const scratch_folder scratch;
  std::filesystem::create_directories(scratch / "out/a/part-00000-000000000001-00000.txt");
  keyed_files files{scratch / "out", "a"};
  CHECK_THROWS_WITH(files.writer->prepare(weir::checkpoint_id{1}), Catch::Contains("found a folder"));
}

TEST_CASE("a committed file's folder may have been removed while it was empty") {
  const scratch_folder scratch;
  keyed_files files{scratch / "out", "a/b"};
  const std::string id = files.writer->prepare(weir::checkpoint_id{1});
  std::filesystem::remove_all(scratch / "out/a");
  files.writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, id}});
  CHECK(std::filesystem::exists(scratch / "out/a/b/part-00000-000000000001-00000.txt"));
}

TEST_CASE("what holds a partition's folder is synced, whoever made that") {
  const scratch_folder scratch;
  const std::string root = scratch.path().string();
  const std::set<std::string> holding{root, root + "/a", root + "/a/b"};
  CHECK(weir::make_partition_folders(root, {"a/b/c", "a/d", "e"}) == holding);
  CHECK(weir::make_partition_folders(root, {"a/b/c", "a/d", "e"}) == holding);
  CHECK(std::filesystem::is_directory(scratch / "a/b/c"));
  CHECK(std::filesystem::is_directory(scratch / "a/d"));
  CHECK(weir::make_partition_folders(root, {}).empty());
}
