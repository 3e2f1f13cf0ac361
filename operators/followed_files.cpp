#include "followed_files.hpp"

#include "../persistence/error.hpp"
#include "../persistence/hash.hpp"
#include "flat_json.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>
#include <tuple>
#include <utility>

#include <fcntl.h>

namespace weir::inline v0 {

namespace {

log_file describe(const file_facts& found, std::string name) {
  return {std::move(name), found.device, found.inode, found.born_ns, found.size, found.modified_ns, found.changed_ns};
}

/// What stands behind the name of a rotated log; nothing if it is none.
std::optional<std::string_view> suffix_of(std::string_view base, std::string_view name) {
  if (name.size() < base.size() + 2 || !name.starts_with(base) ||
      (name[base.size()] != '.' && name[base.size()] != '-'))
    return std::nullopt;
  name.remove_prefix(base.size() + 1);
  for (const std::string_view packed : {".gz", ".zst", ".bz2", ".xz", ".lz4", ".Z"})
    if (name.ends_with(packed))
      return std::nullopt;
  return name;
}

/// The number of a numbered log. A date is no such number: the later, the higher.
std::optional<std::uint64_t> number_of(std::string_view suffix) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), number);
  if (fault != std::errc{} || end != suffix.data() + suffix.size() || suffix.size() > 5)
    return std::nullopt;
  return number;
}

/// The form of the names that a rotation gives: two files of one form may follow each other. Empty if none is known, as
/// of `.bak` and `.offset`.
std::string form_of(std::string_view suffix) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (number_of(suffix))
    return "number";
  if (suffix == "old")
    return "old";
  const auto digits = std::count_if(suffix.begin(), suffix.end(), is_digit);
  if (digits < 4)
    return {};
  if (digits >= 6 && is_digit(suffix.front()) && suffix.find_first_not_of("0123456789-._:TZ") == std::string_view::npos)
    return "date";   // and perhaps a time, or a number of the day
  std::string shape; // as of 23-Nov-2026
  for (const char c : suffix) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const char kind = is_digit(c) ? '0' : letter ? 'a' : c;
    if (!shape.ends_with(kind))
      shape += kind;
  }
  return shape;
}
std::string form_of(std::string_view base, const log_file& file) {
  return form_of(suffix_of(base, file.name).value_or(""));
}
/// Whether a file may be a rotated log although it is not known what form the names of those have.
bool is_rotated(std::string_view form) {
  return form == "number" || form == "date" || form == "old";
}

/// Before which others a rotated file was written.
auto age(std::string_view base, const log_file& file) {
  const auto suffix = suffix_of(base, file.name).value_or("");
  const auto number = number_of(suffix);
  return std::tuple{file.modified_ns, number ? ~*number : 0, file.name};
}

} // namespace

std::uint64_t log_file::identity() const {
  return hash_bytes(std::to_string(inode) + "/" + std::to_string(born_ns));
}

std::string log_place::to_json() const {
  flat_json object;
  object.set("file", identity).set("offset", offset);
  object.set("modified", static_cast<std::uint64_t>(modified_ns)).set("finished", finished);
  object.set("prefix", prefix_size).set("hash", prefix_hash);
  if (truncations > 0)
    object.set("truncations", truncations);
  return object.to_string();
}

log_place log_place::parse(const std::string& json, const std::string& thing) {
  const auto object = flat_json::parse(json, thing);
  log_place place;
  place.identity = object.number("file");
  place.modified_ns = static_cast<std::int64_t>(object.number("modified"));
  place.finished = object.number("finished");
  place.offset = object.number("offset");
  place.prefix_size = object.number("prefix");
  place.prefix_hash = object.number("hash");
  place.truncations = object.has("truncations") ? object.number("truncations") : 0;
  if (place.prefix_size > log_prefix_bytes || place.prefix_size > place.offset)
    throw damaged_error({thing, "a place in a log", json, "restore the store from a copy, or begin anew with --fresh"});
  return place;
}

log_file describe_log(int file, std::string name) {
  const auto found = look_at_file(file, name);
  return describe(found, std::move(name));
}

std::optional<log_file> look_at_log(const std::string& path) {
  const auto found = look_at_file(path);
  if (!found || !found->regular)
    return std::nullopt;
  return describe(*found, name_in_folder(path));
}

