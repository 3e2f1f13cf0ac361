// The chunk format: what is written is read, what is damaged is refused.
#include <weir/persistence/archive.hpp>
#include <weir/persistence/chunk.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/hash.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using weir::chunk_entry;
using weir::chunk_reader;
using weir::chunk_writer;
using weir::distribution;
using weir::entry_kind;
using weir::key_group;
using weir::snapshot_kind;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string line_of(const chunk_reader& reader, const chunk_entry& entry) {
  return to_string(reader.group()) + ":" + std::to_string(static_cast<int>(entry.kind)) +
         (entry.tombstone ? "-" : "+") + text_of(entry.key) + "/" + text_of(entry.sub_key) + "/" + text_of(entry.value);
}

std::vector<std::string> lines_of(std::span<const std::byte> bytes, weir::key_group_range wanted = {0, UINT32_MAX}) {
  chunk_reader reader{bytes, wanted};
  chunk_entry entry;
  std::vector<std::string> lines;
  while (reader.next(entry))
    lines.push_back(line_of(reader, entry));
  return lines;
}

weir::encoded_chunk small_chunk() {
  chunk_writer writer{snapshot_kind::delta, distribution::by_key_group};
  writer.begin_group(key_group{3});
  writer.add({entry_kind::value, false, bytes_of("k"), {}, bytes_of("v")});
  writer.add({entry_kind::value, true, bytes_of("gone"), {}, {}});
  writer.begin_group(key_group{4}); // stays empty
  writer.begin_group(key_group{7});
  writer.add({entry_kind::map_entry, false, bytes_of("k"), bytes_of("sub"), bytes_of("")});
  writer.add({entry_kind::timer, true, bytes_of("k"), bytes_of("t"), {}});
  writer.add({entry_kind::list_entry, false, bytes_of("k"), bytes_of("0"), bytes_of(std::string(200, 'x'))});
  return writer.finish();
}

} // namespace

TEST_CASE("a chunk gives back its entries of all kinds", "[chunk]") {
  const auto chunk = small_chunk();
  CHECK(chunk.kind == snapshot_kind::delta);
  CHECK(chunk.first == key_group{3});
  CHECK(chunk.last == key_group{7});
  CHECK(chunk.entries == 5);
  CHECK(chunk.checksum == weir::checksum(chunk.bytes));
  CHECK(lines_of(chunk.bytes) == std::vector<std::string>{"3:0+k//v", "3:0-gone//", "7:1+k/sub/", "7:3-k/t/",
                                                          "7:2+k/0/" + std::string(200, 'x')});
  const chunk_reader reader{chunk.bytes};
  CHECK(reader.kind() == snapshot_kind::delta);
  CHECK(reader.distributed_by() == distribution::by_key_group);
  CHECK(reader.entries() == 5);
}

TEST_CASE("key groups that are not wanted are skipped", "[chunk]") {
  const auto chunk = small_chunk();
  CHECK(lines_of(chunk.bytes, {3, 4}).size() == 2);
  CHECK(lines_of(chunk.bytes, {4, 7}).empty());
  CHECK(lines_of(chunk.bytes, {7, 100}).size() == 3);
}

TEST_CASE("the bytes of a chunk do not change from version to version", "[chunk]") {
  chunk_writer writer{snapshot_kind::base, distribution::by_key_group};
  writer.begin_group(key_group{5});
  weir::append_value_entry(writer.body(), std::string{"a"}, std::uint16_t{0x0102});
  writer.entry_added();
  weir::append_value_tombstone(writer.body(), std::string{"b"});
  writer.entry_added();
  const auto chunk = writer.finish();
  const unsigned char golden[] = {'W', 'C', 'H', 'K', 1, 0, 0, 0, 5,  0, 0, 0, 5, 0, 0, 0,
                                  2,   0,   0,   0,   0, 0, 0, 0, 27, 0, 0, 0, 0, 0, 0, 0, // header
                                  5,   0,   0,   0,   2, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, // section
                                  0,   2,   1,   'a', 2, 2, 1,                             // a = 0x0102
                                  8,   2,   1,   'b'};                                     // no b
  REQUIRE(chunk.bytes.size() == sizeof(golden));
  CHECK(std::memcmp(chunk.bytes.data(), golden, sizeof(golden)) == 0);
}

