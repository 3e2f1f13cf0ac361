// Follows a log through its rotations: counts its entries by level, and keeps lines that are none in a folder of their
// own.
#include <weir/weir.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <tuple>

namespace {

struct entry {
  std::string level;
  std::string text;
  WEIR_FIELDS(level, text)
};

// A line is a level, a space, and a text.
struct parse_lines {
  weir::side_output<std::string> dead{"dead-letters"};
  auto side_outputs() const { return std::tuple{dead}; }

  void process(const std::string& line, weir::context& context, weir::collector<entry>& entries) const {
    constexpr std::array<std::string_view, 4> levels{"debug", "info", "warning", "error"};
    for (const std::string_view level : levels)
      if (line.starts_with(level) && line.size() > level.size() && line[level.size()] == ' ')
        return entries(entry{std::string{level}, line.substr(level.size() + 1)});
    context.emit(dead, line);
  }
};

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto log = cli.option("log", "app.log", "the log, which another program writes and rotates");
  const auto entries_folder = cli.option("entries", "entries", "the folder for the entries, by level");
  const auto dead_folder = cli.option("dead-letters", "dead-letters", "the folder for lines that are no entries");
  const auto database = cli.option("output", "levels.db", "the SQLite file for the counts");
  const auto allow_loss = cli.option("allow-loss", false, "go on although the log was removed before it was read");

  weir::job job{"follow-log"};
  const parse_lines parser;
  auto lines = weir::follow{log}.poll_interval(std::chrono::milliseconds{20});
  if (allow_loss)
    lines = lines.allow_loss();
  const auto entries = job.source("log", lines).process("parse", parser);
  entries.side(parser.dead).sink("dead-letters", weir::text_files{dead_folder});
  entries.sink("entries", weir::json_lines_files{entries_folder}.partition_by([](const entry& e) { return e.level; }));
  entries.key_by(&entry::level).count("counts").sink("levels", weir::sqlite_table{database, "levels"}.upsert("key"));
  return weir::run(job, cli); // until it is stopped with SIGINT or SIGTERM
}
