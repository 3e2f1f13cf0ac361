// Images are copied while the store is open and nothing is being written: that is what the end of a process leaves.
#include "store_faults/damaged_store.hpp"

#include "unit/checkpoint_store_fixture.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

namespace store_faults {

namespace {

constexpr std::size_t region_bytes = 512;
constexpr std::array suffixes{"", "-wal", "-shm", ".lock"};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::filesystem::path with_suffix(std::filesystem::path path, const std::string& suffix) {
  path += suffix;
  return path;
}

const char* to_text(harm h) {
  constexpr std::array names{"flip", "zero", "scramble", "cut"};
  return names.at(static_cast<std::size_t>(h));
}

const char* to_text(outcome o) {
  constexpr std::array names{"went on", "fell back", "refused", "broke"};
  return names.at(static_cast<std::size_t>(o));
}

/// Harms the region; false if it is as it was.
bool harm_bytes(std::string& bytes, std::size_t region, harm what) {
  const auto begin = region * region_bytes;
  const auto end = std::min(bytes.size(), begin + region_bytes);
  const auto before = bytes;
  std::mt19937 random{static_cast<std::uint32_t>(region)};
  switch (what) {
  case harm::flip: { // where something is written, if anything is
    std::vector<std::size_t> written;
    for (auto i = begin; i != end; ++i)
      if (bytes[i] != 0)
        written.push_back(i);
    const auto at = written.empty() ? begin + random() % (end - begin) : written[random() % written.size()];
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    break;
  }
  case harm::zero:
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end),
              '\0');
    break;
  case harm::scramble:
    for (auto i = begin; i != end; ++i)
      bytes[i] = static_cast<char>(random());
    break;
  case harm::cut:
    bytes.resize(begin);
    break;
  }
  return bytes != before;
}

} // namespace

struct damaged_stores::folder : store_test::temporary_folder {
  folder() : temporary_folder(store_test::fast_place()) {}
};

damaged_stores::damaged_stores() : place_(std::make_shared<folder>()) {
  const auto options = store_test::options_for(*place_ / "job.weir");
  const auto copy = [&](image& to) {
    for (const std::string suffix : suffixes)
      if (const auto path = with_suffix(options.path, suffix); suffix != "-shm" && std::filesystem::exists(path))
        to[suffix] = read_file(path);
  };
  live(options, told_, 6, [] {});
  live(options, told_, 7, [&] { copy(crashed_); }); // the last one is a delta upon a large base
  copy(closed_);
  if (told_.refused != 0 || !told_.broken.empty() || crashed_.size() != 3 || closed_.size() != 1)
    throw std::logic_error{"the store that is to be damaged is not whole"};
  told_.may_be_damaged = true;
}

std::size_t damaged_stores::regions(left how, part which) const {
  const auto& files = image_of(how);
  const auto file = files.find(which == part::database ? "" : "-wal");
  return file == files.end() ? 0 : (file->second.size() + region_bytes - 1) / region_bytes;
}

void damaged_stores::put(const image& files) {
  for (const auto& entry : std::filesystem::directory_iterator{place_->path()})
    std::filesystem::remove_all(entry.path());
  for (const auto& [suffix, bytes] : files)
    std::ofstream{with_suffix(*place_ / "job.weir", suffix), std::ios::binary} << bytes;
}

finding damaged_stores::look() {
  const auto options = store_test::options_for(*place_ / "job.weir");
  const auto first = look_at(options, told_);
  if (first.is == outcome::broke || first.is == outcome::refused)
    return first;
  // What nobody has read yet may be damaged, too: it must not spread without a word.
  account later = told_;
  live(options, later, 4, [] {});
  auto second = look_at(options, later);
  if (second.is == outcome::broke)
    second.fault = "when life went on: " + second.fault;
  if (second.is == outcome::broke || second.is == outcome::refused)
    return second;
  return first;
}

void damaged_stores::harm_region(left how, part which, std::size_t region, harm what) {
  auto files = image_of(how);
  if (!harm_bytes(files.at(which == part::database ? "" : "-wal"), region, what))
    return;
  put(files);
  const std::string name = std::string{which == part::log    ? "log"
                                       : how == left::closed ? "file"
                                                             : "file with a log"} +
                           ", " + to_text(what);
  count_look(name, "region " + std::to_string(region));
}

void damaged_stores::flip_bytes(std::size_t begin, std::size_t end) {
  auto files = closed_;
  auto& bytes = files.at("");
  for (auto i = begin; i < std::min(end, bytes.size()); ++i) {
    if (bytes[i] == '\0' || bytes[i] == '.')
      continue;
    const char before = std::exchange(bytes[i], static_cast<char>(bytes[i] ^ (1 << i % 8)));
    put(files);
    count_look("file, bit", "byte " + std::to_string(i));
    bytes[i] = before;
  }
}

void damaged_stores::count_look(const std::string& name, const std::string& where) {
  const auto found = look();
  ++outcomes_[name + ": " + to_text(found.is)];
  ++counts_.at(static_cast<std::size_t>(found.is));
  if (found.is == outcome::broke)
    failures_.push_back(found.fault + " [" + name + ", " + where + "]");
}

finding damaged_stores::replace(left how, const std::map<std::string, std::optional<std::string>>& replaced) {
  auto files = image_of(how);
  for (const auto& [suffix, content] : replaced)
    if (content)
      files[suffix] = *content;
    else
      files.erase(suffix);
  put(files);
  return look();
}

std::string damaged_stores::summary() const {
  std::string text = "damaged stores:";
  for (const auto& [what, n] : outcomes_)
    text += " " + what + " " + std::to_string(n) + ";";
  return text;
}

} // namespace store_faults