TEST_CASE("nor do those of a chunk whose entries have times", "[chunk]") {
  const weir::stored_time clock{std::chrono::microseconds{0x0102}};
  chunk_writer writer{snapshot_kind::base, distribution::by_key_group, weir::default_chunk_bytes, clock};
  writer.begin_group(key_group{5});
  weir::append_timed_value_entry(writer.body(), weir::stored_time{std::chrono::microseconds{-2}}, std::string{"a"},
                                 std::uint16_t{0x0102});
  writer.entry_added();
  weir::append_value_tombstone(writer.body(), std::string{"b"});
  writer.entry_added();
  writer.add({entry_kind::value, false, bytes_of("c"), {}, {}}); // without a time
  const auto chunk = writer.finish();
  const unsigned char golden[] = {
      'W',  'C',  'H',  'K',  2,    0,    0,    0,    5,    0, 0, 0,   5, 0, 0, 0, 3, 0, 0,
      0,    0,    0,    0,    0,    39,   0,    0,    0,    0, 0, 0,   0,                     // header
      2,    1,    0,    0,    0,    0,    0,    0,                                            // clock
      5,    0,    0,    0,    3,    0,    0,    0,    23,   0, 0, 0,   0, 0, 0, 0,            // section
      0x10, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 1, 'a', 2, 2, 1, 8, 2, 1, 'b', // no b
      0,    1,    'c',  0};
  REQUIRE(chunk.bytes.size() == sizeof(golden));
  CHECK(std::memcmp(chunk.bytes.data(), golden, sizeof(golden)) == 0);

  chunk_reader reader{chunk.bytes};
  chunk_entry entry;
  CHECK(reader.clock() == clock);
  REQUIRE(reader.next(entry));
  CHECK(entry.time == weir::stored_time{std::chrono::microseconds{-2}});
  REQUIRE(reader.next(entry));
  CHECK(entry.tombstone);
  CHECK_FALSE(entry.time);
  REQUIRE(reader.next(entry));
  CHECK_FALSE(entry.time);
  CHECK_FALSE(reader.next(entry));
}

TEST_CASE("entries have times in chunks with a clock only, and tombstones none", "[chunk]") {
  chunk_writer writer{snapshot_kind::delta, distribution::by_key_group, weir::default_chunk_bytes,
                      weir::no_stored_time};
  writer.begin_group(key_group{0});
  const weir::stored_time time{std::chrono::seconds{5}};
  writer.add({entry_kind::map_entry, false, bytes_of("k"), bytes_of("sub"), bytes_of("v"), time});
  const auto chunk = writer.finish();
  const auto with = [&](std::size_t at, unsigned value) {
    auto bytes = chunk.bytes;
    bytes.at(at) = static_cast<std::byte>(value);
    return bytes;
  };
  REQUIRE(lines_of(chunk.bytes).size() == 1);
  CHECK_THROWS_AS(lines_of(with(4, 1)), weir::damaged_error);
  CHECK_THROWS_WITH(lines_of(with(56, 0x19)), Catch::Contains("a tombstone without a time"));
  CHECK_THROWS_AS(lines_of(with(56, 0x31)), weir::damaged_error);
  for (std::size_t size = 0; size < chunk.bytes.size(); ++size) {
    const std::vector<std::byte> cut{chunk.bytes.begin(), chunk.bytes.begin() + static_cast<std::ptrdiff_t>(size)};
    CHECK_THROWS_AS(lines_of(cut), weir::damaged_error);
  }
  auto short_section = with(24, 21); // as if the section held only the entry's first byte
  short_section.resize(61);
  short_section[48] = std::byte{5};
  CHECK_THROWS_AS(lines_of(short_section), weir::damaged_error);

  chunk_writer plain{snapshot_kind::delta, distribution::by_key_group};
  plain.begin_group(key_group{0});
  plain.add({entry_kind::value, false, bytes_of("k"), {}, bytes_of("v"), time}); // where no one asks for times
  const auto plain_chunk = plain.finish();
  chunk_reader reader{plain_chunk.bytes};
  chunk_entry entry;
  CHECK_FALSE(reader.clock());
  REQUIRE(reader.next(entry));
  CHECK_FALSE(entry.time);
}

TEST_CASE("a value's length may take several bytes", "[chunk]") {
  for (const std::size_t length : {0U, 126U, 127U, 128U, 129U, 16'380U, 16'384U, 3'000'000U}) {
    chunk_writer writer{snapshot_kind::base, distribution::list};
    const std::string value(length, 'v');
    weir::append_value_entry(writer.body(), std::string{"key"}, value);
    writer.entry_added();
    const auto chunk = writer.finish();
    chunk_reader reader{chunk.bytes};
    chunk_entry entry;
    REQUIRE(reader.next(entry));
    CHECK(weir::from_bytes<std::string>(entry.key) == "key");
    CHECK(weir::from_bytes<std::string>(entry.value) == value);
    CHECK_FALSE(reader.next(entry));
  }
}

