// Writes and reads the chunk format.
//
// header   32 bytes  "WCHK", u16 format version, u8 kind, u8 distribution, u32 first and u32 last key group,
//                    u64 entries, u64 bytes that follow
// clock     8 bytes  in version 2, that of tables with a time to live: i64 microseconds since 1970; the least: none
// section  16 bytes  u32 key group (ascending), u32 entries, u64 bytes that follow in this section; then the entries
// entry              u8 kind (0 value, 1 map entry, 2 list entry, 3 timer; +8: tombstone; in version 2 +16: timed), if
//                    timed i64 microseconds since 1970, then each with a LEB128 length before it: key, sub-key (not for
//                    kind 0), value (not for a tombstone)
#include "chunk.hpp"

#include "error.hpp"
#include "hash.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::size_t header_bytes = 32;
constexpr std::size_t section_header_bytes = 16;
constexpr std::uint16_t plain_version = 1;
constexpr std::uint16_t timed_version = 2;
static_assert(timed_version == chunk_format_version);
constexpr std::size_t least_entry_bytes = 2;
constexpr char magic[4] = {'W', 'C', 'H', 'K'};

using detail::load_number;
using detail::store_number;

[[noreturn]] void throw_damaged(std::string expected, std::string found) {
  throw damaged_error{
      {"chunk", std::move(expected), std::move(found), "restore from another checkpoint, and check the disk"}};
}

// Moves `at` past a length and that many bytes, which it returns.
std::span<const std::byte> take_sized(const std::byte*& at, const std::byte* end) {
  std::uint64_t length = 0;
  if (!detail::load_varint(at, end, length))
    throw_damaged("the length of a key or value", "none");
  if (length > static_cast<std::uint64_t>(end - at))
    throw_damaged("a key or value of at most " + std::to_string(end - at) + " bytes",
                  "one of " + std::to_string(length));
  const std::span<const std::byte> bytes{at, static_cast<std::size_t>(length)};
  at += length;
  return bytes;
}

stored_time load_time(const std::byte* at) {
  return stored_time{std::chrono::microseconds{load_number<std::int64_t>(at)}};
}

// `may_have_time`: as the version of the chunk says.
void take_entry(const std::byte*& at, const std::byte* end, bool may_have_time, chunk_entry& entry) {
  if (at == end)
    throw_damaged("an entry", "the end of its section");
  const auto tag = std::to_integer<unsigned>(*at++);
  const auto tombstone = std::to_integer<unsigned>(detail::tombstone_flag);
  const auto timed = may_have_time ? std::to_integer<unsigned>(detail::timed_flag) : 0U;
  const unsigned kind = tag & ~(tombstone | timed);
  if (kind > static_cast<unsigned>(entry_kind::timer))
    throw_damaged("a kind of entry from 0 to 3", std::to_string(tag));
  entry.kind = static_cast<entry_kind>(kind);
  entry.tombstone = (tag & tombstone) != 0;
  entry.time.reset();
  if ((tag & timed) != 0) [[unlikely]] {
    if (entry.tombstone)
      throw_damaged("a tombstone without a time", "one with a time");
    if (end - at < static_cast<std::ptrdiff_t>(detail::stored_time_bytes))
      throw_damaged("the time of an entry", "the end of its section");
    entry.time = load_time(at);
    at += detail::stored_time_bytes;
  }
  entry.key = take_sized(at, end);
  entry.sub_key = entry.kind == entry_kind::value ? std::span<const std::byte>{} : take_sized(at, end);
  entry.value = entry.tombstone ? std::span<const std::byte>{} : take_sized(at, end);
}

void append_sized_bytes(byte_buffer& out, std::span<const std::byte> bytes) {
  detail::append_varint(out, bytes.size());
  out.append(bytes);
}

} // namespace

void chunk_writer::begin_group(key_group group) {
  close_section();
  group_ = group;
}

std::size_t chunk_writer::header_size() const {
  return header_bytes + (clock_ ? detail::stored_time_bytes : 0);
}

