// Compressed chunks: what is packed is unpacked, stored, read and copied as it was; crafted frames are refused.
#include "unit/checkpoint_store_fixture.hpp"

#include <weir/persistence/chunk.hpp>
#include <weir/persistence/chunk_compression.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/savepoint.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <zstd.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace store_test;
using weir::checkpoint_id;
using weir::compress_chunk;
using weir::plain_chunk;

namespace {

using bytes = std::vector<std::byte>;

/// A chunk of entries that look alike, as counters do.
weir::encoded_chunk made_chunk(std::uint64_t entries) {
  weir::chunk_writer writer{weir::snapshot_kind::base, weir::distribution::by_key_group, std::size_t{1} << 30};
  writer.begin_group(weir::key_group{3});
  for (std::uint64_t i = 0; i != entries; ++i) {
    weir::append_value_entry(writer.body(), i, i % 7);
    writer.entry_added();
  }
  return writer.finish();
}

bytes unpacked(const bytes& stored) {
  bytes room;
  const auto plain = plain_chunk(stored, room);
  return {plain.begin(), plain.end()};
}

/// A frame that does not say how much it holds.
bytes frame_of_unknown_size(const bytes& content) {
  bytes frame(ZSTD_compressBound(content.size()));
  ZSTD_CStream* const stream = ZSTD_createCStream();
  ZSTD_outBuffer out{frame.data(), frame.size(), 0};
  // Two pieces: at the first nobody knows how much follows.
  for (const bool end : {false, true}) {
    ZSTD_inBuffer in{content.data() + (end ? content.size() / 2 : 0),
                     end ? content.size() - content.size() / 2 : content.size() / 2, 0};
    while (ZSTD_compressStream2(stream, &out, &in, end ? ZSTD_e_end : ZSTD_e_flush) != 0) {
    }
  }
  ZSTD_freeCStream(stream);
  frame.resize(out.pos);
  return frame;
}

/// The frame, with another declared size. It has one segment, whose size is a field of 4 bytes.
bytes frame_that_claims(std::uint32_t size) {
  bytes frame = *compress_chunk(bytes(100'000));
  REQUIRE((std::to_integer<unsigned>(frame[4]) & 0xe0U) == 0xa0U); // one segment, 4 bytes of size
  for (unsigned i = 0; i != 4; ++i)
    frame[5 + i] = static_cast<std::byte>(size >> (8 * i));
  return frame;
}

weir::subtask_snapshot snapshot(checkpoint_id id, weir::attempt_id attempt, weir::encoded_chunk chunk) {
  auto made = snapshot_of(id, attempt);
  made.tables.push_back({"counts", "counts", weir::snapshot_kind::base, true, std::nullopt});
  made.chunks.push_back(
      {"counts", "counts", chunk.first, chunk.last, chunk.entries, std::move(chunk.bytes), chunk.checksum});
  return made;
}

} // namespace

TEST_CASE("a chunk that is compressed and unpacked is what it was, and smaller between") {
  for (const std::uint64_t entries : {10U, 1'000U, 200'000U}) {
    const weir::encoded_chunk chunk = made_chunk(entries);
    const auto packed = compress_chunk(chunk.bytes);
    REQUIRE(packed);
    CHECK(packed->size() < chunk.bytes.size());
    CHECK(weir::is_compressed_chunk(*packed));
    CHECK(unpacked(*packed) == chunk.bytes);
  }
}

TEST_CASE("what is plain is handed back as it is, without a copy") {
  const bytes plain = made_chunk(5).bytes;
  bytes room;
  CHECK(plain_chunk(plain, room).data() == plain.data());
  CHECK(room.empty());
  CHECK_FALSE(weir::is_compressed_chunk(plain));
  CHECK_FALSE(weir::is_compressed_chunk({}));
}

TEST_CASE("a chunk that would not be smaller stays plain, and so does one that is too large") {
  std::mt19937_64 random{7};
  bytes noise(10'000);
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<std::byte>(random()); });
  CHECK_FALSE(compress_chunk(noise));
  CHECK_FALSE(compress_chunk({}));
  CHECK(compress_chunk(bytes(weir::most_compressed_chunk_bytes)));
  CHECK_FALSE(compress_chunk(bytes(weir::most_compressed_chunk_bytes + 1)));
}

TEST_CASE("a frame that was cut off, lengthened, doubled or changed is refused") {
  const bytes chunk = made_chunk(2'000).bytes;
  const bytes good = *compress_chunk(chunk);
  for (std::size_t length = 4; length < good.size(); length += 1 + length / 7)
    CHECK_THROWS_AS(unpacked({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}), weir::damaged_error);
  bytes longer = good;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(unpacked(longer), weir::damaged_error);
  bytes twice = good;
  twice.insert(twice.end(), good.begin(), good.end());
  CHECK_THROWS_AS(unpacked(twice), weir::damaged_error);
  // Whatever one byte says, there is an error or a chunk's worth of bytes, and no more.
  for (std::size_t i = 0; i < good.size(); ++i) {
    bytes changed = good;
    changed[i] ^= std::byte{0x15};
    std::size_t size = 0;
    try {
      size = unpacked(changed).size();
    } catch (const weir::damaged_error&) { // NOLINT(bugprone-empty-catch): that is the other right answer
    }
    CHECK(size <= weir::most_compressed_chunk_bytes);
  }
}

TEST_CASE("a frame that does not say how much it holds, or claims too much, is refused before room is made") {
  bytes room;
  CHECK_THROWS_WITH(plain_chunk(frame_of_unknown_size(bytes(100'000)), room), Catch::Contains("one that does not"));
  CHECK_THROWS_WITH(plain_chunk(frame_that_claims(UINT32_MAX), room), Catch::Contains("4294967295 bytes"));
  CHECK_THROWS_WITH(plain_chunk(frame_that_claims((64U << 20U) + 1), room), Catch::Contains("at most 67108864"));
  CHECK_THROWS_WITH(plain_chunk(frame_that_claims(64U << 20U), room), Catch::Contains("that can hold what it says"));
  CHECK(room.capacity() == 0);
  CHECK_THROWS_AS(plain_chunk(frame_that_claims(100'001), room), weir::damaged_error);
  CHECK_THROWS_AS(plain_chunk(frame_that_claims(99'999), room), weir::damaged_error);
}

TEST_CASE("a store that compresses says in its rows what it has stored, and hands out what was given") {
  const temporary_folder folder;
  auto options = options_for(folder / "job.weir");
  options.compress = true;
  auto store = weir::checkpoint_store::open(options);
  const std::vector<weir::operator_record> operators{{"counts", "count", "counts", weir::region_id{0}, 1, "f"}};
  store.register_plan(operators, {}, 128);
  const auto attempt = store.begin_attempt(weir::region_id{0}, at(0), std::nullopt);
  const auto id = store.open_checkpoint(weir::checkpoint_trigger::interval, at(1));
  const weir::encoded_chunk chunk = made_chunk(1'000);
  REQUIRE(store.write(snapshot(id, attempt, chunk), at(2)) == weir::write_result::stored);
  const auto complete = store.complete(id, expect(), at(3));
  CHECK(complete.state_entries == 1'000);
  CHECK(complete.state_bytes < chunk.bytes.size());
  CHECK(complete.written_bytes == complete.state_bytes);
  CHECK(store.read().newest_verified().id == id);

  const auto plain = [&](const weir::checkpoint_reader& reader) {
    bytes found;
    reader.for_each_chunk(id, "counts", "counts", {0, 128},
                          [&](const weir::stored_chunk& each) { found.assign(each.bytes.begin(), each.bytes.end()); });
    return found;
  };
  CHECK(plain(store.read()) == chunk.bytes);
  // For who unpacks it elsewhere.
  CHECK_FALSE(store.read().for_each_chunk_from(0, id, "counts", "counts", {0, 128}, [&](const auto& each) {
    CHECK(each.bytes.size() == complete.state_bytes);
    CHECK(unpacked({each.bytes.begin(), each.bytes.end()}) == chunk.bytes);
    return true;
  }));

  const std::string job = folder / "job.weir";
  const auto small = weir::write_savepoint(job, id, folder / "small.save", at(4), true);
  const auto large = weir::write_savepoint(job, id, folder / "large.save", at(4));
  CHECK(small.bytes < large.bytes);
  for (const char* name : {"small.save", "large.save"}) {
    const auto savepoint = weir::checkpoint_reader::open(folder / name, weir::store_kind::savepoint);
    CHECK(savepoint.newest_verified().id == id);
    CHECK(plain(savepoint).size() == chunk.bytes.size());
  }
}

TEST_CASE("a crafted frame in a store is found where somebody looks into it, and named") {
  const temporary_folder folder;
  auto store = weir::checkpoint_store::open(options_for(folder / "job.weir"));
  const std::vector<weir::operator_record> operators{{"counts", "count", "counts", weir::region_id{0}, 1, "f"}};
  store.register_plan(operators, {}, 128);
  const auto attempt = store.begin_attempt(weir::region_id{0}, at(0), std::nullopt);
  const auto id = store.open_checkpoint(weir::checkpoint_trigger::interval, at(1));
  weir::encoded_chunk chunk = made_chunk(10);
  chunk.bytes = frame_that_claims(64U << 20U);
  chunk.checksum = weir::checksum_of_bytes(chunk.bytes);
  REQUIRE(store.write(snapshot(id, attempt, chunk), at(2)) == weir::write_result::stored);
  static_cast<void>(store.complete(id, expect(), at(3)));
  std::map<weir::chunk_id, std::string> seen;
  const auto problems = store.read().verify(
      id, [](const weir::stored_chunk&) { return std::string{}; }, seen);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems.front().what, Catch::Contains("counts/counts") && Catch::Contains("that can hold what it says"));
  CHECK_THROWS_AS(store.read().for_each_chunk(id, "counts", "counts", {0, 128}, [](const auto&) {}),
                  weir::damaged_error);
}
