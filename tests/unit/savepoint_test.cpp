// A checkpoint becomes a file of its own, and a store begins with it.
#include "unit/checkpoint_store_fixture.hpp"

#include <weir/persistence/chunk.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/file_lock.hpp>
#include <weir/persistence/savepoint.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace store_test;
namespace fs = std::filesystem;
using weir::checkpoint_id;
using weir::checkpoint_reader;
using weir::checkpoint_store;
using weir::snapshot_kind;

namespace {

using words = std::map<std::string, std::string>;

constexpr const char* schema =
    R"({"key":{"kind":"string"},"value":{"kind":"string"}})"; // as text; nobody decodes it here

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text});
}

/// A snapshot of "counts" with the words as entries; an empty value is a tombstone.
weir::subtask_snapshot snapshot(checkpoint_id id, weir::attempt_id attempt, std::uint32_t index, snapshot_kind kind,
                                const words& entries, std::optional<checkpoint_id> parent) {
  weir::chunk_writer writer{kind, weir::distribution::by_key_group};
  writer.begin_group(weir::key_group{index});
  for (const auto& [key, value] : entries)
    writer.add({weir::entry_kind::value, value.empty(), bytes_of(key), {}, bytes_of(value)});
  weir::encoded_chunk chunk = writer.finish();
  auto made = snapshot_of(id, attempt, index, 2);
  made.tables.push_back({"counts", "counts", kind, true, parent});
  made.chunks.push_back(
      {"counts", "counts", chunk.first, chunk.last, chunk.entries, std::move(chunk.bytes), chunk.checksum});
  return made;
}

/// Everything of the table at a checkpoint: subtask, key and value.
std::string text_of(const checkpoint_reader& reader, checkpoint_id id) {
  std::string text;
  reader.for_each_chunk(id, "counts", "counts", {0, 128}, [&](const weir::stored_chunk& chunk) {
    weir::chunk_reader entries{chunk.bytes};
    weir::chunk_entry entry;
    while (entries.next(entry))
      text += (text.empty() ? "" : " ") + to_string(chunk.subtask) + ":" +
              std::string{reinterpret_cast<const char*>(entry.key.data()), entry.key.size()} + "=" +
              std::string{reinterpret_cast<const char*>(entry.value.data()), entry.value.size()};
  });
  return text;
}

/// A store with checkpoints 1, 2 and 3 of two subtasks; the third attempt wrote them.
checkpoint_store filled_store(const fs::path& path) {
  checkpoint_store store = checkpoint_store::open(options_for(path));
  const std::vector<weir::operator_record> operators{{"counts", "count", "counts", weir::region_id{0}, 2, "f"}};
  const std::vector<weir::schema_record> schemas{{"counts", "counts", schema}};
  store.register_plan(operators, schemas, 128);
  weir::attempt_id attempt;
  for (int i = 0; i != 3; ++i)
    attempt = store.begin_attempt(weir::region_id{0}, at(0), std::nullopt);
  const std::vector<std::pair<words, words>> steps{
      {{{"a", "1"}, {"b", "1"}}, {{"x", "1"}}}, {{{"b", "2"}}, {{"y", "2"}}}, {{{"a", ""}, {"c", "3"}}, {{"x", "3"}}}};
  std::optional<checkpoint_id> parent;
  for (const auto& [first, second] : steps) {
    const checkpoint_id id = store.open_checkpoint(weir::checkpoint_trigger::interval, at(1));
    const auto kind = parent ? snapshot_kind::delta : snapshot_kind::base;
    REQUIRE(store.write(snapshot(id, attempt, 0, kind, first, parent), at(2)) == weir::write_result::stored);
    REQUIRE(store.write(snapshot(id, attempt, 1, kind, second, parent), at(2)) == weir::write_result::stored);
    static_cast<void>(store.complete(id, expect(2), at(3)));
    parent = id;
  }
  return store;
}

} // namespace

TEST_CASE("a savepoint has the whole state of one checkpoint, each chain as one base, under its number") {
  const temporary_folder folder;
  const checkpoint_store store = filled_store(folder / "job.weir");
  const auto written = weir::write_savepoint(folder / "job.weir", checkpoint_id{3}, folder / "three.save", at(9));
  CHECK(written.job == "word-count");
  CHECK(written.run == first_run);
  CHECK(written.checkpoint == checkpoint_id{3});
  CHECK(written.entries == 4);
  const auto savepoint = checkpoint_reader::open(folder / "three.save", weir::store_kind::savepoint);
  REQUIRE(savepoint.complete_checkpoints().size() == 1);
  CHECK(savepoint.newest_verified().id == checkpoint_id{3});
  CHECK(text_of(savepoint, checkpoint_id{3}) == "0:b=2 0:c=3 1:x=3 1:y=2");
  CHECK(savepoint.schemas().front().record.json == schema);
  CHECK(savepoint.operators().front().kind == "count");
  CHECK(savepoint.max_parallelism() == 128);
}