void chunk_writer::open_section() {
  if (out_.empty()) {
    out_.reserve(usual_bytes_ + usual_bytes_ / 16); // the last entries differ: moving a whole chunk takes a while
    out_.extend(header_size());
    first_ = group_;
  }
  section_start_ = out_.size();
  out_.extend(section_header_bytes);
}

void chunk_writer::close_section() {
  if (section_start_ == 0)
    return;
  if (section_entries_ == 0) {
    out_.truncate(section_start_ == header_size() ? 0 : section_start_);
  } else {
    last_ = group_;
    std::byte* at = out_.data() + section_start_;
    store_number(at, group_.value);
    store_number(at + 4, static_cast<std::uint32_t>(section_entries_));
    store_number(at + 8, static_cast<std::uint64_t>(out_.size() - section_start_ - section_header_bytes));
  }
  closed_entries_ += std::exchange(section_entries_, 0);
  section_start_ = 0;
}

void chunk_writer::add(const chunk_entry& entry) {
  byte_buffer& out = body();
  if (entry.time && clock_ && !entry.tombstone)
    detail::append_timed_kind(out, entry.kind, *entry.time);
  else
    out.append(static_cast<std::byte>(entry.kind) | (entry.tombstone ? detail::tombstone_flag : std::byte{0}));
  append_sized_bytes(out, entry.key);
  if (entry.kind != entry_kind::value)
    append_sized_bytes(out, entry.sub_key);
  if (!entry.tombstone)
    append_sized_bytes(out, entry.value);
  entry_added();
}

std::size_t chunk_writer::add_encoded(std::span<const std::byte> entries, std::size_t most_bytes,
                                      std::vector<encoded_chunk>& out) {
  const std::byte* const start = entries.data();
  const std::byte* const end = start + entries.size();
  const std::byte* at = start;
  const auto taken = [&] { return static_cast<std::size_t>(at - start); };
  chunk_entry one;
  while (at != end && taken() < most_bytes) {
    const std::size_t room = split_bytes_ - std::min(split_bytes_, body().size());
    const std::byte* const first = at;
    do {
      take_entry(at, end, clock_.has_value(), one);
      ++section_entries_;
    } while (at != end && taken() < most_bytes && static_cast<std::size_t>(at - first) < room);
    out_.append(first, static_cast<std::size_t>(at - first));
    if (full())
      out.push_back(finish());
  }
  return taken();
}

encoded_chunk chunk_writer::finish(key_group empty_at) {
  close_section();
  if (out_.empty()) {
    out_.extend(header_size());
    first_ = empty_at;
    last_ = empty_at;
  }
  std::byte* at = out_.data();
  std::memcpy(at, magic, sizeof(magic));
  store_number(at + 4, clock_ ? timed_version : plain_version);
  store_number(at + 6, kind_);
  store_number(at + 7, distribution_);
  store_number(at + 8, first_.value);
  store_number(at + 12, last_.value);
  store_number(at + 16, closed_entries_);
  store_number(at + 24, static_cast<std::uint64_t>(out_.size() - header_size()));
  if (clock_)
    store_number(at + header_bytes, static_cast<std::int64_t>(clock_->time_since_epoch().count()));
  usual_bytes_ = out_.size();
  encoded_chunk chunk{kind_, first_, last_, std::exchange(closed_entries_, 0), out_.take(), 0};
  chunk.checksum = checksum(chunk.bytes);
  return chunk;
}

chunk_reader::chunk_reader(std::span<const std::byte> bytes) : chunk_reader(bytes, {0, UINT32_MAX}) {}

