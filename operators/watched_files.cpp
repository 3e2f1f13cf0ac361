#include "watched_files.hpp"

#include "../persistence/error.hpp"
#include "../persistence/hash.hpp"
#include "flat_json.hpp"
#include "text_range.hpp"

#include <charconv>
#include <span>
#include <system_error>

namespace weir::inline v0 {

namespace {

bool begins_alike(const std::string& path, const watched_file& file) {
  return hash_prefix(path, text_range::prefix_bytes(file.size)) == file.prefix_hash;
}

/// The part before the next slash, which is taken away.
std::string_view take_part(std::string_view& text) {
  const auto slash = text.find('/');
  const auto part = text.substr(0, slash);
  text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  return part;
}

void append_number(std::string& text, std::uint64_t number) {
  char digits[20];
  text += '-';
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
}

/// Takes `-<hexadecimal number>`; false if that is not there.
bool take_number(std::string_view& text, std::uint64_t& number) {
  if (!text.starts_with('-'))
    return false;
  const auto [end, fault] = std::from_chars(text.data() + 1, text.data() + text.size(), number, 16);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return fault == std::errc{};
}

} // namespace

std::uint64_t identity_of(const file_facts& file) {
  const std::uint64_t numbers[] = {file.inode, static_cast<std::uint64_t>(file.born_ns)};
  return checksum(std::as_bytes(std::span{numbers}));
}

std::optional<watched_file> watched_file::look_at(const std::string& path) {
  const auto found = look_at_file(path);
  if (!found || !found->regular)
    return std::nullopt;
  return watched_file{identity_of(*found), found->size, found->modified_ns,
                      hash_prefix(path, text_range::prefix_bytes(found->size))};
}

bool watched_file::is_at(const std::string& path, const file_facts& found) const {
  const bool same_times = found.size == size && found.modified_ns == modified_ns;
  if (identity_of(found) == identity)
    return same_times || (found.size >= size && begins_alike(path, *this));
  return same_times && begins_alike(path, *this);
}

void done_files::add(const std::string& name, const watched_file& file) {
  files_.insert_or_assign(name, entry{file, file.size, file.modified_ns});
  append(name, file);
  if (parts_ > 2 * files_.size())
    rebuild();
}

void done_files::append(const std::string& name, const watched_file& file) {
  std::string quoted;
  append_json_text(quoted, name);
  if (!json_.empty())
    json_ += '/';
  json_.append(quoted, 1, quoted.size() - 2);
  json_ += '/';
  append_number(json_, file.identity);
  append_number(json_, file.size);
  append_number(json_, static_cast<std::uint64_t>(file.modified_ns));
  append_number(json_, file.prefix_hash);
  ++parts_;
}

void done_files::rebuild() {
  json_.clear();
  parts_ = 0;
  for (const auto& [name, known] : files_)
    append(name, known.file);
}

void done_files::keep(const std::set<std::string>& names) {
  if (std::erase_if(files_, [&](const auto& each) { return names.count(each.first) == 0; }) > 0)
    rebuild();
}

bool done_files::has(const std::string& name, const std::string& path) {
  const auto at = files_.find(name);
  if (at == files_.end())
    return false;
  entry& known = at->second;
  const auto found = look_at_file(path);
  if (!found)
    return true; // gone just now
  if (identity_of(*found) == known.file.identity && found->size == known.looked_size &&
      found->modified_ns == known.looked_modified_ns)
    return true;
  if (!known.file.is_at(path, *found)) {
    files_.erase(at);
    return false;
  }
  known.looked_size = found->size;
  known.looked_modified_ns = found->modified_ns;
  return true;
}

done_files done_files::parse(std::string_view text, const std::string& thing) {
  done_files done;
  while (!text.empty()) {
    const std::string name{take_part(text)};
    std::string_view numbers = take_part(text);
    watched_file file;
    std::uint64_t modified = 0;
    if (name.empty() || !take_number(numbers, file.identity) || !take_number(numbers, file.size) ||
        !take_number(numbers, modified) || !take_number(numbers, file.prefix_hash) || !numbers.empty())
      throw damaged_error({thing, "the files that are done", "\"" + name + "\" without what it was",
                           "restore the store from a copy, or begin anew with --fresh"});
    file.modified_ns = static_cast<std::int64_t>(modified);
    done.add(name, file);
  }
  return done;
}

} // namespace weir::inline v0