TEST_CASE("an older checkpoint becomes a savepoint as well, and none given is the newest") {
  const temporary_folder folder;
  const checkpoint_store store = filled_store(folder / "job.weir");
  static_cast<void>(weir::write_savepoint(folder / "job.weir", checkpoint_id{2}, folder / "two.save", at(9)));
  CHECK(text_of(checkpoint_reader::open(folder / "two.save", weir::store_kind::savepoint), checkpoint_id{2}) ==
        "0:a=1 0:b=2 1:x=1 1:y=2");
  CHECK(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "new.save", at(9)).checkpoint ==
        checkpoint_id{3});
}

TEST_CASE("a savepoint is one file, without a log, and can be read where nothing can be written") {
  const temporary_folder folder;
  {
    const checkpoint_store store = filled_store(folder / "job.weir");
    fs::create_directory(folder / "saves");
    static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "saves/one.save", at(9)));
  }
  int files = 0;
  for (const auto& entry : fs::directory_iterator{folder / "saves"})
    files += entry.is_regular_file() ? 1 : 0;
  CHECK(files == 1);
  auto database = weir::sqlite_database::open(folder / "saves/one.save", weir::sqlite_access::read_only);
  CHECK(database.text("PRAGMA journal_mode") == "delete");
  CHECK(database.text("PRAGMA integrity_check") == "ok");
  // And it is as closed to other writers as a store is.
  auto writer = weir::sqlite_database::open(folder / "saves/one.save", weir::sqlite_access::read_write);
  CHECK_THROWS(writer.exec("DELETE FROM chunks"));
}

TEST_CASE("a store begins with a savepoint: the same run, the next numbers, the same state") {
  const temporary_folder folder;
  {
    const checkpoint_store store = filled_store(folder / "job.weir");
    static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
  }
  auto options = options_for(folder / "other.weir");
  options.savepoint = folder / "s.save";
  options.new_run_uuid = second_run; // not used: the run goes on
  for (const bool in_memory : {false, true}) {
    if (in_memory)
      options.mode = weir::store_mode::memory;
    checkpoint_store store = checkpoint_store::open(options);
    CHECK_FALSE(store.opened().resumed);
    CHECK(store.opened().run_uuid == first_run);
    CHECK(store.opened().newest_complete == checkpoint_id{3});
    CHECK(store.read().newest_verified().id == checkpoint_id{3});
    CHECK(text_of(store.read(), checkpoint_id{3}) == "0:b=2 0:c=3 1:x=3 1:y=2");
    // Attempts that the savepoint's run has used are not given again.
    CHECK(store.begin_attempt(weir::region_id{0}, at(10), checkpoint_id{3}) > weir::attempt_id{3});
    CHECK(store.open_checkpoint(weir::checkpoint_trigger::interval, at(11)) == checkpoint_id{4});
  }
}

TEST_CASE("a start that comes to nothing after a savepoint was taken in leaves no store") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
  auto options = options_for(folder / "other.weir");
  options.savepoint = folder / "s.save";
  checkpoint_store::take_back(checkpoint_store::open(options));
  CHECK_FALSE(fs::exists(folder / "other.weir"));
  CHECK_FALSE(fs::exists(folder / "other.weir.creating"));
}

TEST_CASE("a store that is there does not begin again with a savepoint, unless it is put aside") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  static_cast<void>(weir::write_savepoint(folder / "job.weir", checkpoint_id{2}, folder / "s.save", at(9)));
  auto options = options_for(folder / "job.weir");
  options.savepoint = folder / "s.save";
  CHECK_THROWS_WITH(checkpoint_store::open(options), Catch::Contains("--fresh") && Catch::Contains("--from"));
  options.mode = weir::store_mode::fresh;
  const checkpoint_store store = checkpoint_store::open(options);
  CHECK(store.opened().newest_complete == checkpoint_id{2});
  CHECK(store.opened().put_aside.has_value());
}

TEST_CASE("what can't be a savepoint, or can't become one, is refused with the remedy") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
  // A path that is taken, a folder that is not there, a checkpoint that is not there.
  CHECK_THROWS_WITH(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)),
                    Catch::Contains("where nothing is"));
  CHECK_THROWS_AS(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "none/s.save", at(9)),
                  weir::path_error);
  CHECK_THROWS_WITH(weir::write_savepoint(folder / "job.weir", checkpoint_id{77}, folder / "t.save", at(9)),
                    Catch::Contains("77"));
  CHECK_FALSE(fs::exists(folder / "t.save"));
  CHECK_FALSE(fs::exists(folder / "t.save.creating"));
  // One for the other.
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(folder / "s.save")), Catch::Contains("--from"));
  auto options = options_for(folder / "new.weir");
  options.savepoint = folder / "job.weir";
  CHECK_THROWS_WITH(checkpoint_store::open(options), Catch::Contains("a job's store"));
  CHECK_FALSE(fs::exists(folder / "new.weir"));
  // Another job's.
  options = options_for(folder / "new.weir", "other-job");
  options.savepoint = folder / "s.save";
  CHECK_THROWS_WITH(checkpoint_store::open(options), Catch::Contains("other-job"));
  CHECK_FALSE(fs::exists(folder / "new.weir"));
}