chunk_reader::chunk_reader(std::span<const std::byte> bytes, key_group_range wanted) : wanted_(wanted) {
  if (bytes.size() < header_bytes)
    throw_damaged("at least " + std::to_string(header_bytes) + " bytes", std::to_string(bytes.size()));
  const std::byte* at = bytes.data();
  if (std::memcmp(at, magic, sizeof(magic)) != 0)
    throw_damaged("the mark WCHK at its start", "other bytes");
  const auto version = load_number<std::uint16_t>(at + 4);
  if (version == 0 || version > chunk_format_version)
    throw store_error{{"chunk", "a format version up to " + std::to_string(chunk_format_version),
                       std::to_string(version), "use the program version that wrote the store"}};
  std::size_t header = header_bytes;
  if (version == timed_version) {
    header += detail::stored_time_bytes;
    if (bytes.size() < header)
      throw_damaged("at least " + std::to_string(header) + " bytes", std::to_string(bytes.size()));
    clock_ = load_time(at + header_bytes);
  }
  const auto kind = load_number<std::uint8_t>(at + 6);
  const auto distributed_by = load_number<std::uint8_t>(at + 7);
  if (kind > 1 || distributed_by > 1)
    throw_damaged("a kind and a distribution of 0 or 1",
                  std::to_string(kind) + " and " + std::to_string(distributed_by));
  kind_ = static_cast<snapshot_kind>(kind);
  distribution_ = static_cast<distribution>(distributed_by);
  first_ = key_group{load_number<std::uint32_t>(at + 8)};
  last_ = key_group{load_number<std::uint32_t>(at + 12)};
  if (first_ > last_ || last_.value == UINT32_MAX) // which no range of key groups contains
    throw_damaged("a first key group not after the last", to_string(first_) + " to " + to_string(last_));
  entries_ = load_number<std::uint64_t>(at + 16);
  const auto body = load_number<std::uint64_t>(at + 24);
  if (body != bytes.size() - header)
    throw_damaged(std::to_string(body) + " bytes after the header", std::to_string(bytes.size() - header));
  if (entries_ > body / least_entry_bytes)
    throw_damaged("no more entries than fit into " + std::to_string(body) + " bytes", std::to_string(entries_));
  at_ = at + header;
  end_ = bytes.data() + bytes.size();
  section_end_ = at_;
}

bool chunk_reader::next_section() {
  if (at_ == end_) {
    if (seen_ != entries_)
      throw_damaged(std::to_string(entries_) + " entries", std::to_string(seen_));
    if ((any_section_ ? group_ : first_) != last_)
      throw_damaged("entries of key group " + to_string(last_), "none");
    return false;
  }
  const auto left = static_cast<std::uint64_t>(end_ - at_);
  if (left < section_header_bytes)
    throw_damaged("a section or the end", std::to_string(left) + " bytes");
  const key_group group{load_number<std::uint32_t>(at_)};
  const auto count = load_number<std::uint32_t>(at_ + 4);
  const auto length = load_number<std::uint64_t>(at_ + 8);
  at_ += section_header_bytes;
  if (length > left - section_header_bytes)
    throw_damaged("a section of at most " + std::to_string(left - section_header_bytes) + " bytes",
                  "one of " + std::to_string(length));
  if (group > last_ || (any_section_ ? group <= group_ : group != first_))
    throw_damaged("ascending key groups from " + to_string(first_) + " to " + to_string(last_), to_string(group));
  if (count == 0 || count > entries_ - seen_ || count > length / least_entry_bytes)
    throw_damaged("as many entries as the section and the chunk can hold", std::to_string(count));
  any_section_ = true;
  group_ = group;
  seen_ += count;
  if (wanted_.contains(group)) {
    section_end_ = at_ + length;
    left_in_section_ = count;
  } else {
    at_ += length;
    section_end_ = at_;
    left_in_section_ = 0;
  }
  return true;
}

bool chunk_reader::next(chunk_entry& entry) {
  while (left_in_section_ == 0) {
    if (at_ != section_end_)
      throw_damaged("the end of the section of key group " + to_string(group_),
                    std::to_string(section_end_ - at_) + " bytes more");
    if (!next_section())
      return false;
  }
  take_entry(at_, section_end_, clock_.has_value(), entry);
  --left_in_section_;
  return true;
}

} // namespace weir::inline v0
