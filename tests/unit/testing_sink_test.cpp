// Tests of the sinks that ship with the library, and of faulty ones, by the kit for two-phase sinks.
#include "record_samples.hpp"

#include <weir/operators/csv_files.hpp>
#include <weir/operators/json_lines_files.hpp>
#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/testing_sink.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

using weir::testing::check_two_phase_sink;
using weir::testing::sink_check_failed;
using weir::testing::two_phase_check;
using weir_test::contains;
using weir_test::error_of;
using weir_test::point;
using weir_test::scratch_folder;

namespace {

/// The lines of all files that a reader should look at, also in partitions, sorted.
std::vector<std::string> lines_in(const std::string& directory, const std::string& header = {}) {
  std::vector<std::string> lines;
  if (std::filesystem::exists(directory))
    for (const auto& each : std::filesystem::recursive_directory_iterator{directory}) {
      if (each.is_directory() || each.path().filename().string().starts_with('.'))
        continue;
      std::istringstream content{scratch_folder::read(each.path().string())};
      bool first = true;
      for (std::string line; std::getline(content, line); first = false)
        if (!first || line != header)
          lines.push_back(line);
    }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// A check whose records are points, and whose output is lines.
struct point_check {
  scratch_folder folder;
  int runs = 0;
  std::string directory;
  two_phase_check<point> check;

  template <class MakeSpec, class Line>
  point_check(MakeSpec make_spec, Line line, const std::string& header = {}) {
    for (int i = 0; i < 11; ++i)
      check.records.push_back({i, std::string(static_cast<std::size_t>(i), 'n')});
    check.make_sink = [this, make_spec] {
      directory = folder / std::to_string(++runs);
      return make_spec(directory).template sink<point>();
    };
    check.read_output = [this, header] { return lines_in(directory, header); };
    check.expected = [this, line](std::size_t n) {
      std::vector<std::string> lines;
      for (std::size_t i = 0; i < n; ++i)
        lines.push_back(line(check.records[i]));
      std::sort(lines.begin(), lines.end());
      return lines;
    };
  }
  void run(std::size_t least_steps = 25) {
    CHECK(check_two_phase_sink(check).steps > least_steps);
    check.parallelism = 3;
    check.later_parallelism = 2;
    CHECK(check_two_phase_sink(check).runs > least_steps + 5);
  }
};

std::string text_line(const point& p) {
  return "{x: " + std::to_string(p.x) + ", name: \"" + *p.name + "\"}";
}

} // namespace

TEST_CASE("text_files stands every crash between two steps") {
  point_check{[](const std::string& directory) { return weir::text_files{directory}; }, text_line}.run();
}

TEST_CASE("rolled and partitioned files stand every crash between two steps") {
  point_check{[](const std::string& directory) { return weir::text_files{directory}.roll_bytes(30); }, text_line}.run();
  // A commit renames file by file, so that a reader between two renames sees a part of a checkpoint.
  point_check partitioned{[](const std::string& directory) {
                            return weir::text_files{directory}.roll_bytes(40).partition_by([](const point& p) {
                              return "odd=" + std::to_string(p.x % 2) + "/three=" + std::to_string(p.x % 3);
                            });
                          },
                          text_line};
  partitioned.run();
}

TEST_CASE("csv_files stands every crash between two steps") {
  point_check{[](const std::string& directory) { return weir::csv_files{directory}; },
              [](const point& p) { return std::to_string(p.x) + "," + (p.name->empty() ? "\"\"" : *p.name); }, "x,name"}
      .run();
}

TEST_CASE("json_lines_files stands every crash between two steps") {
  point_check{[](const std::string& directory) { return weir::json_lines_files{directory}; },
              [](const point& p) { return "{\"x\":" + std::to_string(p.x) + ",\"name\":\"" + *p.name + "\"}"; }}
      .run();
}

TEST_CASE("sqlite_table stands every crash between two steps") {
  point_check points{[](const std::string& path) {
                       return weir::sqlite_table{path, "t"};
                     },
                     [](const point& p) { return std::to_string(p.x) + " " + *p.name; }};
  points.check.records.resize(6);
  points.check.read_output = [&] {
    std::vector<std::string> rows;
    if (std::filesystem::exists(points.directory)) {
      auto file = weir::sqlite_database::open(points.directory, weir::sqlite_access::read_only);
      auto row = file.prepare("SELECT x || ' ' || name FROM t ORDER BY 1");
      while (row.step())
        rows.emplace_back(row.text(0));
    }
    return rows;
  };
  points.run(15);
}

namespace {

/// A sink of a vector, with a fault.
struct faulty_sink final : weir::any_sink {
  enum class fault : std::uint8_t { none, shows_at_once, shows_when_prepared, doubles, forgets_pending, loses_all };
  struct output {
    std::vector<std::string> visible;
    std::vector<std::pair<std::string, std::vector<std::string>>> prepared; // by checkpoint
  };
  struct writer final : weir::sink_writer {
    writer(std::shared_ptr<output> o, fault f) : out(std::move(o)), what(f) {}
    void write(weir::any_batch& records) override {
      for (const int record : weir::as<int>(records).values)
        (what == fault::shows_at_once ? out->visible : open).push_back(std::to_string(record));
    }
    std::string prepare(weir::checkpoint_id checkpoint) override {
      if (what == fault::shows_when_prepared)
        out->visible.insert(out->visible.end(), open.begin(), open.end());
      else
        out->prepared.emplace_back("c" + to_string(checkpoint), open);
      open.clear();
      return "c" + to_string(checkpoint);
    }
    void commit(const std::vector<weir::prepared_output>& prepared) override {
      if (what == fault::loses_all)
        return;
      for (const auto& each : prepared)
        for (auto& [id, lines] : out->prepared)
          if (id == each.id) {
            out->visible.insert(out->visible.end(), lines.begin(), lines.end());
            if (what != fault::doubles)
              lines.clear();
          }
    }
    std::shared_ptr<output> out;
    fault what;
    std::vector<std::string> open;
  };

