// Tests of the sink that keeps a SQLite table.
#include "scratch_folder.hpp"
#include "sink_harness.hpp"

#include <weir/operators/sink_database.hpp>
#include <weir/operators/sqlite_table.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using weir_test::batch_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

struct word_count {
  std::string key;
  std::uint64_t count = 0;
  WEIR_FIELDS(key, count)
};

struct everything {
  bool flag = false;
  std::int8_t small = 0;
  std::uint32_t large = 0;
  float single = 0;
  double real = 0;
  std::string text;
  std::optional<std::int64_t> maybe;
  std::chrono::milliseconds took{};
  std::chrono::sys_time<std::chrono::microseconds> at{};
  std::optional<std::string> note;
  WEIR_FIELDS(flag, small, large, single, real, text, maybe, took, at, note)
};

struct odd {
  int a = 0;
  int A = 0;
  std::vector<int> list;
  word_count inner;
  std::optional<int> maybe;
  double real = 0;
  WEIR_FIELDS(a, A, list, inner, maybe, real)
};

struct two_keys {
  std::string area;
  int hour = 0;
  int total = 0;
  WEIR_FIELDS(area, hour, total)
};

/// The rows of a query, columns joined by bars; nothing if there is no such file or table.
std::vector<std::string> rows_of(const std::string& path, const std::string& sql) {
  std::vector<std::string> rows;
  if (!std::filesystem::exists(path))
    return rows;
  auto database = weir::sqlite_database::open(path, weir::sqlite_access::read_only);
  if (database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'weir_progress'") == 0)
    return rows;
  auto query = database.prepare(sql);
  while (query.step())
    rows.emplace_back(query.text(0));
  return rows;
}
std::int64_t number_of(const std::string& path, const std::string& sql) {
  auto database = weir::sqlite_database::open(path, weir::sqlite_access::read_only);
  return database.integer(sql);
}
void change(const std::string& path, const std::string& sql) {
  weir::sqlite_database::open(path, weir::sqlite_access::create).exec(sql);
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

weir::sink_start restored(weir::sink_start start, std::uint64_t checkpoint) {
  start.restored = true;
  start.restored_checkpoint = weir::checkpoint_id{checkpoint};
  return start;
}
std::vector<weir::prepared_output> one(std::uint64_t checkpoint, std::string id, std::uint32_t subtask = 0) {
  return {{weir::checkpoint_id{checkpoint}, weir::subtask_index{subtask}, std::move(id)}};
}

constexpr const char* counts_sql = "SELECT key || '|' || count FROM counts ORDER BY key";

} // namespace

TEST_CASE("appended rows are exactly once whatever step a crash comes before") {
  const scratch_folder folder;
  int number = 0;
  std::string path;
  weir_test::sink_harness<std::string> harness;
  for (int i = 0; i < 8; ++i)
    harness.records.push_back("line " + std::to_string(i));
  harness.aborted = {2};
  const auto begin = [&] {
    path = folder / (std::to_string(++number) + ".db");
    harness.sink = weir::sqlite_table{path, "lines"}.sink<std::string>();
  };
  std::string order = "rowid"; // the order of a subtask is kept
  harness.visible = [&] {
    // Before the first start there is no table.
    return rows_of(path, "SELECT value FROM lines ORDER BY " + order);
  };
  harness.expected = [&](std::size_t n) {
    return std::vector<std::string>(harness.records.begin(), harness.records.begin() + static_cast<std::ptrdiff_t>(n));
  };
  CHECK(weir_test::crash_everywhere<std::string>(harness, begin, 1, 1) > 15);
  order = "value";
  CHECK(weir_test::crash_everywhere<std::string>(harness, begin, 3, 2) > 15);
  CHECK(number_of(path, "SELECT count(*) FROM weir_staged") == 0);
  CHECK(number_of(path, "SELECT count(*) FROM weir_stages") == 0);
}

TEST_CASE("upserted rows are exactly once whatever step a crash comes before") {
  const scratch_folder folder;
  int number = 0;
  std::string path;
  weir_test::sink_harness<word_count> harness;
  std::map<std::string, std::uint64_t> counts;
  for (const char* word : {"a", "b", "a", "c", "a", "b", "d", "a", "c", "e", "a"})
    harness.records.push_back({word, ++counts[word]});
  harness.records_per_checkpoint = 4;
  harness.aborted = {2};
  harness.subtask_of = [](const word_count& record, std::size_t) { return static_cast<std::uint32_t>(record.key[0]); };
  const auto begin = [&] {
    path = folder / (std::to_string(++number) + ".db");
    harness.sink = weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>();
  };
  harness.visible = [&] { return rows_of(path, counts_sql); };
  harness.expected = [&](std::size_t n) {
    std::map<std::string, std::uint64_t> newest;
    for (std::size_t i = 0; i < n; ++i)
      newest[harness.records[i].key] = harness.records[i].count;
    std::vector<std::string> rows;
    for (const auto& [key, count] : newest)
      rows.push_back(key + "|" + std::to_string(count));
    return rows;
  };
  CHECK(weir_test::crash_everywhere<word_count>(harness, begin, 1, 1) > 15);
  CHECK(weir_test::crash_everywhere<word_count>(harness, begin, 2, 3) > 15);
}

TEST_CASE("a record's members are the columns of its row") {
  const scratch_folder folder;
  const auto path = folder / "all.db";
  const weir::sqlite_table spec{path, "all \"things\""};
  CHECK(spec.problems<everything>().empty());
  const auto sink = spec.sink<everything>();
  CHECK(sink->blocking());
  CHECK(sink->two_phase());
  CHECK(sink->files() == std::vector<std::string>{path});
  CHECK_FALSE(std::filesystem::exists(path)); // composing opens nothing
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  everything full;
  full.flag = true;
  full.small = -5;
  full.large = 4'000'000'000;
  full.single = 0.5F;
  full.real = 1e100;
  full.text = std::string{"t\xc3\xa4xt\0!", 7};
  full.maybe = std::numeric_limits<std::int64_t>::min();
  full.took = std::chrono::milliseconds{-3};
  full.at = std::chrono::sys_time<std::chrono::microseconds>{std::chrono::microseconds{123}};
  full.note = "n";
  everything empty;
  empty.real = std::numeric_limits<double>::quiet_NaN();
  writer->write(*batch_of<everything>({full, empty}));
  writer->commit(one(1, writer->prepare(weir::checkpoint_id{1})));
  CHECK(rows_of(path,
                "SELECT concat FROM (SELECT flag || ',' || small || ',' || large || ',' || single || ',' || real || "
                "',' || hex(text) || ',' || coalesce(maybe, 'null') || ',' || took || ',' || at || ',' || "
                "coalesce(note, 'null') AS concat FROM \"all \"\"things\"\"\") WHERE concat IS NOT NULL") ==
        std::vector<std::string>{"1,-5,4000000000,0.5,1.0e+100,74C3A478740021,-9223372036854775808,-3,123,n"});
  CHECK(
      rows_of(path, "SELECT count(*) FROM \"all \"\"things\"\"\" WHERE real IS NULL AND maybe IS NULL AND text = ''") ==
      std::vector<std::string>{"1"});
}

TEST_CASE("rows that a table cannot hold are refused when they are written") {
  const scratch_folder folder;
  const auto path = folder / "counts.db";
  const auto sink = weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>();
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  const auto refusal = error_of<weir::usage_error>([&] {
    writer->write(*batch_of<word_count>({{"a", std::uint64_t{1} << 63}}));
  });
  CHECK(contains(refusal, "count"));
  CHECK(contains(refusal, "9223372036854775808"));
  CHECK_THROWS_AS(writer->prepare(weir::checkpoint_id{1}), weir::io_error);
}

TEST_CASE("several columns can be the key") {
  const scratch_folder folder;
  const auto path = folder / "areas.db";
  const auto spec = weir::sqlite_table{path, "areas"}.upsert("area", "hour");
  CHECK(spec.problems<two_keys>().empty());
  const auto sink = spec.sink<two_keys>();
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  writer->write(*batch_of<two_keys>({{"n", 1, 10}, {"n", 2, 20}, {"s", 1, 30}, {"n", 1, 11}}));
  writer->commit(one(1, writer->prepare(weir::checkpoint_id{1})));
  writer->write(*batch_of<two_keys>({{"s", 1, 31}}));
  writer->commit(one(2, writer->prepare(weir::checkpoint_id{2})));
  CHECK(rows_of(path, "SELECT area || hour || '=' || total FROM areas ORDER BY 1") ==
        std::vector<std::string>{"n1=11", "n2=20", "s1=31"});
}

TEST_CASE("more rows than memory holds are staged before the barrier, in order") {
  const scratch_folder folder;
  const auto path = folder / "big.db";
  const auto appended = weir::sqlite_table{path, "lines"}.sink<std::string>();
  appended->prepare_output(start_of("run-1"));
  const auto writer = appended->open_writer(start_of("run-1"));
  constexpr int rows = 300;
  for (int i = 0; i < rows; ++i)
    writer->write(*batch_of<std::string>({std::to_string(i) + std::string(50'000, 'x')}));
  CHECK(number_of(path, "SELECT count(*) FROM weir_staged") >= 3);
  const auto id = writer->prepare(weir::checkpoint_id{1});
  CHECK(number_of(path, "SELECT count(*) FROM lines") == 0);
  writer->commit(one(1, id));
  CHECK(number_of(path, "SELECT count(*) FROM lines") == rows);
  CHECK(number_of(path, "SELECT count(*) FROM lines WHERE CAST(value AS INTEGER) = rowid - 1") == rows);
  CHECK(number_of(path, "SELECT count(*) FROM weir_staged") == 0);

  // A key that was staged long ago gets its newest row.
  const auto upserted = weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>();
  upserted->prepare_output(start_of("run-1"));
  const auto counting = upserted->open_writer(start_of("run-1"));
  for (std::uint64_t i = 0; i < 60'000; ++i)
    counting->write(*batch_of<word_count>({{"key " + std::to_string(i % 40'000), i}}));
  CHECK(number_of(path, "SELECT count(*) FROM weir_staged") >= 1);
  counting->commit(one(1, counting->prepare(weir::checkpoint_id{1})));
  CHECK(number_of(path, "SELECT count(*) FROM counts") == 40'000);
  CHECK(number_of(path, "SELECT count(*) FROM counts WHERE key = 'key ' || (count % 40000) AND count >= 20000") ==
        40'000);
}

TEST_CASE("another run's table is refused, or emptied on request") {
  const scratch_folder folder;
  const auto path = folder / "counts.db";
  const auto sink = weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>();
  const auto beside = weir::sqlite_table{path, "beside"}.sink<word_count>();
  sink->prepare_output(start_of("run-1"));
  sink->prepare_output(start_of("run-2")); // run-1 has written nothing yet
  sink->prepare_output(start_of("run-1"));
  beside->prepare_output(start_of("run-1"));
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<word_count>({{"a", 1}}));
    const auto id = writer->prepare(weir::checkpoint_id{1});
    CHECK(contains(error_of<weir::usage_error>([&] { sink->prepare_output(start_of("run-2")); }), "--replace-output"));
    writer->commit(one(1, id));
    const auto other = beside->open_writer(start_of("run-1"));
    other->write(*batch_of<word_count>({{"b", 2}}));
    other->commit(one(1, other->prepare(weir::checkpoint_id{1})));
  }
  const auto refusal = error_of<weir::usage_error>([&] { sink->prepare_output(start_of("run-2")); });
  CHECK(contains(refusal, "run-1"));
  CHECK(contains(refusal, "counts"));
  CHECK(contains(refusal, "--replace-output"));
  CHECK(rows_of(path, counts_sql) == std::vector<std::string>{"a|1"});

  auto replacing = start_of("run-2");
  replacing.replace_output = true;
  sink->prepare_output(replacing);
  CHECK(rows_of(path, counts_sql).empty());
  CHECK(number_of(path, "SELECT count(*) FROM weir_progress WHERE target = 'counts'") == 0);
  CHECK(number_of(path, "SELECT count(*) FROM beside") == 1); // another table keeps its run
  CHECK(number_of(path, "SELECT count(*) FROM weir_progress WHERE target = 'beside' AND run = 'run-1'") == 1);
  CHECK_THROWS_AS(sink->prepare_output(restored(start_of("run-1"), 1)), weir::usage_error);
}

TEST_CASE("output beyond the restored checkpoint is refused unless duplicates are allowed") {
  const scratch_folder folder;
  const auto path = folder / "counts.db";
  const auto sink = weir::sqlite_table{path, "lines"}.sink<std::string>();
  sink->prepare_output(start_of("run-1"));
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    for (std::uint64_t n = 1; n <= 3; ++n) {
      writer->write(*batch_of<std::string>({std::to_string(n)}));
      writer->commit(one(n, writer->prepare(weir::checkpoint_id{n})));
    }
  }
  auto start = restored(start_of("run-1", 0, 1, 2), 1);
  const auto refusal = error_of<weir::usage_error>([&] { sink->prepare_output(start); });
  CHECK(contains(refusal, "up to checkpoint 3"));
  CHECK(contains(refusal, "--allow-duplicates"));
  start.allow_duplicates = true;
  sink->prepare_output(start);
  const auto writer = sink->open_writer(start);
  writer->write(*batch_of<std::string>({"again"}));
  writer->commit(one(2, writer->prepare(weir::checkpoint_id{2}))); // a number that was used before
  CHECK(rows_of(path, "SELECT value FROM lines ORDER BY rowid") == std::vector<std::string>{"1", "2", "3", "again"});
}

TEST_CASE("staged rows that are missing or damaged are errors, and a lost table too") {
  const scratch_folder folder;
  const auto path = folder / "counts.db";
  const auto sink = weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>();
  sink->prepare_output(start_of("run-1"));
  std::string id;
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<word_count>({{"a", 1}, {"b", 2}}));
    id = writer->prepare(weir::checkpoint_id{1});
  }
  auto start = restored(start_of("run-1", 0, 1, 2), 1);
  start.pending = one(1, id);
  change(path, "UPDATE weir_staged SET rows = CAST(replace(CAST(rows AS TEXT), 'a', 'z') AS BLOB)");
  CHECK_THROWS_WITH(sink->open_writer(start), Catch::Contains("checksum") && Catch::Contains("checkpoint 1"));
  change(path, "DELETE FROM weir_staged");
  CHECK_THROWS_AS(sink->open_writer(start), weir::damaged_error);
  change(path, "DELETE FROM weir_stages");
  CHECK_THROWS_AS(sink->open_writer(start), weir::io_error);
  CHECK(rows_of(path, counts_sql).empty());
  CHECK_THROWS_AS(sink->open_writer(restored(start_of("run-1"), 1))->commit(one(1, "{}")), weir::damaged_error);
  change(path, "DROP TABLE counts");
  CHECK(contains(error_of<weir::usage_error>([&] { sink->prepare_output(start); }), "put the file back"));
}

TEST_CASE("an old attempt's rows are not prepared after a new one has begun") {
  const scratch_folder folder;
  const auto sink = weir::sqlite_table{folder / "lines.db", "lines"}.sink<std::string>();
  sink->prepare_output(start_of("run-1"));
  const auto old = sink->open_writer(start_of("run-1"));
  old->write(*batch_of<std::string>({std::string(5'000'000, 'x')}));
  sink->prepare_output(start_of("run-1", 0, 1, 2));
  old->write(*batch_of<std::string>({"y"}));
  CHECK_THROWS_AS(old->prepare(weir::checkpoint_id{1}), weir::io_error);
  CHECK_THROWS_AS(old->prepare(weir::checkpoint_id{2}), weir::io_error);
}

TEST_CASE("a table that is there is used if its columns fit") {
  const scratch_folder folder;
  const auto path = folder / "given.db";
  change(path, "CREATE TABLE counts (id INTEGER PRIMARY KEY, Key TEXT UNIQUE, COUNT, note TEXT DEFAULT 'x');"
               "CREATE TABLE short (key TEXT PRIMARY KEY);"
               "CREATE TABLE no_key (key TEXT, count INTEGER);"
               "CREATE TABLE wrong (key INTEGER PRIMARY KEY, count BLOB) STRICT;"
               "CREATE TABLE more (key TEXT PRIMARY KEY, count INTEGER, must TEXT NOT NULL);"
               "CREATE VIEW seen AS SELECT * FROM counts;");
  const auto prepare = [&](const std::string& table) {
    weir::sqlite_table{path, table}.upsert("key").sink<word_count>()->prepare_output(start_of("run-1"));
  };
  const auto refusal = [&](const std::string& table) { return error_of<weir::usage_error>([&] { prepare(table); }); };
  prepare("counts");
  CHECK(contains(refusal("short"), "columns count"));
  CHECK(contains(refusal("no_key"), "unique index over key"));
  CHECK(contains(refusal("wrong"), "key of type INTEGER instead of TEXT, count of type BLOB instead of INTEGER"));
  CHECK(contains(refusal("more"), "must"));
  CHECK(contains(refusal("seen"), "view"));
  const auto writer =
      weir::sqlite_table{path, "counts"}.upsert("key").sink<word_count>()->open_writer(start_of("run-1"));
  writer->write(*batch_of<word_count>({{"a", 1}}));
  writer->commit(one(1, writer->prepare(weir::checkpoint_id{1})));
  CHECK(rows_of(path, "SELECT id || key || count || note FROM counts") == std::vector<std::string>{"1a1x"});
}

TEST_CASE("impossible tables are problems of the job") {
  const auto texts = [](const auto& problems) {
    std::string all;
    for (const auto& each : problems)
      all += each.thing + ": " + each.expected + ", found " + each.found + "; " + each.remedy + "\n";
    return all;
  };
  CHECK(contains(texts(weir::sqlite_table{"", "t"}.problems<int>()), "the path of a file"));
  CHECK(contains(texts(weir::sqlite_table{":memory:", "t"}.problems<int>()), ":memory:"));
  for (const char* name : {"", "sqlite_x", "Weir_staged"})
    CHECK(weir::sqlite_table{"x.db", name}.problems<int>().size() == 1);
  const auto nested = texts(weir::sqlite_table{"x.db", "t"}.problems<odd>());
  CHECK(contains(nested, "the member list is a list"));
  CHECK(contains(nested, "the member inner is a"));
  CHECK(contains(nested, "found A"));
  CHECK_FALSE(contains(nested, "maybe"));
  CHECK(weir::sqlite_table{"x.db", "t"}.problems<std::vector<int>>().size() == 1);
  CHECK(contains(texts(weir::sqlite_table{"x.db", "t"}.upsert("word").problems<word_count>()),
                 "among key, count, found word"));
  CHECK(weir::sqlite_table{"x.db", "t"}.upsert().problems<word_count>().size() == 1);
  CHECK(weir::sqlite_table{"x.db", "t"}.upsert("key", "KEY").problems<word_count>().size() == 1);
  CHECK(contains(texts(weir::sqlite_table{"x.db", "t"}.upsert("maybe").problems<everything>()), "may be missing"));
  CHECK(contains(texts(weir::sqlite_table{"x.db", "t"}.upsert("real").problems<everything>()), "floating-point"));
  CHECK(weir::sqlite_table{"x.db", "t"}.upsert("value").problems<std::string>().empty());
}

TEST_CASE("a path that is no SQLite file is refused by its name") {
  const scratch_folder folder;
  const auto refuse = [](const std::string& path) {
    return error_of<weir::error>([&] { weir::sqlite_table{path, "t"}.sink<int>()->prepare_output(start_of("run-1")); });
  };
  const auto text = folder.write("text.txt", std::string(5000, 'x'));
  CHECK(contains(refuse(text), "text.txt"));
  CHECK(scratch_folder::read(text) == std::string(5000, 'x'));
  CHECK(contains(refuse(folder.path().string()), "a directory"));
  CHECK(contains(refuse(folder / "none/t.db"), "no folder"));
}

TEST_CASE("all sinks of a process share one connection to a file, by whatever name") {
  const scratch_folder folder;
  const auto path = folder / "shared.db";
  {
    weir::sink_database first{path};
    std::filesystem::create_symlink(path, folder / "link.db");
    std::filesystem::create_hard_link(path, folder / "hard.db");
    weir::sink_database second{folder / "link.db"};
    weir::sink_database third{folder / "hard.db"};
    const weir::sqlite_database* seen = nullptr;
    first.use([&](weir::sqlite_database& database) { seen = &database; });
    second.use([&](weir::sqlite_database& database) { CHECK(seen == &database); });
    third.use([&](weir::sqlite_database& database) { CHECK(seen == &database); });
    weir::sink_database other{folder / "other.db"};
    other.use([&](weir::sqlite_database& database) { CHECK(seen != &database); });
  }
  std::filesystem::remove(path);
  weir::sink_database fresh{path}; // the file of that name is another one now
  fresh.use([&](weir::sqlite_database& database) { CHECK(database.path() == path); });
}

TEST_CASE("writers of several threads take turns and lose nothing") {
  const scratch_folder folder;
  const auto path = folder / "turns.db";
  const auto sink = weir::sqlite_table{path, "lines"}.sink<std::string>();
  sink->prepare_output(start_of("run-1", 0, 4));
  std::vector<std::thread> threads;
  for (std::uint32_t subtask = 0; subtask < 4; ++subtask)
    threads.emplace_back([&sink, subtask] {
      const auto writer = sink->open_writer(start_of("run-1", subtask, 4));
      for (std::uint64_t n = 1; n <= 10; ++n) {
        writer->write(*batch_of<std::string>({std::to_string(subtask) + " " + std::to_string(n)}));
        writer->commit(one(n, writer->prepare(weir::checkpoint_id{n}), subtask));
      }
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(number_of(path, "SELECT count(DISTINCT value) FROM lines") == 40);
  CHECK(number_of(path, "SELECT count(*) FROM lines") == 40);
  CHECK(number_of(path, "SELECT count(*) FROM weir_progress WHERE checkpoint = 10") == 4);
}
