#include "composed/composed_jobs.hpp"

#include <weir/weir.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace composed {

namespace {

struct item {
  std::string name;
  int size = 0;
  WEIR_FIELDS(name, size)
};

constexpr int items = 70;

std::string name_of(int n) {
  return "item, \"" + std::to_string(n) + "\"";
}

std::vector<std::string> item_lines() {
  std::vector<std::string> all;
  for (int n = 0; n != items; ++n)
    weir::append_text(all.emplace_back(), item{name_of(n), n * n});
  return all;
}

std::string path_in(const surroundings& around, const std::string& name) {
  return (around.folder / name).string();
}

/// The items as rows of CSV, or as JSON, in several files.
void write_items(const surroundings& around, const std::string& name, bool json) {
  for (int file = 0; file != 3; ++file) {
    std::ofstream out{path_in(around, std::to_string(file) + name)};
    if (!json)
      out << "size,name\n";
    for (int n = file; n < items; n += 3) {
      if (json)
        out << "{\"name\":\"item, \\\"" << n << "\\\"\",\"size\":" << n * n << "}\n";
      else
        out << n * n << ",\"item, \"\"" << n << "\"\"\"\n";
    }
  }
}

/// The lines of all files of a folder that are there to be read; without headers.
std::vector<std::string> lines_in(const std::filesystem::path& folder, const std::string& header = "") {
  std::vector<std::string> all;
  for (const auto& each : std::filesystem::recursive_directory_iterator{folder}) {
    if (!each.is_regular_file() || each.path().filename().string().front() == '.')
      continue;
    std::ifstream in{each.path()};
    for (std::string line; std::getline(in, line);)
      if (header.empty() || line != header)
        all.push_back(line);
  }
  return all;
}

auto item_vector() {
  std::vector<item> all;
  for (int n = 0; n != items; ++n)
    all.push_back({name_of(n), n * n});
  return all;
}

/// A source, whose records go into the ledger.
template <class Source>
composition from(std::string name, Source source, std::function<void(const surroundings&)> prepare) {
  return {std::move(name),
          [source](weir::job& job, const surroundings& around) {
            job.source("in", source(around)).sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) { return same_lines(around.out->committed, item_lines()); },
          std::move(prepare)};
}

/// A source of the plain lines of the CSV files.
template <class Source>
composition text(std::string name, Source source) {
  return {std::move(name),
          [source](weir::job& job, const surroundings& around) {
            job.source("in", source(around)).sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) {
            std::vector<std::string> wanted(3, "size,name");
            for (int n = 0; n != items; ++n)
              wanted.push_back(std::to_string(n * n) + ",\"item, \"\"" + std::to_string(n) + "\"\"\"");
            return same_lines(around.out->committed, wanted);
          },
          [](const surroundings& around) { write_items(around, ".csv", false); }};
}

/// A sink, which gets the items from memory.
template <class Sink>
composition to(std::string name, Sink sink, std::function<std::vector<std::string>(const surroundings&)> read,
               std::vector<std::string> wanted) {
  return {std::move(name),
          [sink](weir::job& job, const surroundings& around) {
            job.source("in", weir::from_vector<item>{item_vector()}).sink("out", sink(around));
          },
          [read = std::move(read), wanted = std::move(wanted)](const surroundings& around) {
            return same_lines(read(around), wanted);
          }};
}

void fill_table(const surroundings& around) {
  auto table = weir::sqlite_database::open(path_in(around, "in.db"), weir::sqlite_access::create);
  table.run("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, size INTEGER)");
  for (int n = 0; n != items; ++n)
    table.run("INSERT INTO items (name, size) VALUES (?, ?)", name_of(n), n * n);
}

std::vector<std::string> rows_of(const surroundings& around) {
  auto table = weir::sqlite_database::open(path_in(around, "out.db"), weir::sqlite_access::read_only);
  auto rows = table.prepare("SELECT name, size FROM items");
  std::vector<std::string> all;
  while (rows.step())
    weir::append_text(all.emplace_back(), item{std::string{rows.text(0)}, static_cast<int>(rows.integer(1))});
  return all;
}

std::vector<std::string> csv_lines() {
  std::vector<std::string> all;
  for (int n = 0; n != items; ++n)
    all.push_back("\"item, \"\"" + std::to_string(n) + "\"\"\"," + std::to_string(n * n));
  return all;
}

std::vector<std::string> json_texts() {
  std::vector<std::string> all;
  for (int n = 0; n != items; ++n)
    all.push_back("{\"name\":\"item, \\\"" + std::to_string(n) + "\\\"\",\"size\":" + std::to_string(n * n) + "}");
  return all;
}

} // namespace

std::vector<composition> io_jobs() {
  std::vector<composition> all;
  all.push_back(from(
      "csv", [](const surroundings& s) { return weir::csv<item>{path_in(s, "*.csv")}; },
      [](const surroundings& s) { write_items(s, ".csv", false); }));
  all.push_back(from(
      "csv in byte ranges",
      [](const surroundings& s) { return weir::csv<item>{path_in(s, "*.csv")}.no_quoted_newlines().range_bytes(100); },
      [](const surroundings& s) { write_items(s, ".csv", false); }));
  all.push_back(text("text_lines", [](const surroundings& s) { return weir::text_lines{path_in(s, "*.csv")}; }));
  all.push_back(text("text_lines in byte ranges",
                     [](const surroundings& s) { return weir::text_lines{path_in(s, "*.csv")}.range_bytes(100); }));
  all.push_back(from(
      "json_lines", [](const surroundings& s) { return weir::json_lines<item>{path_in(s, "*.json")}; },
      [](const surroundings& s) { write_items(s, ".json", true); }));
  all.push_back(from(
      "sqlite_rows",
      [](const surroundings& s) {
        return weir::sqlite_rows<item>{path_in(s, "in.db"), "items"}.order_by("id");
      },
      fill_table));
  all.push_back(to(
      "csv_files", [](const surroundings& s) { return weir::csv_files{path_in(s, "out")}; },
      [](const surroundings& s) { return lines_in(s.folder / "out", "name,size"); }, csv_lines()));
  all.push_back(to(
      "json_lines_files", [](const surroundings& s) { return weir::json_lines_files{path_in(s, "out")}; },
      [](const surroundings& s) { return lines_in(s.folder / "out"); }, json_texts()));
  all.push_back(to(
      "text_files that roll", [](const surroundings& s) { return weir::text_files{path_in(s, "out")}.roll_bytes(64); },
      [](const surroundings& s) { return lines_in(s.folder / "out"); }, item_lines()));
  all.push_back(to(
      "text_files in folders",
      [](const surroundings& s) {
        return weir::text_files{path_in(s, "out")}.partition_by(
            [](const item& i) { return std::to_string(i.size % 3); });
      },
      [](const surroundings& s) { return lines_in(s.folder / "out"); }, item_lines()));
  all.push_back(to(
      "sqlite_table",
      [](const surroundings& s) {
        return weir::sqlite_table{path_in(s, "out.db"), "items"};
      },
      rows_of, item_lines()));
  return all;
}

} // namespace composed
