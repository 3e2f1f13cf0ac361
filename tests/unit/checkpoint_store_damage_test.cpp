// What the checkpoint store makes of damage: flipped bytes, cut files, failing disks, files that are not its own.
#include "checkpoint_store_fixture.hpp"
#include "machines/faulty_disk.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <map>
#include <random>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace weir;
using namespace store_test;
using Catch::Matchers::Contains;
using weir_test::faulty_disk;

namespace {

constexpr region_id region{0};

/// Changes one byte in the middle of the only place where `content` stands in the file.
void damage(const std::filesystem::path& path, const std::string& content) {
  auto bytes = slurp(path);
  const auto place = bytes.find(content);
  REQUIRE(place != std::string::npos);
  REQUIRE(bytes.find(content, place + 1) == std::string::npos);
  bytes[place + content.size() / 2] ^= 1;
  spill(path, bytes);
}

/// A store, closed again: base 1, delta 2, base 3, delta 4.
void make_store(const std::filesystem::path& path) {
  auto store = checkpoint_store::open(options_for(path));
  const std::vector<operator_record> operators{{"counts", "count", "counts", region, 1, ""}};
  store.register_plan(operators, std::vector<schema_record>{{"counts", "counts", R"({"type":"number"})"}}, 128);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "content-of-one");
  take(store, attempt, "content-of-two", one);
  const auto three = take(store, attempt, "content-of-three");
  take(store, attempt, "content-of-four", three);
}

const std::map<checkpoint_id, std::string> expected_contents{{checkpoint_id{1}, "content-of-one"},
                                                             {checkpoint_id{2}, "content-of-one,content-of-two"},
                                                             {checkpoint_id{3}, "content-of-three"},
                                                             {checkpoint_id{4}, "content-of-three,content-of-four"}};

/// Runs `check` as a user without rights over other people's files, in a process of its own. True if it returned true.
bool as_nobody(const std::function<bool()>& check) {
  const auto pid = ::fork();
  if (pid == 0) {
    bool good = false;
    try {
      good = (::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0)) && check();
    } catch (...) {
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Whether it is refused as asked wrongly, with these words.
bool refused(const std::function<void()>& action, std::initializer_list<std::string> words) {
  try {
    action();
  } catch (const error& e) {
    const std::string text = e.what();
    for (const auto& word : words)
      if (text.find(word) == std::string::npos)
        return false;
    return e.exit_code() == 2;
  }
  return false;
}

} // namespace

TEST_CASE("a damaged chunk is named, and the checkpoint before it is used", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  SECTION("only the newest checkpoint has it") {
    damage(path, "content-of-four");
    auto store = checkpoint_store::open(options_for(path));
    const auto problems = store.read().verify(checkpoint_id{4});
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].chunk == chunk_id{4});
    CHECK_THAT(problems[0].what, Contains("chunk 4 (counts/counts, subtask 0, made in checkpoint 4)") &&
                                     Contains("differs from its checksum"));
    const auto verified = store.read().newest_verified();
    CHECK(verified.id == checkpoint_id{3});
    REQUIRE(verified.skipped.size() == 1);
    CHECK(verified.skipped[0].id == checkpoint_id{4});
    CHECK_THROWS_WITH(contents(store.read(), checkpoint_id{4}), Contains("chunk 4"));
    // Life goes on from there.
    const auto attempt = store.begin_attempt(region, at(5), verified.id);
    store.restore(verified.id, at(5));
    const auto five = take(store, attempt, "five", *verified.id);
    CHECK(contents(store.read(), five) == "content-of-three,five");
    CHECK(store.read().newest_verified().skipped.empty());
  }
  SECTION("two checkpoints share it: the generation before is whole") {
    damage(path, "content-of-three");
    const auto store = checkpoint_store::open(options_for(path));
    const auto verified = store.read().newest_verified();
    CHECK(verified.id == checkpoint_id{2});
    CHECK(verified.skipped.size() == 2);
    CHECK(contents(store.read(), checkpoint_id{2}) == expected_contents.at(checkpoint_id{2}));
  }
}