TEST_CASE("a damaged savepoint begins no store") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
  const std::string whole = slurp(folder / "s.save");
  const std::size_t chunk = whole.find("WCHK");
  REQUIRE(chunk != std::string::npos);
  std::string damaged = whole;
  damaged[chunk + 40] = static_cast<char>(damaged[chunk + 40] ^ 1);
  spill(folder / "s.save", damaged);
  auto options = options_for(folder / "new.weir");
  options.savepoint = folder / "s.save";
  CHECK_THROWS_AS(checkpoint_store::open(options), weir::damaged_error);
  CHECK_FALSE(fs::exists(folder / "new.weir"));
  spill(folder / "s.save", whole.substr(0, whole.size() / 2));
  CHECK_THROWS(checkpoint_store::open(options));
  CHECK_FALSE(fs::exists(folder / "new.weir"));
}

namespace {

/// Changes a file behind its back.
void change(const fs::path& path, const std::string& sql) {
  auto database = weir::sqlite_database::open(path.string(), weir::sqlite_access::read_write);
  database.exec(sql);
}

constexpr const char* endless_rows = " AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                                     "SELECT i AS chunk, zeroblob(900000000) AS bytes FROM n";

} // namespace

TEST_CASE("a savepoint with a view in place of a table is refused before it is asked") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  auto options = options_for(folder / "new.weir");
  options.savepoint = folder / "s.save";
  for (const std::string table : {"chunk_bytes", "schemas", "runs"}) {
    fs::remove(folder / "s.save");
    static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
    change(folder / "s.save",
           "PRAGMA foreign_keys = OFF; DROP TABLE " + table + "; CREATE VIEW " + table + endless_rows);
    CHECK_THROWS_WITH(checkpoint_store::open(options), Catch::Contains("view " + table));
    CHECK_FALSE(fs::exists(folder / "new.weir"));
  }
}

TEST_CASE("a savepoint has nothing but its tables, and a store may have views of its keeper") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  for (const std::string extra : {"VIEW mine AS SELECT 1", "INDEX mine ON chunks (length(operator))", "TABLE mine (a)",
                                  "TRIGGER mine AFTER INSERT ON runs BEGIN SELECT 1; END"}) {
    fs::remove(folder / "s.save");
    static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)));
    change(folder / "s.save", "CREATE " + extra);
    CHECK_THROWS_WITH(checkpoint_reader::open(folder / "s.save", weir::store_kind::savepoint),
                      Catch::Contains(" mine that is not as Weir makes it"));
  }
  change(folder / "job.weir", "CREATE VIEW mine AS SELECT job FROM runs; CREATE INDEX also_mine ON chunks (length)");
  CHECK(checkpoint_reader::open(folder / "job.weir").newest_verified().id == checkpoint_id{3});
  change(folder / "job.weir", std::string{"DROP TABLE chunk_bytes; CREATE VIEW chunk_bytes"} + endless_rows);
  CHECK_THROWS_WITH(checkpoint_reader::open(folder / "job.weir"), Catch::Contains("no table chunk_bytes"));
}

TEST_CASE("nothing that is longer than a savepoint is made of it") {
  auto database = weir::sqlite_database::in_memory();
  CHECK(database.integer("SELECT length(zeroblob(3000000))") == 3'000'000);
  database.distrust(2'000'000);
  CHECK(database.integer("SELECT length(zeroblob(1900000))") == 1'900'000);
  CHECK_THROWS(database.integer("SELECT length(zeroblob(3000000))"));
}

TEST_CASE("of two savepoints to one path the second leaves the first one's draft alone") {
  const temporary_folder folder;
  static_cast<void>(filled_store(folder / "job.weir"));
  {
    const weir::file_lock first{folder / "s.save"}; // as one that is being written holds it
    spill(folder / "s.save.creating", "half of a savepoint");
    CHECK_THROWS_WITH(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)),
                      Catch::Contains("to be its only user"));
    CHECK(slurp(folder / "s.save.creating") == "half of a savepoint");
  }
  // What an interrupted one has left is replaced.
  CHECK(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "s.save", at(9)).entries == 4);
  CHECK_FALSE(fs::exists(folder / "s.save.creating"));
  CHECK_FALSE(fs::exists(folder / "s.save.lock"));
}

TEST_CASE("a place for a savepoint is a path where nothing is, in a folder") {
  const temporary_folder folder;
  weir::require_savepoint_place(folder / "s.save");
  CHECK_THROWS_AS(weir::require_savepoint_place(folder / "none/s.save"), weir::path_error);
  spill(folder / "file", "");
  CHECK_THROWS_AS(weir::require_savepoint_place(folder / "file/s.save"), weir::path_error);
  CHECK_THROWS_WITH(weir::require_savepoint_place(folder / "file"), Catch::Contains("where nothing is"));
  CHECK_THROWS_WITH(weir::require_savepoint_place(folder.path()), Catch::Contains("where nothing is"));
}
