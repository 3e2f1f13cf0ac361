#include "partition_folder.hpp"

#include "../persistence/hash.hpp"
#include "file_io.hpp"
#include "output_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <system_error>

namespace weir::inline v0 {

namespace {

constexpr std::size_t longest_part = 180;
/// The system takes paths of 4096 bytes; the sink's folder and the name of a file have to go in, too.
constexpr std::size_t longest_folder = 1000;

/// Cuts what is too long, and makes it another name than that of anything else with the same beginning.
void bound(std::string& name, std::size_t longest, std::string_view key) {
  if (name.size() <= longest)
    return;
  name.resize(longest);
  while (name.ends_with('/'))
    name.pop_back();
  name += "-" + std::to_string(checksum(std::as_bytes(std::span{key.data(), key.size()})));
}

/// One folder's name.
std::string folder_part(std::string_view part) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string name;
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view{"_=,+@~-"}.find(c) != std::string_view::npos || (c == '.' && !name.empty());
    if (plain) {
      name += c;
    } else {
      name += '%';
      name += hex[byte >> 4];
      name += hex[byte & 15];
    }
  }
  bound(name, longest_part, part);
  if (output_folder::checkpoint_of_final(name)) // a file of the sink's may have this name
    name.replace(0, 1, "%70");
  return name.empty() ? "_" : name;
}

} // namespace

std::string partition_folder(std::string_view key) {
  std::string folder;
  for (std::string_view rest = key;;) {
    const auto slash = rest.find('/');
    folder += folder_part(rest.substr(0, slash));
    if (slash == std::string_view::npos)
      break;
    folder += '/';
    rest.remove_prefix(slash + 1);
  }
  bound(folder, longest_folder, key);
  return folder;
}

std::set<std::string> make_partition_folders(const std::string& directory, const std::set<std::string>& folders) {
  std::set<std::string> made;
  std::set<std::string> holding;
  for (const std::string& folder : folders)
    for (std::size_t slash = folder.find('/');; slash = folder.find('/', slash + 1)) {
      const std::string path = directory + "/" + folder.substr(0, slash);
      if (made.insert(path).second) {
        std::error_code fault;
        std::filesystem::create_directory(path, fault);
        if (fault)
          fail_io(path, "create", fault.value());
        holding.insert(path.substr(0, path.rfind('/')));
      }
      if (slash == std::string::npos)
        break;
    }
  for (const std::string& folder : holding)
    sync_folder(folder);
  return holding;
}

} // namespace weir::inline v0