TEST_CASE("a store in which nothing verifies is refused, never taken for empty", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  damage(path, "content-of-one");
  damage(path, "content-of-three");
  auto store = checkpoint_store::open(options_for(path));
  CHECK_THROWS_WITH(store.read().newest_verified(),
                    Contains(path.string()) && Contains("4 that do not") && Contains("--fresh"));
  CHECK_THROWS_AS(store.restore({}, at(5)), store_error);
}

TEST_CASE("a chunk that vanished or moved is found by the manifest", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  std::string change;
  SECTION("vanished") {
    change = "DELETE FROM chunks WHERE id = 4";
  }
  SECTION("lives longer") {
    change = "UPDATE chunks SET dropped_in = NULL WHERE id = 2";
  }
  SECTION("another subtask's") {
    change = "UPDATE chunks SET subtask = 1, parallelism = 2 WHERE id = 4";
  }
  SECTION("other key groups") {
    change = "UPDATE chunks SET key_group_first = 3 WHERE id = 4";
  }
  SECTION("bytes gone") {
    change = "DELETE FROM chunk_bytes WHERE chunk = 4";
  }
  SECTION("the row of the checkpoint") {
    change = "UPDATE checkpoints SET status = 'failed' WHERE id = 4";
  }
  {
    auto db = sqlite_database::open(path.string(), sqlite_access::read_write);
    db.add_marker_function("weir_store_writer");
    db.exec("PRAGMA foreign_keys = OFF");
    db.exec(change);
  }
  const auto store = checkpoint_store::open(options_for(path));
  const auto verified = store.read().newest_verified();
  REQUIRE(verified.id);
  CHECK(*verified.id < checkpoint_id{4});
  CHECK_FALSE(verified.skipped.empty());
  CHECK(contents(store.read(), *verified.id) == expected_contents.at(*verified.id));
  CHECK_THROWS_AS(contents(store.read(), checkpoint_id{4}), store_error);
}

TEST_CASE("no flipped bit is believed", "[checkpoint_store][damage]") {
  temporary_folder folder{fast_place()};
  const auto path = folder / "job.weir";
  make_store(path);
  const auto whole = slurp(path);
  // Empty space is most of a small file: there a flip changes nothing.
  std::vector<std::size_t> written;
  for (std::size_t i = 0; i < whole.size(); ++i)
    if (whole[i] != 0)
      written.push_back(i);
  std::mt19937 random{7};
  int refused = 0;
  int fell_back = 0;
  int unharmed = 0;
  for (int round = 0; round < 300; ++round) {
    auto bytes = whole;
    const auto place = written[random() % written.size()];
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << random() % 8));
    for (const char* suffix : {"-wal", "-shm"})
      std::filesystem::remove(path.string() + suffix);
    spill(path, bytes);
    CAPTURE(round, place);
    try {
      const auto store = checkpoint_store::open(options_for(path));
      const auto verified = store.read().newest_verified();
      REQUIRE(verified.id);
      const bool newest = *verified.id == checkpoint_id{4};
      CHECK(verified.skipped.empty() == newest);
      CHECK(contents(store.read(), *verified.id) == expected_contents.at(*verified.id));
      (void)store.read().schemas();
      (newest ? unharmed : fell_back) += 1;
    } catch (const error&) {
      ++refused;
    }
  }
  CAPTURE(refused, fell_back, unharmed);
  CHECK(refused > 10);
  CHECK(fell_back > 0);
  CHECK(unharmed > 20);
}

TEST_CASE("a cut file is refused and left as it is", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  const auto whole = slurp(path);
  for (const std::size_t size : {whole.size() / 2, whole.size() - 16384, std::size_t{16384}, std::size_t{100}}) {
    CAPTURE(size);
    spill(path, whole.substr(0, size));
    CHECK_THROWS_AS(checkpoint_store::open(options_for(path)), store_error);
    CHECK(slurp(path) == whole.substr(0, size));
  }
  spill(path, "");
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(path)), Contains("an empty file"));
  // A fresh run keeps it under another name.
  spill(path, whole.substr(0, whole.size() / 2));
  const auto store = checkpoint_store::open(options_for(path, "word-count", store_mode::fresh));
  REQUIRE(store.opened().put_aside);
  CHECK(slurp(*store.opened().put_aside) == whole.substr(0, whole.size() / 2));
}