std::optional<log_file> open_log(const std::string& path, file_descriptor& into) {
  const auto found = look_at_file(path);
  if (found && !found->regular) // opening a pipe would wait for its writer
    throw io_error({path, "a file whose lines can be followed", "something that is no regular file", "name a file"});
  file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    if (errno == ENOENT)
      return std::nullopt;
    fail_io(path, "open", errno);
  }
  into = std::move(file);
  return describe_log(into.get(), name_in_folder(path));
}

std::vector<log_file> log_and_rotated(const std::string& path) {
  const std::string base = name_in_folder(path);
  const std::string folder = folder_of(path);
  std::vector<log_file> found;
  std::error_code fault;
  for (std::filesystem::directory_iterator each{folder, fault}, end; !fault && each != end; each.increment(fault)) {
    const std::string name = each->path().filename().string();
    if (name == base || suffix_of(base, name))
      if (auto file = look_at_log(folder + "/" + name))
        found.push_back(std::move(*file));
  }
  if (fault && fault != std::errc::no_such_file_or_directory)
    fail_io(folder, "list", fault.value());
  return found;
}

std::optional<log_file> next_log(std::string_view base, const std::vector<log_file>& found, const log_file& current,
                                 const std::function<bool(const log_file&)>& is_copy) {
  const log_file* here = nullptr; // the current file, under the name that it has now
  for (const auto& each : found)
    if (each.is_same(current))
      here = &each;
  if (here && here->name == base)
    return std::nullopt;
  const auto number = [&](const log_file& file) { return number_of(suffix_of(base, file.name).value_or("")); };
  const auto own = here ? number(*here) : std::nullopt;
  const std::string form = here ? form_of(base, *here) : std::string{};
  const bool any_form = form.empty() || form == "old"; // of those, there are no two
  const log_file& from = here ? *here : current;
  const log_file* next = nullptr;
  for (const auto& each : found) {
    if (each.is_same(current) || each.name == base || each.size == 0)
      continue;
    const std::string other = form_of(base, each);
    if (any_form ? !is_rotated(other) : other != form)
      continue;
    if (own) {
      if (*number(each) < *own && (!next || *number(each) > *number(*next)))
        next = &each;
    } else if (age(base, each) > age(base, from) && (here || each.modified_ns > current.modified_ns)) {
      if ((!next || age(base, each) < age(base, *next)) && !is_copy(each))
        next = &each;
    }
  }
  if (next)
    return *next;
  for (const auto& each : found)
    if (each.name == base && each.size > 0)
      return each;
  return std::nullopt;
}

std::vector<log_file> possible_copies(const std::string& path, const log_place& place) {
  const std::string base = name_in_folder(path);
  auto found = log_and_rotated(path);
  std::erase_if(found, [&](const log_file& each) {
    return each.name == base || each.modified_ns < place.modified_ns ||
           (each.modified_ns == place.modified_ns && each.identity() == place.finished);
  });
  const auto order = [&](const log_file& file) { return std::pair{form_of(base, file).empty(), age(base, file)}; };
  std::sort(found.begin(), found.end(), [&](const log_file& a, const log_file& b) { return order(a) < order(b); });
  return found;
}

bool is_copy_of_read(const log_file& next, const std::string& path, const log_file& current, std::uint64_t read_bytes,
                     std::string_view prefix) {
  if (next.size > read_bytes || (next.born_ns != 0 && next.born_ns >= current.changed_ns))
    return false;
  prefix = prefix.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(next.size, prefix.size())));
  file_descriptor file;
  const auto opened = open_log(path, file);
  std::string bytes(prefix.size(), '\0');
  return opened && opened->is_same(next) &&
         read_all_at(file.get(), bytes.data(), bytes.size(), 0, path) == bytes.size() && bytes == prefix;
}

bool begins_as(int file, const std::string& path, const log_place& place) {
  if (describe_log(file, path).size < place.offset)
    return false;
  std::array<char, log_prefix_bytes> bytes{};
  const auto size = static_cast<std::size_t>(place.prefix_size);
  return read_all_at(file, bytes.data(), size, 0, path) == size &&
         hash_bytes({bytes.data(), size}) == place.prefix_hash;
}

std::uint64_t hash_bytes(std::string_view bytes) {
  return checksum(std::as_bytes(std::span{bytes.data(), bytes.size()}));
}

std::string name_in_folder(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace weir::inline v0
