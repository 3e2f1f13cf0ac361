// What a text_files sink has committed.
#include "crash_loop/committed_files.hpp"

#include "unit/scratch_folder.hpp"

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace weir_test {

namespace fs = std::filesystem;

std::map<committed_files::file_id, std::string> committed_files::list() const {
  std::map<file_id, std::string> found;
  std::error_code none;
  for (fs::directory_iterator each{folder_, none}, end; !none && each != end; each.increment(none)) {
    const std::string name = each->path().filename().string();
    unsigned subtask = 0;
    unsigned long checkpoint = 0;
    if (std::sscanf(name.c_str(), "part-%u-%lu.txt", &subtask, &checkpoint) == 2)
      found.emplace(file_id{checkpoint, subtask}, name);
    else if (name.front() != '.')
      throw std::runtime_error{name + " is no file of this sink"};
  }
  return found;
}

void committed_files::look() {
  // A listing beside renames may miss a file and have one that was renamed later. If the next listing has the same
  // files, nothing that came before any of them is missing.
  auto found = list();
  for (int tries = 0; tries != 10; ++tries) {
    auto again = list();
    if (again == found)
      return look_at(found);
    found = std::move(again);
  }
}

void committed_files::look_at(const std::map<file_id, std::string>& found) {
  for (const auto& [name, size] : sizes_) {
    std::error_code fault;
    const auto now = fs::file_size(fs::path{folder_} / name, fault);
    if (fault || now != size)
      throw std::runtime_error{name + " was committed, and then went away or changed"};
  }
  for (const auto& [id, name] : found) {
    if (sizes_.count(name) != 0)
      continue;
    const std::string path = (fs::path{folder_} / name).string();
    try {
      read(path);
    } catch (const std::exception& e) {
      throw std::runtime_error{name + ": " + e.what()};
    }
    sizes_[name] = fs::file_size(path);
    auto& newest = newest_[id.subtask];
    if (id.checkpoint < newest)
      throw std::runtime_error{name + " was committed after a later one of its subtask"};
    newest = id.checkpoint;
  }
}

void committed_files::read(const std::string& path) {
  const std::string text = scratch_folder::read(path);
  if (text.empty() || text.back() != '\n')
    throw std::runtime_error{"its last line is cut off"};
  for (std::size_t at = 0; at != text.size();) {
    const std::size_t end = text.find('\n', at);
    const output_entry entry = model_->read_line(std::string_view{text}.substr(at, end - at));
    auto& last = counts_[entry.key];
    if (entry.number != last + 1)
      throw std::runtime_error{"\"" + entry.key + "\": after " + std::to_string(last) + " comes " +
                               std::to_string(entry.number)};
    last = entry.number;
    at = end + 1;
  }
}

} // namespace weir_test
