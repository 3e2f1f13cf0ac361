// Tests of the source that reads rows of a table, and of the one that reads a range.
#include "record_samples.hpp"

#include <weir/operators/from_range.hpp>
#include <weir/operators/sqlite_rows.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::contains;
using weir_test::error_of;
using weir_test::point;
using weir_test::read_all;
using weir_test::reading;
using weir_test::scratch_folder;

namespace {

struct table_file {
  scratch_folder folder;
  std::string path = folder / "rows.db";
  weir::sqlite_database database = weir::sqlite_database::open(path, weir::sqlite_access::create);

  explicit table_file(const std::string& sql) { database.exec(sql); }
  template <class T>
  [[nodiscard]] std::string refused(const weir::sqlite_rows<T>& spec) const {
    return error_of([&] { static_cast<void>(spec.source()->enumerate(1)); });
  }
};

} // namespace

TEST_CASE("rows come in the order of a column, into members of their names") {
  table_file file{"CREATE TABLE t(sensor, level, count, value, ratio, valid, grade, shade, at, took, extra);"
                  "INSERT INTO t VALUES('n', -5, 255, 2, 0.5, 1, 'A', 2, '2026-02-03T04:05:06.789Z', 1500, NULL),"
                  "('s', 1, 0, 1e300, 1, 0, 'B', 0, 1000, 0, 4)"};
  reading first{"n", -5, 255, 2, 0.5F, true, 'A', weir_test::colour::blue, {}, 1500ms, {}, {}};
  first.at = weir::event_time{1770091506789ms};
  const reading second{"s", 1, 0, 1e300, 1, false, 'B', weir_test::colour::red, weir::event_time{1s}, 0ms, 4, {}};
  CHECK(read_all(weir::sqlite_rows<reading>{file.path, "t"}) == std::vector{first, second});
}

TEST_CASE("reading rows goes on behind the last value, of any type, also if rows are gone") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY, name TEXT UNIQUE, w REAL UNIQUE)"};
  for (int i = 0; i < 30; ++i)
    file.database.run("INSERT INTO t VALUES(?1, ?2, ?3)", 1000 - i * i, "n" + std::to_string(100 + i), -0.1 * i);
  for (const char* order : {"x", "name", "w", "rowid"}) {
    const auto spec = weir::sqlite_rows<point>{file.path, "t"}.order_by(order);
    const auto rows = read_all(spec);
    CHECK(rows.size() == 30);
    CHECK(rows.front().x == (std::string{order} == "name" ? 1000 : 1000 - 29 * 29));
    CHECK(weir_test::source_harness<point>{spec.source()}.resumes_everywhere(1, 4));
  }
  const auto source = weir::sqlite_rows<point>{file.path, "t"}.source();
  const auto split = source->enumerate(1).at(0);
  file.database.exec("DELETE FROM t WHERE x < 900; INSERT INTO t VALUES(5000, 'later', 1)");
  CHECK(weir_test::source_harness<point>{source}.read(split, R"({"after":"i:900"})", 100).size() == 10);
}

TEST_CASE("rows that come later are read if that was asked for") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)"};
  const auto source = weir::sqlite_rows<point>{file.path, "t"}.keep_reading(50ms).source();
  const weir::processing_time now{1000s};
  const auto reader = source->open_split(source->enumerate(1).at(0), {}, now);
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  CHECK(reader->read(out, 10) == weir::read_status::later);
  CHECK(reader->next_at() == now + 50ms);
  file.database.exec("INSERT INTO t VALUES(1, 'a'), (2, NULL)");
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(reader->read(out, 10) == weir::read_status::later);
  CHECK(list.records == std::vector<point>{{1, "a"}, {2, {}}});
  CHECK(reader->position().starts_with(R"({"after":"i:2","inode":)"));
}

