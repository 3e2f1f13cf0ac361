// Counts the words of a text: lines from a file, words, a count per word, a table in SQLite.
#include <weir/persistence/sqlite_database.hpp>
#include <weir/weir.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char to_small(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// A word is a run of the letters a to z; capitals count as small ones.
void split_into_words(std::string_view line, weir::collector<std::string>& words) {
  for (auto at = line.begin();;) {
    const auto first = std::find_if(at, line.end(), is_letter);
    if (first == line.end())
      return;
    at = std::find_if_not(first, line.end(), is_letter);
    std::string word{first, at};
    std::transform(word.begin(), word.end(), word.begin(), to_small);
    words(std::move(word));
  }
}

// What the table says, and what this process did for it.
void print_summary(const std::string& output, const weir::job_status& status) {
  auto table = weir::sqlite_database::open(output, weir::sqlite_access::read_only);
  auto top_ten = table.prepare("SELECT key, count FROM counts ORDER BY count DESC, key LIMIT 10");
  while (top_ten.step())
    std::printf("%9lld %s\n", static_cast<long long>(top_ten.integer(1)), std::string{top_ten.text(0)}.c_str());
  std::printf("%lld words, %lld different ones\n",
              static_cast<long long>(table.integer("SELECT sum(count) FROM counts")),
              static_cast<long long>(table.integer("SELECT count(*) FROM counts")));
  if (!status.tasks.empty()) { // else the job had finished before
    const double seconds = std::chrono::duration<double>{status.running_for}.count();
    const auto counted = static_cast<double>(status.tasks.back().records_in); // a resumed run has the rest to count
    std::printf("counted %.0f words in %.2f s: %.0f words/s\n", counted, seconds, counted / seconds);
  }
  if (!status.store.empty())
    std::printf("see the checkpoints: sqlite3 -readonly %s 'select * from checkpoint_overview'\n",
                status.store.c_str());
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto input = cli.option("input", "examples/data/moby-dick.txt", "the text to count, a file or a glob");
  const auto output = cli.option("output", "words.db", "the SQLite file for the counts");
  weir::job job{"word-count"};
  job.source("lines", weir::text_lines{input})
      .flat_map("words", split_into_words)
      .key_by(std::identity{})
      .count("counts")
      .sink("table", weir::sqlite_table{output, "counts"}.upsert("key"));
  weir::job_status status;
  const int code = weir::run(job, cli, status);
  if (status.state != weir::job_state::finished)
    return code;
  try {
    print_summary(output, status);
  } catch (const weir::error& e) { // a finished job whose table was deleted, for example
    std::fprintf(stderr, "word_count: %s\n", e.what());
    return e.exit_code();
  }
  return code;
}