TEST_CASE("a snapshot splits into chunks, also within a key group and within entries encoded before", "[chunk]") {
  chunk_writer writer{snapshot_kind::base, distribution::by_key_group, 100};
  std::vector<weir::encoded_chunk> chunks;
  std::vector<std::string> expected;
  for (std::uint32_t group = 0; group < 3; ++group) {
    writer.begin_group(key_group{group});
    for (int i = 0; i < 10; ++i) {
      const std::string key = std::to_string(i);
      writer.add({entry_kind::value, false, bytes_of(key), {}, bytes_of("0123456789")});
      expected.push_back(std::to_string(group) + ":0+" + key + "//0123456789");
      if (writer.full())
        chunks.push_back(writer.finish());
    }
    weir::byte_buffer before;
    for (int i = 10; i < 30; ++i) {
      weir::append_value_entry(before, static_cast<char>('A' + i), 'v');
      expected.push_back(std::to_string(group) + ":0+" + static_cast<char>('A' + i) + "//v");
    }
    for (std::span<const std::byte> left = before.bytes(); !left.empty();) // in pieces of 13 bytes and what is begun
      left = left.subspan(writer.add_encoded(left, 13, chunks));
  }
  chunks.push_back(writer.finish());
  CHECK(chunks.size() > 6);
  std::vector<std::string> lines;
  for (const auto& chunk : chunks) {
    CHECK(chunk.bytes.size() < 150);
    CHECK(chunk.first <= chunk.last);
    const auto some = lines_of(chunk.bytes);
    CHECK(some.size() == chunk.entries);
    lines.insert(lines.end(), some.begin(), some.end());
  }
  CHECK(lines == expected);
}

TEST_CASE("a chunk without entries is whole", "[chunk]") {
  chunk_writer writer{snapshot_kind::base, distribution::by_key_group};
  writer.begin_group(key_group{2});
  CHECK(writer.empty());
  const auto chunk = writer.finish(key_group{2});
  CHECK(chunk.entries == 0);
  CHECK(chunk.first == key_group{2});
  CHECK(lines_of(chunk.bytes).empty());
}

TEST_CASE("a chunk whose header and sections contradict each other is refused", "[chunk]") {
  const auto chunk = small_chunk(); // key groups 3 and 7
  const auto with = [&](std::size_t at, unsigned value) {
    auto bytes = chunk.bytes;
    bytes[at] = static_cast<std::byte>(value);
    return bytes;
  };
  CHECK(lines_of(with(8, 3)).size() == 5);
  CHECK_THROWS_WITH(lines_of(with(8, 2)), Catch::Contains("key groups from 2 to 7"));
  CHECK_THROWS_WITH(lines_of(with(12, 8)), Catch::Contains("entries of key group 8"));
  CHECK_THROWS_AS(lines_of(with(12, 6)), weir::damaged_error);

  chunk_writer writer{snapshot_kind::base, distribution::by_key_group};
  const auto none = writer.finish(key_group{2}).bytes;
  auto section_without_entries = none;
  section_without_entries[24] = std::byte{16}; // bytes that follow
  section_without_entries.resize(none.size() + 16);
  section_without_entries[none.size()] = std::byte{2};
  CHECK_THROWS_AS(lines_of(section_without_entries), weir::damaged_error);
  auto wide = none;
  wide[12] = std::byte{3};
  CHECK_THROWS_AS(lines_of(wide), weir::damaged_error);
  auto last_number = none;
  for (std::size_t at = 8; at < 16; ++at)
    last_number[at] = std::byte{0xff};
  CHECK_THROWS_AS(lines_of(last_number), weir::damaged_error);
}

TEST_CASE("a chunk of a later format is refused as such", "[chunk]") {
  auto chunk = small_chunk();
  chunk.bytes[4] = std::byte{3};
  CHECK_THROWS_WITH(chunk_reader{chunk.bytes}, Catch::Contains("format version up to 2, found 3"));
}

TEST_CASE("truncated, lengthened and random chunks are refused, and never read beyond", "[chunk]") {
  const auto chunk = small_chunk();
  const auto expected = lines_of(chunk.bytes);
  for (std::size_t size = 0; size < chunk.bytes.size(); ++size) {
    const std::vector<std::byte> cut{chunk.bytes.begin(), chunk.bytes.begin() + static_cast<std::ptrdiff_t>(size)};
    CHECK_THROWS_AS(lines_of(cut), weir::damaged_error);
  }
  std::vector<std::byte> longer = chunk.bytes;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(lines_of(longer), weir::damaged_error);

  std::mt19937_64 random{3};
  unsigned refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = chunk.bytes;
    for (auto flips = random() % 3 + 1; flips != 0; --flips)
      bytes[random() % (round % 2 == 0 ? 80 : bytes.size())] = static_cast<std::byte>(random());
    try {
      static_cast<void>(lines_of(bytes));
    } catch (const weir::store_error&) {
      ++refused;
    }
  }
  CHECK(refused > 10'000);
}
