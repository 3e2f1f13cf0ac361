// The log of changes, undone and partly done again on the real file.
#include "unsynced_writes.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace weir_test {

namespace {

constexpr std::int64_t sector_bytes = 512;

void put(int descriptor, std::int64_t offset, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto done = ::pwrite(descriptor, bytes, size, offset);
    if (done <= 0)
      throw std::runtime_error{"cannot write what the loss of power left"};
    bytes += done;
    offset += done;
    size -= static_cast<std::size_t>(done);
  }
}

void cut(int descriptor, std::int64_t size) {
  if (::ftruncate(descriptor, size) != 0)
    throw std::runtime_error{"cannot truncate to what the loss of power left"};
}

} // namespace

void unsynced_writes::wrote(std::int64_t offset, std::string former, std::string bytes, std::int64_t size, bool torn) {
  changes_.push_back({offset, std::move(former), std::move(bytes), size, fate::pending, torn, false});
}

void unsynced_writes::truncated(std::int64_t offset, std::string former, std::int64_t size) {
  changes_.push_back({offset, std::move(former), {}, size, fate::pending, false, true});
}

void unsynced_writes::synced() {
  is_new_ = false;
  if (std::none_of(changes_.begin(), changes_.end(), [](const change& c) { return c.is == fate::in_doubt; })) {
    changes_.clear();
    return;
  }
  for (change& c : changes_)
    if (c.is == fate::pending)
      c.is = fate::durable;
}

void unsynced_writes::sync_failed() {
  for (change& c : changes_)
    if (c.is == fate::pending)
      c.is = fate::in_doubt;
}

void unsynced_writes::undo(int descriptor, const change& c) {
  put(descriptor, c.offset, c.former.data(), c.former.size());
  cut(descriptor, c.former_size);
}

void unsynced_writes::redo(int descriptor, const change& c, std::mt19937_64& random) {
  enum class left : std::uint8_t { all, nothing, beginning, sectors };
  auto what = c.is == fate::durable ? left::all : static_cast<left>(random() % 4);
  if (c.torn && what < left::beginning)
    what = left::sectors;
  if (c.cut) {
    if (what == left::all || what == left::beginning)
      cut(descriptor, c.offset);
    return;
  }
  const auto end = c.offset + static_cast<std::int64_t>(c.bytes.size());
  const auto write = [&](std::int64_t from, std::int64_t to) {
    put(descriptor, from, c.bytes.data() + (from - c.offset), static_cast<std::size_t>(to - from));
  };
  if (what == left::all) {
    write(c.offset, end);
    return;
  }
  if (what == left::nothing)
    return;
  const auto sectors = (end - 1) / sector_bytes - c.offset / sector_bytes + 1;
  const auto beginning = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(sectors));
  std::int64_t from = c.offset;
  for (std::int64_t sector = 0; from < end; ++sector) {
    const auto to = std::min(end, (from / sector_bytes + 1) * sector_bytes);
    if (what == left::beginning ? sector < beginning : random() % 2 == 0)
      write(from, to);
    from = to;
  }
}

void unsynced_writes::lose(const std::string& path, std::mt19937_64& random) {
  const bool was_new = std::exchange(is_new_, false);
  const auto changes = std::exchange(changes_, {});
  if (was_new && random() % 2 == 0) {
    ::unlink(path.c_str());
    return;
  }
  if (changes.empty())
    return;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0)
    return; // it was removed, or has another name
  try {
    for (auto c = changes.rbegin(); c != changes.rend(); ++c)
      undo(descriptor, *c);
    for (const change& c : changes)
      redo(descriptor, c, random);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
}

} // namespace weir_test