  faulty_sink(std::shared_ptr<output> o, fault f) : out(std::move(o)), what(f) {}
  bool blocking() const override { return false; }
  bool two_phase() const override { return true; }
  std::string guarantee() const override { return "None."; }
  std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    auto fresh = std::make_unique<writer>(out, what);
    if (what != fault::forgets_pending)
      fresh->commit(start.pending);
    return fresh;
  }
  std::shared_ptr<output> out;
  fault what;
};

std::string verdict(
    faulty_sink::fault fault, const std::function<void(two_phase_check<int>&)>& change = [](two_phase_check<int>&) {}) {
  auto out = std::make_shared<faulty_sink::output>();
  two_phase_check<int> check;
  check.make_sink = [&] {
    *out = {};
    return std::make_shared<faulty_sink>(out, fault);
  };
  check.read_output = [&] { return out->visible; };
  check.expected = [](std::size_t n) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < n; ++i)
      lines.push_back(std::to_string(i));
    return lines;
  };
  check.records = {0, 1, 2, 3, 4, 5, 6};
  change(check);
  return error_of([&] { check_two_phase_sink(check); });
}

} // namespace

TEST_CASE("the kit finds what is wrong with a sink") {
  using fault = faulty_sink::fault;
  CHECK(verdict(fault::none).empty());
  CHECK(contains(verdict(fault::shows_at_once), "a reader saw what is no checkpoint: {0}"));
  CHECK(contains(verdict(fault::shows_when_prepared), "a reader saw what is no checkpoint: {0, 1, 2}"));
  CHECK(contains(verdict(fault::doubles), "{0, 1, 2, 0, 1, 2}"));
  CHECK(contains(verdict(fault::forgets_pending), "what is committed is not what was written"));
  CHECK(contains(verdict(fault::forgets_pending), "crash; prepare_output, open_writer 0"));
}

TEST_CASE("the kit refuses a check that a sink which loses all would pass") {
  using fault = faulty_sink::fault;
  CHECK(contains(verdict(fault::loses_all), "what is committed is not what was written"));
  const auto refusal = [](const std::function<void(two_phase_check<int>&)>& change) {
    return verdict(fault::loses_all, change);
  };
  CHECK(contains(refusal([](auto& check) { check.records.clear(); }), "expected records to write"));
  CHECK(contains(refusal([](auto& check) { check.records_per_checkpoint = 0; }), "at least 1"));
  CHECK(contains(refusal([](auto& check) { check.expected = [](std::size_t) { return std::vector<std::string>{}; }; }),
                 "the same with all records as with none"));
  const auto few = [](auto& check) { check.records.resize(3); };
  CHECK(contains(verdict(fault::none, few), "expected at least 2 complete checkpoints, found 1"));
  CHECK(verdict(fault::none, [](auto& check) { check.records.resize(4); }).empty());
}
