// What the checkpoint store does not take on trust: the end of its log, its own rows, the disk after an error.
#include "checkpoint_store_fixture.hpp"
#include "machines/faulty_disk.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>
#include <weir/persistence/store_note.hpp>

#include <catch2/catch.hpp>

#include <map>

using namespace weir;
using namespace store_test;
using Catch::Matchers::Contains;
using weir_test::faulty_disk;

namespace {

constexpr region_id region{0};

/// Changes a store's rows behind its back.
void change(const std::filesystem::path& path, const std::string& sql) {
  auto other = sqlite_database::open(path.string(), sqlite_access::read_write);
  other.add_marker_function("weir_store_writer");
  other.exec(sql);
}

/// The files that a process leaves which dies with two checkpoints complete, the second in the log only.
std::map<std::string, std::string> files_of_a_crash(const std::filesystem::path& folder) {
  const auto path = folder / "crash.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    take(store, store.begin_attempt(region, at(0), {}), "one");
  }
  auto store = checkpoint_store::open(options_for(path));
  const auto attempt = store.begin_attempt(region, at(1), checkpoint_id{1});
  store.restore(checkpoint_id{1}, at(1));
  take(store, attempt, "two", checkpoint_id{1});
  std::map<std::string, std::string> files;
  for (const char* suffix : {"", "-wal", ".lock"})
    files[suffix] = slurp(path.string() + suffix);
  return files;
}

} // namespace

TEST_CASE("a log that lost its end is noticed, and what was in it is named", "[checkpoint_store][trust]") {
  const temporary_folder folder;
  const auto files = files_of_a_crash(folder.path());
  const auto path = folder / "job.weir";
  for (const auto& [suffix, bytes] : files)
    spill(path.string() + suffix, bytes);
  auto log = files.at("-wal");
  SECTION("it is whole") {
    const auto store = checkpoint_store::open(options_for(path));
    CHECK(store.read().newest_verified().id == checkpoint_id{2});
    CHECK(store.read().newest_verified().skipped.empty());
    return;
  }
  SECTION("it is gone") {
    std::filesystem::remove(path.string() + "-wal");
  }
  SECTION("it is cut") {
    spill(path.string() + "-wal", log.substr(0, log.size() / 2));
  }
  SECTION("it has a flipped bit") {
    log[log.size() / 4] = static_cast<char>(log[log.size() / 4] ^ 1);
    spill(path.string() + "-wal", log);
  }
  for (int start = 0; start != 2; ++start) { // as long as nothing is restored, each start says so
    const auto store = checkpoint_store::open(options_for(path));
    const auto verified = store.read().newest_verified();
    CHECK(verified.id == checkpoint_id{1});
    REQUIRE(verified.skipped.size() == 1);
    CHECK(verified.skipped[0].id == checkpoint_id{2});
    CHECK_THAT(verified.skipped[0].problems[0].what, Contains("end of the log"));
  }
  auto store = checkpoint_store::open(options_for(path));
  store.restore(checkpoint_id{1}, at(5));
  // Sinks may know the ids that are lost: they do not recur.
  CHECK(store.begin_attempt(region, at(5), checkpoint_id{1}) == attempt_id{3});
  CHECK(store.open_checkpoint(checkpoint_trigger::interval, at(5)) == checkpoint_id{3});
  CHECK(store.read().newest_verified().skipped.empty());
}

TEST_CASE("after the loss of all complete checkpoints the job does not begin empty", "[checkpoint_store][trust]") {
  const temporary_folder folder;
  const auto path = folder / "job.weir";
  std::map<std::string, std::string> files;
  {
    auto store = checkpoint_store::open(options_for(path));
    take(store, store.begin_attempt(region, at(0), {}), "one");
    for (const char* suffix : {"", ".lock"})
      files[suffix] = slurp(path.string() + suffix);
  }
  std::filesystem::remove(path);
  spill(path.string() + ".lock", files.at(".lock"));
  SECTION("with the file") {
    spill(path, files.at(""));
    auto store = checkpoint_store::open(options_for(path));
    CHECK_THROWS_WITH(store.read().newest_verified(), Contains("checkpoint 1 was the newest complete one"));
    CHECK_THROWS_AS(store.restore({}, at(1)), store_error);
  }
  SECTION("without it") {
    CHECK_THROWS_WITH(checkpoint_store::open(options_for(path)),
                      Contains("checkpoint 1") && Contains("was complete") && Contains("--fresh"));
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(checkpoint_store::open(options_for(path, "word-count", store_mode::fresh)).read().newest_verified().id ==
          std::nullopt);
  }
}

TEST_CASE("the note beside a store survives its text, and no damage to it", "[checkpoint_store][trust]") {
  const store_note note{first_run, checkpoint_id{12}, checkpoint_id{11}, attempt_id{3}};
  const auto line = to_text(note);
  CHECK(store_note_from(line) == note);
  CHECK_FALSE(store_note_from(""));
  CHECK_FALSE(store_note_from("a b c d e"));
  for (std::size_t i = 0; i != line.size(); ++i) {
    auto other = line;
    other[i] = static_cast<char>(other[i] ^ 1);
    CHECK_FALSE(store_note_from(other));
    CHECK_FALSE(store_note_from(line.substr(0, i)));
  }
}

