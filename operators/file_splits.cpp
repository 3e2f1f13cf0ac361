#include "file_splits.hpp"

#include "../persistence/error.hpp"
#include "byte_input.hpp"
#include "split_ids.hpp"
#include "text_range.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <glob.h>
#include <sys/stat.h>

namespace weir::inline v0 {

namespace {

// Ranges smaller than this cost more to open than they bring.
constexpr std::uint64_t least_range_bytes = 64 * 1024;
// So many ranges a subtask that a slow one is made up for by the others.
constexpr std::uint64_t ranges_per_subtask = 4;

thread_local int glob_fault = 0;

int note_fault(const char*, int code) {
  if (code == ENOENT)
    return 0;
  glob_fault = code;
  return 1;
}

/// While a run is set up, a file that can't be read is named wrongly. Once it runs, it may be there again soon.
template <class Look>
auto as_usage(const Look& look) {
  try {
    return look();
  } catch (const path_error& e) {
    throw usage_error{e.text()};
  }
}

void check_file(const text_range& range, std::vector<std::string>& notes) {
  const std::string remedy = "put the file back as it was, or begin anew with --fresh";
  struct stat found {};
  if (::stat(range.path.c_str(), &found) != 0)
    throw usage_error({range.path, "the file that this run reads", std::strerror(errno), remedy});
  const auto size = as_usage([&] { return size_of_readable_file(range.path); });
  if (size < range.size)
    throw usage_error({range.path, "the " + std::to_string(range.size) + " bytes it had when the run began",
                       std::to_string(size) + " bytes", remedy});
  if (as_usage([&] { return hash_prefix(range.path, text_range::prefix_bytes(range.size)); }) != range.prefix_hash)
    throw usage_error({range.path, "the content it had when the run began", "another beginning", remedy});
  if (size > range.size)
    notes.push_back(range.path + " has grown from " + std::to_string(range.size) + " to " + std::to_string(size) +
                    " bytes since the run began; what was added is not read; --fresh reads it.");
}

void check_names(const file_selection& files, const std::map<std::string, text_range>& known,
                 std::vector<std::string>& notes) {
  const auto named = find_files(files.pattern);
  for (const auto& [path, range] : known)
    if (!std::binary_search(named.begin(), named.end(), path))
      throw usage_error({files.kind + " " + files.pattern, "the files that this run reads, " + path + " among them",
                         "a path or pattern that does not name it",
                         "name the same files as before, or begin anew with --fresh"});
  std::size_t added = 0;
  for (const auto& path : named)
    added += known.count(path) == 0 ? 1 : 0;
  if (added > 0)
    notes.push_back(files.pattern + " names " + std::to_string(added) + (added == 1 ? " file" : " files") +
                    " more than when the run began; these are not read; --fresh reads them.");
}

} // namespace

std::vector<std::string> find_files(const std::string& pattern) {
  struct stat found {};
  if (::lstat(pattern.c_str(), &found) == 0 || pattern.find_first_of("*?[") == std::string::npos)
    return {pattern}; // a file whose name has pattern characters is a file
  glob_t matches{};
  glob_fault = 0;
  const int result = ::glob(pattern.c_str(), 0, note_fault, &matches);
  std::vector<std::string> paths;
  if (result == 0)
    paths.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  if (result != 0)
    throw usage_error({"the pattern " + pattern, "at least one file",
                       glob_fault != 0 ? std::string{std::strerror(glob_fault)} : "none",
                       "name a file or a pattern that names files"});
  std::sort(paths.begin(), paths.end());
  return paths;
}

namespace {

std::vector<source_split> cut_files(const file_selection& selection, std::uint32_t parallelism) {
  std::vector<text_range> files;
  std::uint64_t total = 0;
  for (auto& path : find_files(selection.pattern)) {
    const auto size = size_of_readable_file(path);
    const auto hash = hash_prefix(path, text_range::prefix_bytes(size));
    total += size;
    files.push_back({std::move(path), 0, size, size, hash});
  }
  const std::uint64_t parts = ranges_per_subtask * std::max(parallelism, 1U);
  const std::uint64_t most = selection.range_bytes != 0
                                 ? selection.range_bytes
                                 : std::max(least_range_bytes, total / parts + (total % parts != 0));
  std::vector<source_split> splits;
  for (const auto& file : files) {
    const bool whole = selection.whole_files || !compression_of(file.path).empty();
    text_range range = file;
    do { // a file without a byte has one split as well, so that it is known
      range.last = !whole && file.size - range.first > most ? range.first + most : file.size;
      splits.push_back({split_id(splits.size()), range.to_json()});
      range.first = range.last;
    } while (range.first < file.size);
  }
  return splits;
}

} // namespace

std::vector<source_split> enumerate_files(const file_selection& selection, std::uint32_t parallelism) {
  return as_usage([&] { return cut_files(selection, parallelism); });
}

std::vector<std::string> check_file_splits(const file_selection& files, const std::vector<source_split>& splits) {
  std::map<std::string, text_range> known;
  for (const auto& split : splits) {
    auto range = text_range::parse(split.description);
    auto path = range.path;
    known.emplace(std::move(path), std::move(range));
  }
  if (known.empty())
    return {};
  std::vector<std::string> notes;
  for (const auto& [path, range] : known)
    check_file(range, notes);
  check_names(files, known, notes);
  return notes;
}

} // namespace weir::inline v0
