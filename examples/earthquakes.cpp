// Counts earthquakes by network and magnitude class, out of a CSV file; rows that are none become lines of JSON.
#include <weir/persistence/sqlite_database.hpp>
#include <weir/weir.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace {

// The columns that are of interest; the others are passed over.
struct earthquake {
  std::chrono::sys_time<std::chrono::milliseconds> time_ms;
  std::string network;
  std::optional<double> magnitude;
  std::string place;
  WEIR_FIELDS(time_ms, network, magnitude, place)
};

std::string magnitude_class(const std::optional<double>& magnitude) {
  constexpr std::array names{"below 1", "1 to 2", "2 to 3", "3 to 4", "4 to 5", "5 to 6", "6 and more"};
  return magnitude ? names[static_cast<std::size_t>(std::clamp(*magnitude, 0.0, 6.0))] : "unknown";
}

struct class_count {
  std::string network;
  std::string magnitude;
  std::uint64_t earthquakes = 0;
  WEIR_FIELDS(network, magnitude, earthquakes)
};

void print_table(const std::string& database) {
  auto file = weir::sqlite_database::open(database, weir::sqlite_access::read_only);
  auto row = file.prepare("SELECT network, magnitude, earthquakes FROM counts ORDER BY network, magnitude");
  while (row.step())
    std::printf("%-3s %-10s %6lld\n", std::string{row.text(0)}.c_str(), std::string{row.text(1)}.c_str(),
                static_cast<long long>(row.integer(2)));
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto input = cli.option("input", "examples/data/earthquakes.csv", "the earthquakes, also compressed");
  const auto database = cli.option("output", "earthquakes.db", "the SQLite file for the counts");
  const auto rejected = cli.option("rejected", "rejected", "the folder for rows that are no earthquakes");

  weir::job job{"earthquakes"};
  const weir::side_output<weir::bad_line> bad{"bad"};
  const auto earthquakes = job.source("file", weir::csv<earthquake>{input}.keep_bad_lines())
                               .process("good", weir::good_records<earthquake>{bad});
  earthquakes.side(bad).sink("rejected", weir::json_lines_files{rejected});
  earthquakes.key_by([](const earthquake& quake) {
               return std::pair{quake.network, magnitude_class(quake.magnitude)};
             })
      .count("counts")
      .map("rows",
           [](const weir::counted<std::pair<std::string, std::string>>& each) {
             return class_count{each.key.first, each.key.second, each.count};
           })
      .sink("table", weir::sqlite_table{database, "counts"}.upsert("network", "magnitude"));

  weir::job_status status;
  const int code = weir::run(job, cli, status);
  if (status.state != weir::job_state::finished)
    return code;
  try {
    print_table(database);
  } catch (const weir::error& e) { // a finished job whose table was deleted, for example
    std::fprintf(stderr, "earthquakes: %s\n", e.what());
    return e.exit_code();
  }
  return code;
}
