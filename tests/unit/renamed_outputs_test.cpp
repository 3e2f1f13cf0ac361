// What sinks make of output that they wrote under a former name.
#include "scratch_folder.hpp"
#include "sink_harness.hpp"

#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using weir_test::batch_of;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
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

/// The rows of the table "lines".
std::vector<std::string> rows_of(const std::string& path) {
  std::vector<std::string> rows;
  auto database = weir::sqlite_database::open(path, weir::sqlite_access::read_only);
  auto query = database.prepare("SELECT value FROM lines ORDER BY rowid");
  while (query.step())
    rows.emplace_back(query.text(0));
  return rows;
}
std::int64_t number_of(const std::string& path, const std::string& sql) {
  return weir::sqlite_database::open(path, weir::sqlite_access::read_only).integer(sql);
}

std::string refusal_of(const weir::any_sink& sink, const weir::sink_start& start) {
  try {
    sink.prepare_output(start);
  } catch (const weir::usage_error& error) {
    return error.what();
  }
  return "no refusal";
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

weir::sink_start restored(weir::sink_start start, std::uint64_t checkpoint) {
  start.restored = true;
  start.restored_checkpoint = weir::checkpoint_id{checkpoint};
  return start;
}
std::vector<weir::prepared_output> one(std::uint64_t checkpoint, std::string id) {
  return {{weir::checkpoint_id{checkpoint}, weir::subtask_index{0}, std::move(id)}};
}

} // namespace

TEST_CASE("a renamed sink goes on in the folder of its former name") {
  const scratch_folder folder;
  const std::string directory = folder / "out";
  const auto sink = weir::text_files{directory}.sink<std::string>();
  sink->prepare_output(start_of("run-1"));
  std::vector<weir::prepared_output> pending;
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    for (std::uint64_t n = 1; n <= 3; ++n) {
      writer->write(*batch_of<std::string>({std::to_string(n)}));
      pending.push_back({weir::checkpoint_id{n}, weir::subtask_index{0}, writer->prepare(weir::checkpoint_id{n})});
    }
    writer->commit({pending[0]});
    writer->write(*batch_of<std::string>({std::string(300'000, 'x')})); // a file that is being written
  }
  pending.erase(pending.begin());
  pending.pop_back();
  auto start = start_of("run-1", 0, 1, 2);
  start.identity.name = "lines/new";
  start.restored = true;
  start.restored_checkpoint = weir::checkpoint_id{2};
  start.pending = pending; // of checkpoint 2; that of checkpoint 3 is undone
  start.former_name = "other";
  CHECK_THROWS_AS(sink->prepare_output(start), weir::usage_error);
  CHECK(lines_in(directory) == std::vector<std::string>{"1"});
  start.former_name = "out";
  for (int again = 0; again != 2; ++again) { // it may be killed here
    sink->prepare_output(start);
    CHECK(names_in(directory) ==
          std::vector<std::string>{".out-00000-000000000002.part", ".weir-output", "part-00000-000000000001.txt"});
  }
  const auto writer = sink->open_writer(start);
  CHECK(lines_in(directory) == std::vector<std::string>{"1", "2"});
  writer->write(*batch_of<std::string>({"3, again"}));
  writer->commit({{weir::checkpoint_id{3}, weir::subtask_index{0}, writer->prepare(weir::checkpoint_id{3})}});
  CHECK(lines_in(directory) == std::vector<std::string>{"1", "2", "3, again"});

  // The folder is now that of the new name: the option may go.
  start.former_name.clear();
  start.restored_checkpoint = weir::checkpoint_id{3};
  start.pending.clear();
  sink->prepare_output(start);
  CHECK(names_in(directory).size() == 4);
}

TEST_CASE("a renamed sink answers for what it did under its former name") {
  const scratch_folder folder;
  const auto path = folder / "counts.db";
  const auto sink = weir::sqlite_table{path, "lines"}.sink<std::string>();
  sink->prepare_output(start_of("run-1"));
  std::string second;
  {
    const auto writer = sink->open_writer(start_of("run-1"));
    writer->write(*batch_of<std::string>({"1"}));
    writer->commit(one(1, writer->prepare(weir::checkpoint_id{1})));
    writer->write(*batch_of<std::string>({"2"}));
    second = writer->prepare(weir::checkpoint_id{2});
    writer->write(*batch_of<std::string>({"undone"}));
    static_cast<void>(writer->prepare(weir::checkpoint_id{3}));
  }
  auto start = restored(start_of("run-1", 0, 1, 2), 2);
  start.identity.name = "new";
  start.former_name = "out";
  start.pending = one(2, second);
  sink->prepare_output(start);
  CHECK(number_of(path, "SELECT count(*) FROM weir_stages") == 1); // that of checkpoint 3 is gone
  {
    const auto writer = sink->open_writer(start);
    CHECK(rows_of(path) == std::vector<std::string>{"1", "2"});
    writer->write(*batch_of<std::string>({"3"}));
    writer->commit(one(3, writer->prepare(weir::checkpoint_id{3})));
  }
  CHECK(rows_of(path) == std::vector<std::string>{"1", "2", "3"});

  // Back to before all of that: the rows of both names are in the table.
  auto back = restored(start_of("run-1", 0, 1, 3), 1);
  back.identity.name = "newer";
  back.former_name = "out";
  CHECK(contains(refusal_of(*sink, back), "up to checkpoint 2"));
  back.identity.name = "new";
  CHECK(contains(refusal_of(*sink, back), "up to checkpoint 3"));
  back.allow_duplicates = true;
  sink->prepare_output(back);
  back.allow_duplicates = false;
  sink->prepare_output(back); // the numbers were set back for both
}
