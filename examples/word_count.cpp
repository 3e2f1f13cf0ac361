// Counts the words of a text: lines from a file, words, a count per word, a table in SQLite.
#include <weir/weir.hpp>

#include <cctype>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace {

// A word is a run of the letters a to z; capitals count as small ones.
void split_into_words(std::string_view line, weir::collector<std::string>& words) {
  std::string word;
  for (const char c : line) {
    const char small = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (small >= 'a' && small <= 'z') {
      word += small;
    } else if (!word.empty()) {
      words(word);
      word.clear();
    }
  }
  if (!word.empty())
    words(word);
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
  return weir::run(job, cli);
}
