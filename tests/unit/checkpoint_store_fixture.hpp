// What the tests of the checkpoint store share: folders, snapshots, a clock that is turned by hand.
#pragma once

#include <weir/persistence/checkpoint_manifest.hpp>
#include <weir/persistence/checkpoint_store.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace store_test {

/// A folder that goes when the test ends.
class temporary_folder {
public:
  temporary_folder() : temporary_folder(std::filesystem::temp_directory_path()) {}
  explicit temporary_folder(const std::filesystem::path& in) {
    auto name = (in / "weir-store-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// All bytes of a file.
inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Makes a file of these bytes, in place of one that is there.
inline void spill(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary} << bytes;
}

/// Where syncing costs nothing, if there is such a place: for tests that sync thousands of times and pull no plug.
inline std::filesystem::path fast_place() {
  return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
}

inline constexpr const char* first_run = "11111111-1111-4111-8111-111111111111";
inline constexpr const char* second_run = "22222222-2222-4222-8222-222222222222";

inline weir::wall_time at(std::int64_t milliseconds) {
  return {1'700'000'000'000'000 + milliseconds * 1000};
}

inline weir::store_options options_for(const std::filesystem::path& path, std::string job = "word-count",
                                       weir::store_mode mode = weir::store_mode::resume) {
  weir::store_options options;
  options.path = path;
  options.job = std::move(job);
  options.mode = mode;
  options.now = at(0);
  options.new_run_uuid = first_run;
  return options;
}

inline weir::checkpoint_store memory_store() {
  return weir::checkpoint_store::open(options_for({}, "word-count", weir::store_mode::memory));
}

inline weir::chunk_to_store chunk_of(std::string operator_name, std::string table, std::string_view content,
                                     std::uint32_t first = 0, std::uint32_t last = 127) {
  weir::chunk_to_store chunk;
  chunk.operator_name = std::move(operator_name);
  chunk.table = std::move(table);
  chunk.first = weir::key_group{first};
  chunk.last = weir::key_group{last};
  chunk.entries = 1;
  for (const char c : content)
    chunk.bytes.push_back(static_cast<std::byte>(c));
  chunk.checksum = weir::checksum_of_bytes(chunk.bytes);
  return chunk;
}

inline weir::subtask_snapshot snapshot_of(weir::checkpoint_id checkpoint, weir::attempt_id attempt,
                                          std::uint32_t index = 0, std::uint32_t parallelism = 1,
                                          std::string task = "counts") {
  weir::subtask_snapshot snapshot;
  snapshot.attempt = attempt;
  snapshot.task = std::move(task);
  snapshot.index = weir::subtask_index{index};
  snapshot.parallelism = parallelism;
  snapshot.checkpoint = checkpoint;
  return snapshot;
}

/// A snapshot of table "counts" of operator "counts" with one chunk.
inline weir::subtask_snapshot base(weir::checkpoint_id checkpoint, weir::attempt_id attempt, std::string_view content,
                                   std::uint32_t index = 0, std::uint32_t parallelism = 1) {
  auto snapshot = snapshot_of(checkpoint, attempt, index, parallelism);
  snapshot.tables.push_back({"counts", "counts", weir::snapshot_kind::base, true, {}});
  snapshot.chunks.push_back(chunk_of("counts", "counts", content));
  return snapshot;
}

inline weir::subtask_snapshot delta(weir::checkpoint_id checkpoint, weir::attempt_id attempt,
                                    weir::checkpoint_id parent, std::string_view content, std::uint32_t index = 0,
                                    std::uint32_t parallelism = 1) {
  auto snapshot = base(checkpoint, attempt, content, index, parallelism);
  snapshot.tables.front().kind = weir::snapshot_kind::delta;
  snapshot.tables.front().parent = parent;
  return snapshot;
}

inline weir::subtask_snapshot unchanged(weir::checkpoint_id checkpoint, weir::attempt_id attempt,
                                        weir::checkpoint_id parent, std::uint32_t index = 0,
                                        std::uint32_t parallelism = 1) {
  auto snapshot = snapshot_of(checkpoint, attempt, index, parallelism);
  snapshot.tables.push_back({"counts", "counts", weir::snapshot_kind::delta, false, parent});
  return snapshot;
}

inline std::vector<weir::expected_subtask> expect(std::uint32_t parallelism = 1) {
  std::vector<weir::expected_subtask> expected;
  for (std::uint32_t i = 0; i < parallelism; ++i)
    expected.push_back({weir::region_id{0}, "counts", weir::subtask_index{i}, {}});
  return expected;
}

/// The chunks' contents in the order in which they are handed out, with a comma between.
inline std::string contents(const weir::checkpoint_reader& reader, weir::checkpoint_id checkpoint,
                            weir::key_group_range groups = {0, 128}) {
  std::string all;
  reader.for_each_chunk(checkpoint, "counts", "counts", groups, [&](const weir::stored_chunk& chunk) {
    if (!all.empty())
      all += ",";
    for (const auto b : chunk.bytes)
      all += static_cast<char>(b);
  });
  return all;
}

/// One checkpoint of one subtask, from opening to completion: a base if `parent` is none.
inline weir::checkpoint_id take(weir::checkpoint_store& store, weir::attempt_id attempt, std::string_view content,
                                weir::checkpoint_id parent = {}) {
  const auto id = store.open_checkpoint(weir::checkpoint_trigger::interval, at(1));
  const auto snapshot =
      parent == weir::checkpoint_id{} ? base(id, attempt, content) : delta(id, attempt, parent, content);
  if (store.write(snapshot, at(2)) != weir::write_result::stored)
    throw std::runtime_error("the snapshot was not stored");
  (void)store.complete(id, expect(), at(3));
  return id;
}

} // namespace store_test