TEST_CASE("a failed sync is made good before anything builds on it", "[checkpoint_store][trust]") {
  faulty_disk disk{"weir-trust"};
  for (std::uint64_t seed = 0; seed != 20; ++seed) {
    const temporary_folder folder{fast_place()};
    auto options = options_for(folder / "job.weir");
    options.vfs = disk.name();
    {
      auto store = checkpoint_store::open(options);
      const auto attempt = store.begin_attempt(region, at(0), {});
      take(store, attempt, "one");
      disk.arm({faulty_disk::operation::sync});
      CHECK_THROWS_AS(store.record_failure({at(1), region, attempt, "", {}, "", "odd", "it was odd"}), io_error);
      disk.disarm();
    }
    {
      auto store = checkpoint_store::open(options);
      const auto attempt = store.begin_attempt(region, at(2), checkpoint_id{1});
      store.restore(checkpoint_id{1}, at(2));
      take(store, attempt, "two", checkpoint_id{1});
      disk.freeze();
    }
    disk.thaw();
    disk.lose_power(seed);
    const auto store = checkpoint_store::open(options);
    CHECK(store.read().newest_verified().id == checkpoint_id{2});
  }
}

TEST_CASE("a completed checkpoint vouches for its run, its number and what was there before",
          "[checkpoint_store][trust]") {
  const temporary_folder folder;
  const auto path = folder / "job.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    const auto attempt = store.begin_attempt(region, at(0), {});
    const auto one = take(store, attempt, "one");
    SECTION("a row that is lost while the store is open is not lost for good") {
      change(path, "PRAGMA foreign_keys = OFF; DELETE FROM chunks");
      CHECK_THROWS_WITH(take(store, attempt, "two", one), Contains("the chunks that checkpoint 1 had"));
      CHECK_THROWS_WITH(store.read().newest_verified(), Contains("should have 1 chunks"));
      return;
    }
    SECTION("a chain with two bases is refused") {
      const auto two = take(store, attempt, "two");
      change(path, "UPDATE chunks SET dropped_in = NULL");
      CHECK_THROWS_AS(take(store, attempt, "three", two), damaged_error);
      return;
    }
  }
  SECTION("another run") {
    change(path, "UPDATE runs SET uuid = '" + std::string{second_run} + "'");
  }
  SECTION("another number") {
    change(path, "PRAGMA foreign_keys = OFF; UPDATE checkpoints SET id = 2; UPDATE runs SET last_checkpoint = 2, "
                 "newest_complete = 2");
  }
  const auto store = checkpoint_store::open(options_for(path));
  CHECK_THROWS_WITH(store.read().newest_verified(), Contains("manifest differs"));
}

TEST_CASE("what is durable is never reported as failed", "[checkpoint_store][trust]") {
  faulty_disk disk{"weir-trust"};
  const temporary_folder folder{fast_place()};
  auto options = options_for(folder / "job.weir");
  options.vfs = disk.name();
  auto store = checkpoint_store::open(options);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const std::string large(8 << 20, 'x');
  // A second sync within one command is that of the log's upkeep.
  bool failed = false;
  checkpoint_id last;
  while (!failed && last.value < 20) {
    last = store.open_checkpoint(checkpoint_trigger::interval, at(1));
    disk.arm({faulty_disk::operation::sync, faulty_disk::trouble::fail, 2});
    CHECK(store.write(base(last, attempt, large), at(2)) == write_result::stored);
    failed = disk.happened() > 0;
    disk.disarm();
  }
  REQUIRE(failed);
  CHECK(store.has_failed());
  CHECK_THROWS_AS(store.complete(last, expect(), at(3)), io_error);
}

TEST_CASE("a moment in which the disk cannot be read costs no checkpoint", "[checkpoint_store][trust]") {
  faulty_disk disk{"weir-trust"};
  const temporary_folder folder{fast_place()};
  auto options = options_for(folder / "job.weir");
  {
    auto store = checkpoint_store::open(options);
    const auto attempt = store.begin_attempt(region, at(0), {});
    take(store, attempt, std::string(100'000, 'x'), take(store, attempt, std::string(100'000, 'y')));
  }
  options.vfs = disk.name();
  int verified = 0;
  for (long nth = 1;; ++nth) {
    const auto store = checkpoint_store::open(options);
    disk.reset_counts();
    disk.arm({faulty_disk::operation::read, faulty_disk::trouble::fail, nth});
    try {
      const auto newest = store.read().newest_verified();
      CHECK(newest.id == checkpoint_id{2});
      CHECK(newest.skipped.empty());
      ++verified;
    } catch (const io_error&) { // before a checkpoint was looked at: the start is refused
    }
    disk.disarm();
    if (disk.happened() == 0)
      break;
  }
  CHECK(verified > 5);
}

TEST_CASE("a fresh run that cannot be made leaves the former store where it is", "[checkpoint_store][trust]") {
  faulty_disk disk{"weir-trust"};
  const temporary_folder folder{fast_place()};
  const auto path = folder / "job.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    take(store, store.begin_attempt(region, at(0), {}), "former");
  }
  auto options = options_for(path, "word-count", store_mode::fresh);
  options.vfs = disk.name();
  options.new_run_uuid = second_run;
  for (long nth = 1;; ++nth) {
    disk.reset_counts();
    disk.arm({faulty_disk::operation::write, faulty_disk::trouble::full, nth});
    bool made = false;
    try {
      (void)checkpoint_store::open(options);
      made = true;
    } catch (const io_error&) {
    }
    disk.disarm();
    CAPTURE(nth, disk.last_trouble());
    if (made)
      break;
    CHECK_FALSE(std::filesystem::exists(folder / "job.weir.1.old"));
    const auto store = checkpoint_store::open(options_for(path));
    CHECK(store.opened().run_uuid == first_run);
    CHECK(contents(store.read(), checkpoint_id{1}) == "former");
    REQUIRE(nth < 1000);
  }
  CHECK(std::filesystem::exists(folder / "job.weir.1.old"));
}