TEST_CASE("a log without its store is refused", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  spill(path.string() + "-wal", "something");
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(path)), Contains("only its log"));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("files of others are refused and not touched", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  std::string expected;
  SECTION("another program's database") {
    auto db = sqlite_database::open(path.string(), sqlite_access::create);
    db.exec("CREATE TABLE t (a)");
    expected = "database of another program";
  }
  SECTION("no database") {
    spill(path, std::string(100'000, 'x'));
    expected = "expected a SQLite database";
  }
  const auto before = slurp(path);
  for (const auto mode : {store_mode::resume, store_mode::fresh})
    CHECK_THROWS_WITH(checkpoint_store::open(options_for(path, "word-count", mode)),
                      Contains(path.string()) && Contains(expected));
  CHECK(slurp(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path()}, {}) == 1);
}

TEST_CASE("another version is refused by its number, and put aside by a fresh run", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  sqlite_database::open(path.string(), sqlite_access::read_write).exec("PRAGMA user_version = 7");
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(path)),
                    Contains("expected format version 1") && Contains("version 7, a newer one"));
  const auto store = checkpoint_store::open(options_for(path, "word-count", store_mode::fresh));
  CHECK(store.opened().put_aside);
}

TEST_CASE("a path that cannot be a store says why", "[checkpoint_store][damage]") {
  temporary_folder folder;
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(folder.path())), Contains("found a folder"));
  CHECK_THROWS_WITH(checkpoint_store::open(options_for(folder.path() / "none" / "job.weir")),
                    Contains((folder / "none").string()) && Contains("make the folder"));
  CHECK_THROWS_AS(checkpoint_store::open(options_for(folder.path() / "none" / "job.weir")), path_error);
  CHECK_THROWS_AS(checkpoint_reader::open(folder / "none.weir"), path_error);
  CHECK(path_error({"x", "", "", ""}).exit_code() == 2);
}

TEST_CASE("a folder or file without permission says which and what to do", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  make_store(path);
  ::chmod(folder.path().c_str(), 0755);
  ::chmod(path.c_str(), 0444);
  const auto open = [&] { (void)checkpoint_store::open(options_for(path)); };
  if (::geteuid() != 0)
    ::chmod(folder.path().c_str(), 0555);
  CHECK(as_nobody([&] { return refused(open, {path.string(), "folder in which files can be made", "permissions"}); }));
  ::chmod(folder.path().c_str(), 0777);
  CHECK(as_nobody([&] { return refused(open, {path.string(), "can only be read", "permissions"}); }));
  ::chmod(path.c_str(), 0);
  CHECK(as_nobody([&] { return refused(open, {path.string(), "permissions"}); }));
  ::chmod(path.c_str(), 0644);
  CHECK(checkpoint_store::open(options_for(path)).read().newest_verified().id == checkpoint_id{4});
}