TEST_CASE("rows are kept reading only where later ones have greater values, whatever is removed") {
  table_file file{"CREATE TABLE plain(x INTEGER PRIMARY KEY, name TEXT DEFAULT 'AUTOINCREMENT' /* AUTOINCREMENT */);"
                  "CREATE TABLE counted(x INTEGER PRIMARY KEY AutoIncrement, name TEXT UNIQUE)"};
  const auto plain = weir::sqlite_rows<point>{file.path, "plain"}.keep_reading();
  CHECK(contains(file.refused(plain), "AUTOINCREMENT"));
  CHECK(contains(file.refused(plain.order_by("x")), "order_ascends"));
  CHECK(file.refused(plain.order_by("x").order_ascends()).empty());
  CHECK(file.refused(weir::sqlite_rows<point>{file.path, "plain"}).empty()); // ends with the rows that are there
  const auto counted = weir::sqlite_rows<point>{file.path, "Counted"}.keep_reading();
  CHECK(file.refused(counted).empty());
  CHECK(contains(file.refused(counted.order_by("name")), "greater values in the column name"));

  const auto source = counted.order_by("x").source();
  const auto reader = source->open_split(source->enumerate(1).at(0), {}, {});
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  file.database.exec("INSERT INTO counted(name) VALUES('a'), ('b')");
  while (reader->read(out, 10) == weir::read_status::more) {
  }
  file.database.exec("DELETE FROM counted; INSERT INTO counted(name) VALUES('c')");
  while (reader->read(out, 10) == weir::read_status::more) {
  }
  CHECK(list.records == std::vector<point>{{1, "a"}, {2, "b"}, {3, "c"}});
}

TEST_CASE("a SQLite file that is replaced by another is refused unless it may be") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT); INSERT INTO t VALUES(1, 'a')"};
  auto spec = weir::sqlite_rows<point>{file.path, "t"}.keep_reading(50ms);
  const auto source = spec.source();
  const auto split = source->enumerate(1).at(0);
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  const auto reader = source->open_split(split, {}, {});
  const auto lax = spec.allow_replaced_file().source();
  const auto lax_reader = lax->open_split(split, {}, {});
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(lax_reader->read(out, 10) == weir::read_status::more);

  const auto other = file.folder / "other.db";
  weir::sqlite_database::open(other, weir::sqlite_access::create)
      .exec("CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT); INSERT INTO t VALUES(1, 'a'), (2, 'b')");
  std::filesystem::rename(other, file.path);
  CHECK(contains(error_of([&] { reader->read(out, 10); }), "another one of this name"));
  CHECK(contains(error_of([&] { static_cast<void>(source->open_split(split, reader->position(), {})); }),
                 "allow_replaced_file"));
  list.records.clear();
  CHECK(lax_reader->read(out, 10) == weir::read_status::more);
  CHECK(list.records == std::vector<point>{{2, "b"}});

  std::filesystem::remove(file.path);
  CHECK(contains(error_of([&] { reader->read(out, 10); }), "no file of this name"));
  CHECK_THROWS_AS(source->open_split(split, {}, {}), weir::io_error); // is tried again; a usage error would not be
}

TEST_CASE("a new SQLite file is not taken for the old one, although it has its inode") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES(1, 'a'), (2, 'b')"};
  const auto spec = weir::sqlite_rows<point>{file.path, "t"}.order_ascends().keep_reading(50ms);
  const auto source = spec.source();
  const auto split = source->enumerate(1).at(0);
  const auto reader = source->open_split(split, {}, {});
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  REQUIRE(reader->read(out, 10) == weir::read_status::more);
  const auto position = reader->position();
  const auto refused = [&](const std::string& at) {
    return error_of([&] { static_cast<void>(source->open_split(split, at, {})); });
  };
  CHECK(refused(position).empty());
  const auto born = position.find(R"(,"born":)");
  REQUIRE(born != std::string::npos); // else the file system does not know
  CHECK(contains(refused(position.substr(0, born) + R"(,"born":1234567890})"), "another one of this name"));
  CHECK(refused(position.substr(0, born) + "}").empty()); // of a version that did not write it
  const auto lax = spec.allow_replaced_file().source();
  CHECK_NOTHROW(lax->open_split(split, position.substr(0, born) + R"(,"born":1234567890})", {}));
}

