// Word count with two exactly-once sinks on one stream, for tests that start it as a program.
#include "process/words.hpp"

#include <weir/weir.hpp>

#include <functional>
#include <string>

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto input = cli.option("input", "input.txt", "the text to count");
  const auto table = cli.option("table", "words.db", "the SQLite file for the counts");
  const auto files = cli.option("files", "words", "the folder for every change of a count");
  weir::job job{"word-count"};
  auto counts = job.source("lines", weir::text_lines{input})
                    .flat_map("words", weir_test::split_into_words)
                    .key_by(std::identity{})
                    .count("counts");
  counts.sink("table", weir::sqlite_table{table, "counts"}.upsert("key"));
  counts.sink("files", weir::text_files{files});
  return weir::run(job, cli);
}