TEST_CASE("what a process had completed survives its sudden end", "[checkpoint_store][damage]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  const auto pid = ::fork();
  if (pid == 0) {
    try {
      auto store = checkpoint_store::open(options_for(path));
      const auto attempt = store.begin_attempt(region, at(0), {});
      const auto one = take(store, attempt, "one");
      const auto two = store.open_checkpoint(checkpoint_trigger::interval, at(1));
      store.write(delta(two, attempt, one, "two"), at(2));
      ::_exit(0); // nothing is closed
    } catch (...) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  REQUIRE(status == 0);
  REQUIRE(std::filesystem::exists(path.string() + "-wal"));
  SECTION("with its shared memory") {}
  SECTION("without it, as after the machine's end") {
    std::filesystem::remove(path.string() + "-shm");
  }
  auto store = checkpoint_store::open(options_for(path));
  CHECK(store.read().newest_verified().id == checkpoint_id{1});
  CHECK(contents(store.read(), checkpoint_id{1}) == "one");
}

// --- failing disks

namespace {

struct progress {
  checkpoint_id completed; ///< the last that `complete` returned for
  checkpoint_id tried;     ///< the last for which it was called
  bool opened = false;
};

/// A life of a store: opened, six checkpoints with retention, closed. Throws where the disk fails.
void live(const store_options& options, progress& done) {
  auto store = checkpoint_store::open(options);
  done.opened = true;
  const auto attempt = store.begin_attempt(region, at(0), {});
  checkpoint_id last{};
  for (int i = 0; i < 6; ++i) {
    const auto id = store.open_checkpoint(checkpoint_trigger::interval, at(1));
    const auto content = "content " + to_string(id) + std::string(20'000, '.');
    store.write(i % 3 == 0 ? base(id, attempt, content) : delta(id, attempt, last, content), at(2));
    done.tried = id;
    (void)store.complete(id, expect(), at(3));
    done.completed = id;
    last = id;
    (void)store.prune(2, at(4));
  }
}

} // namespace

TEST_CASE("wherever the disk fails, every completed checkpoint is there and whole", "[checkpoint_store][damage][vfs]") {
  faulty_disk disk{"weir-fault"};
  // Once, as a whole; or the end of the machine in the middle of a write.
  const bool torn = GENERATE(false, true);
  long survived = 0;
  long n = 1;
  for (;; ++n) {
    temporary_folder folder{fast_place()};
    auto options = options_for(folder / "job.weir");
    options.vfs = disk.name();
    progress done;
    bool threw = false;
    disk.reset_counts();
    if (torn)
      disk.arm({faulty_disk::operation::write, faulty_disk::trouble::shortened, n, true});
    else
      disk.arm({faulty_disk::changes(), faulty_disk::trouble::fail, n});
    try {
      live(options, done);
    } catch (const io_error&) {
      threw = true;
    }
    const bool failed = disk.happened() > 0;
    disk.disarm();
    if (!failed)
      break;
    CAPTURE(n, torn, done.completed.value, threw);
    const auto store = checkpoint_store::open(options);
    if (!done.opened) {
      ++survived; // it failed while the store was made: there is none, or an empty one that is whole
      continue;
    }
    CHECK(store.opened().resumed);
    const auto verified = store.read().newest_verified();
    CHECK(verified.skipped.empty());
    const auto newest = verified.id.value_or(checkpoint_id{});
    CHECK(newest >= done.completed);
    CHECK(newest <= done.tried);
    if (verified.id)
      CHECK(contents(store.read(), newest).find("content " + to_string(newest) + ".") != std::string::npos);
    ++survived;
  }
  CHECK(survived > 100);
}

TEST_CASE("after a failed sync the store refuses everything with the first cause", "[checkpoint_store][damage][vfs]") {
  faulty_disk disk{"weir-fault"};
  temporary_folder folder;
  auto options = options_for(folder / "job.weir");
  options.vfs = disk.name();
  {
    auto store = checkpoint_store::open(options);
    const auto attempt = store.begin_attempt(region, at(0), {});
    const auto one = take(store, attempt, "one");
    disk.arm({faulty_disk::changes()});
    CHECK_THROWS_WITH(store.open_checkpoint(checkpoint_trigger::interval, at(1)),
                      Contains("job.weir") && Contains("the system refused") && Contains("check the disk"));
    CHECK(disk.happened() == 1);
    CHECK(store.has_failed());
    CHECK_THROWS_WITH(store.begin_attempt(region, at(2), one), Contains("the system refused"));
    CHECK_THROWS_AS(store.open_checkpoint(checkpoint_trigger::interval, at(2)), io_error);
    CHECK_THROWS_AS(store.read().newest_verified(), io_error);
  }
  disk.disarm();
  const auto store = checkpoint_store::open(options);
  CHECK(store.read().newest_verified().id == checkpoint_id{1});
}

TEST_CASE("a full disk undoes one command, and the store goes on when there is room",
          "[checkpoint_store][damage][vfs]") {
  faulty_disk disk{"weir-fault"};
  temporary_folder folder;
  auto options = options_for(folder / "job.weir");
  options.vfs = disk.name();
  auto store = checkpoint_store::open(options);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "one");
  const auto two = store.open_checkpoint(checkpoint_trigger::interval, at(1));
  disk.arm({faulty_disk::operation::write, faulty_disk::trouble::full, 3, true});
  CHECK_THROWS_WITH(store.write(delta(two, attempt, one, std::string(1 << 20, 'x')), at(2)),
                    Contains("room on the disk") && Contains("free space"));
  disk.disarm();
  CHECK_FALSE(store.has_failed());
  CHECK(store.write(delta(two, attempt, one, "two"), at(3)) == write_result::stored);
  store.complete(two, expect(), at(4));
  CHECK(contents(store.read(), two) == "one,two");
}