TEST_CASE("a table whose ids begin again is refused until they are as far as what was read") {
  const std::string create = "CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);";
  table_file file{create + "INSERT INTO t(name) VALUES('a'), ('b'), ('c')"};
  const auto ending = weir::sqlite_rows<point>{file.path, "T"};
  const auto polling = ending.order_by("x").keep_reading(50ms);
  const auto split = polling.source()->enumerate(1).at(0);
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  const auto reader = polling.source()->open_split(split, {}, {});
  const auto lax_reader = polling.allow_replaced_file().source()->open_split(split, {}, {});
  const auto ending_split = ending.source()->enumerate(1).at(0);
  const auto ending_reader = ending.source()->open_split(ending_split, {}, {});
  for (auto* each : {reader.get(), lax_reader.get(), ending_reader.get()})
    REQUIRE(each->read(out, 3) == weir::read_status::more);
  const auto position = reader->position();

  file.database.exec("DELETE FROM t"); // the ids go on
  CHECK(reader->read(out, 3) == weir::read_status::later);
  CHECK_NOTHROW(polling.source()->open_split(split, position, {}));

  file.database.exec("DROP TABLE t;" + create);
  CHECK(contains(error_of([&] { reader->read(out, 3); }), "one whose last id is 0"));
  file.database.exec("INSERT INTO t(name) VALUES('d'), ('e')");
  const auto error = error_of([&] { reader->read(out, 3); });
  CHECK(contains(error, "rows were read up to the id 3"));
  CHECK(contains(error, "one whose last id is 2"));
  CHECK(contains(error, "allow_replaced_file"));
  CHECK_THROWS_AS(ending_reader->read(out, 3), weir::io_error); // which would have ended without a word
  CHECK_THROWS_AS(polling.source()->open_split(split, position, {}), weir::io_error);
  CHECK_THROWS_AS(ending.source()->open_split(ending_split, position, {}), weir::io_error);
  CHECK(lax_reader->read(out, 3) == weir::read_status::later);
}

TEST_CASE("a row whose id was changed to one that was never given is no sign of a new table") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT); INSERT INTO t VALUES(-3, 'n')"};
  const auto source = weir::sqlite_rows<point>{file.path, "t"}.keep_reading(50ms).source();
  const auto reader = source->open_split(source->enumerate(1).at(0), {}, {});
  weir_test::record_list<point> list;
  weir::collector<point> out;
  out.connect(list, 1);
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(reader->read(out, 10) == weir::read_status::later);
  file.database.exec("UPDATE t SET x = 100");
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(reader->read(out, 10) == weir::read_status::later);
  file.database.exec("INSERT INTO t(name) VALUES('m')");
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(list.records == std::vector<point>{{-3, "n"}, {100, "n"}, {101, "m"}});
}

TEST_CASE("a run that read rows of one file is not resumed with another path, table or column") {
  table_file file{"CREATE TABLE t(x INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE u(x UNIQUE, name)"};
  std::filesystem::copy_file(file.path, file.folder / "copy.db");
  const auto spec = weir::sqlite_rows<point>{file.path, "t"};
  const auto splits = spec.source()->enumerate(1);
  const auto refusal = [&](const weir::sqlite_rows<point>& other) {
    return error_of([&] { static_cast<void>(other.source()->check_restored(splits)); });
  };
  CHECK(refusal(spec).empty());
  CHECK(contains(refusal(weir::sqlite_rows<point>{file.folder / "copy.db", "t"}), "copy.db"));
  CHECK(contains(refusal(weir::sqlite_rows<point>{file.path, "u"}), "name the same table"));
  CHECK(contains(refusal(spec.order_by("name")), "name the same table and column"));
}

