// The counts that a text_files sink has committed, followed over the life of a run.
#include "process/committed_counts.hpp"

#include "unit/scratch_folder.hpp"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

namespace weir_test {

std::string committed_counts::look() {
  namespace fs = std::filesystem;
  std::map<std::pair<unsigned long, unsigned>, std::string> fresh; // by checkpoint and subtask
  if (fs::exists(folder_))
    for (const auto& entry : fs::directory_iterator{folder_}) {
      const std::string name = entry.path().filename().string();
      unsigned subtask = 0;
      unsigned long checkpoint = 0;
      if (std::sscanf(name.c_str(), "part-%u-%lu.txt", &subtask, &checkpoint) != 2) {
        if (name.front() != '.')
          return name + " is no file of this sink";
      } else if (seen_.count(name) == 0) {
        fresh[{checkpoint, subtask}] = name;
      }
    }
  for (const auto& [name, size] : seen_) {
    std::error_code none;
    if (fs::file_size(fs::path{folder_} / name, none) != size)
      return name + " was committed with another size";
  }
  for (const auto& [at, name] : fresh) {
    const std::string path = (fs::path{folder_} / name).string();
    if (std::string fault = read(path); !fault.empty())
      return name + ": " + fault;
    seen_[name] = fs::file_size(path);
  }
  return {};
}

std::string committed_counts::read(const std::string& path) {
  constexpr std::string_view before_key = "{key: \"";
  constexpr std::string_view before_count = "\", count: ";
  const std::string text = scratch_folder::read(path);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const std::size_t end = line.find(before_count);
    if (line.size() == rest.size() || !line.starts_with(before_key) || end == line.npos || line.back() != '}')
      return "not a line of counts: " + std::string{line};
    rest.remove_prefix(line.size() + 1);
    const std::string_view key = line.substr(before_key.size(), end - before_key.size());
    long long count = 0;
    std::from_chars(line.data() + end + before_count.size(), line.data() + line.size() - 1, count);
    auto at = counts_.find(key);
    if (at == counts_.end())
      at = counts_.emplace(key, 0).first;
    if (count != at->second + 1)
      return "\"" + at->first + "\": after " + std::to_string(at->second) + " comes " + std::to_string(count);
    at->second = count;
  }
  return {};
}

} // namespace weir_test
