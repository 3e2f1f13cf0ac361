// The word count of the README.
#include <weir/weir.hpp>

void split_into_words(std::string_view line, weir::collector<std::string>& words) {
  for (std::size_t end = 0, at = 0; at < line.size(); at = end + 1) {
    end = std::min(line.find(' ', at), line.size());
    if (end > at)
      words(line.substr(at, end - at));
  }
}

int main(int argc, char** argv) {
  weir::job job{"words"};
  job.source("lines", weir::text_lines{"examples/data/moby-dick.txt"})
      .flat_map("split", split_into_words)
      .key_by(std::identity{})
      .count("counts") // weir::counted<std::string>{key, count}, at every change
      .sink("table", weir::sqlite_table{"counts.db", "counts"}.upsert("key"));
  return weir::run(job, argc, argv);
}