TEST_CASE("a table without what was asked for is refused") {
  table_file file{
      "CREATE TABLE t(y, name); CREATE TABLE u(x, name, PRIMARY KEY(x, name)); CREATE VIEW v AS SELECT * FROM u;"
      "CREATE TABLE w(x, name); CREATE UNIQUE INDEX i ON w(x) WHERE x > 5"};
  CHECK(contains(file.refused(weir::sqlite_rows<point>{file.folder / "none.db", "t"}), "none.db"));
  CHECK(contains(file.refused(weir::sqlite_rows<point>{file.path, "none"}), "a table or view none"));
  CHECK(contains(file.refused(weir::sqlite_rows<point>{file.path, "t"}), "none for x; there are y, name"));
  CHECK(contains(file.refused(weir::sqlite_rows<point>{file.path, "u"}.order_by("z")), "the column z"));
  CHECK(
      contains(file.refused(weir::sqlite_rows<point>{file.path, "u"}.order_by("x")), "no primary key or unique index"));
  CHECK(
      contains(file.refused(weir::sqlite_rows<point>{file.path, "w"}.order_by("x")), "no primary key or unique index"));
  CHECK(contains(file.refused(weir::sqlite_rows<point>{file.path, "v"}), "the column rowid"));
  CHECK(file.refused(weir::sqlite_rows<point>{file.path, "v"}.order_by("x").order_is_unique()).empty());
  CHECK(read_all(weir::sqlite_rows<point>{file.path, "u"}).empty());
  CHECK(weir::sqlite_rows<int>{"", ""}.problems().size() == 3);
}

TEST_CASE("a row that does not fit is named, or skipped and counted") {
  table_file file{"CREATE TABLE t(id INTEGER PRIMARY KEY, x, name);"
                  "INSERT INTO t VALUES(1, 1, 'a'), (2, 'seven', 'b'), (3, NULL, NULL), (4, 3000000000, NULL), (5, "
                  "1.5, NULL), (6, 6, X'00'), (7, 7, NULL)"};
  const auto spec = weir::sqlite_rows<point>{file.path, "t"}.order_by("id");
  const auto error = error_of([&] { read_all(spec); });
  CHECK(contains(error, "rows.db, table t, the row with id = 2, \"x\""));
  CHECK(contains(error, "found text seven"));
  const auto skipping = spec.on_error(weir::bad_record::skip);
  CHECK(read_all(skipping) == std::vector<point>{{1, "a"}, {7, {}}});
  CHECK(weir_test::last_position(skipping).starts_with(R"({"after":"i:7","skipped":5,)"));
  CHECK(weir_test::source_harness<point>{skipping.source()}.resumes_everywhere(1, 1));
}

TEST_CASE("a range of numbers is read without being stored") {
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), -50);
  const weir::from_range spec{-50, 50};
  CHECK(read_all(spec, 3, 7) == expected);
  CHECK(weir_test::source_harness<int>{spec.source()}.resumes_everywhere(3, 7));
  CHECK(read_all(weir::from_range{5, 5}).empty());
  CHECK(read_all(weir::from_range{5, 4}).empty());
  const auto huge =
      weir::from_range{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max() - 1}.source();
  CHECK(huge->enumerate(4).size() == 4);
  CHECK(contains(error_of([&] {
                   static_cast<void>(weir::from_range{0, 9}.source()->check_restored(spec.source()->enumerate(2)));
                 }),
                 "the 100 numbers from -50 on"));
}

TEST_CASE("a range of elements is copied") {
  const std::vector<std::string> words{"a", "b", "c"};
  CHECK(read_all(weir::from_range{words.begin(), words.end()}) == words);
  CHECK(read_all(weir::from_range{words}) == words);
  const int array[] = {3, 1, 2};
  CHECK(read_all(weir::from_range{array}) == std::vector{3, 1, 2});
}
