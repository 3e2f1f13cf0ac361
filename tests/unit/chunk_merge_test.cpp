// A chain of chunks becomes one base.
#include <weir/persistence/chunk_merge.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/hash.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using weir::chunk_entry;
using weir::chunk_reader;
using weir::chunk_writer;
using weir::distribution;
using weir::encoded_chunk;
using weir::entry_kind;
using weir::key_group;
using weir::snapshot_kind;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What a test says of an entry: its group, its key, and its value; none: a tombstone.
struct line {
  std::uint32_t group;
  std::string key;
  std::string value;
  bool gone = false;
};

encoded_chunk chunk(snapshot_kind kind, const std::vector<line>& lines,
                    distribution distributed_by = distribution::by_key_group) {
  chunk_writer writer{kind, distributed_by};
  std::uint32_t group = 0;
  for (const line& l : lines) {
    if (writer.empty() || group != l.group)
      writer.begin_group(key_group{group = l.group});
    writer.add({entry_kind::value, l.gone, bytes_of(l.key), {}, bytes_of(l.value)});
  }
  return writer.finish();
}

std::vector<encoded_chunk> merged(const std::vector<encoded_chunk>& chain, std::size_t split = 1 << 20) {
  std::vector<std::span<const std::byte>> bytes;
  for (const encoded_chunk& c : chain)
    bytes.emplace_back(c.bytes);
  return weir::merge_chunks(bytes, split);
}

std::string text_of(const std::vector<encoded_chunk>& chunks) {
  std::string text;
  for (const encoded_chunk& c : chunks) {
    CHECK(c.kind == snapshot_kind::base);
    CHECK(c.checksum == weir::checksum(c.bytes));
    chunk_reader reader{c.bytes};
    chunk_entry entry;
    while (reader.next(entry)) {
      CHECK_FALSE(entry.tombstone);
      text += (text.empty() ? "" : " ") + to_string(reader.group()) + ":" + text_of(entry.key) +
              (entry.sub_key.empty() ? "" : "/" + text_of(entry.sub_key)) + "=" + text_of(entry.value);
    }
  }
  return text;
}

} // namespace

TEST_CASE("of each key the newest entry is kept, and a tombstone leaves nothing") {
  CHECK(text_of(merged({chunk(snapshot_kind::base, {{1, "a", "1"}, {1, "b", "1"}, {5, "c", "1"}}),
                        chunk(snapshot_kind::delta, {{1, "b", "2"}, {5, "c", "", true}, {7, "d", "2"}}),
                        chunk(snapshot_kind::delta, {{1, "b", "3"}, {5, "c", "3"}, {7, "d", "", true}})})) ==
        "1:a=1 1:b=3 5:c=3");
}

TEST_CASE("how a state came about does not show in its merged chunks") {
  const auto one =
      merged({chunk(snapshot_kind::base, {{1, "b", "2"}, {1, "a", "1"}}), chunk(snapshot_kind::delta, {{1, "c", "x"}}),
              chunk(snapshot_kind::delta, {{1, "c", "", true}})});
  const auto other = merged({chunk(snapshot_kind::base, {{1, "a", "1"}, {1, "b", "2"}})});
  REQUIRE(one.size() == 1);
  REQUIRE(other.size() == 1);
  CHECK(one.front().bytes == other.front().bytes);
}

TEST_CASE("entries of a collection are told apart by their sub-keys and kinds") {
  chunk_writer base{snapshot_kind::base, distribution::by_key_group};
  base.begin_group(key_group{2});
  base.add({entry_kind::value, false, bytes_of("k"), {}, bytes_of("whole")});
  base.add({entry_kind::map_entry, false, bytes_of("k"), bytes_of("x"), bytes_of("1")});
  base.add({entry_kind::map_entry, false, bytes_of("k"), bytes_of("y"), bytes_of("1")});
  chunk_writer delta{snapshot_kind::delta, distribution::by_key_group};
  delta.begin_group(key_group{2});
  delta.add({entry_kind::map_entry, false, bytes_of("k"), bytes_of("y"), bytes_of("2")});
  delta.add({entry_kind::map_entry, true, bytes_of("k"), bytes_of("x"), {}});
  CHECK(text_of(merged({base.finish(), delta.finish()})) == "2:k=whole 2:k/y=2");
}

TEST_CASE("merged chunks are split where they reach the limit") {
  std::vector<line> lines;
  for (int i = 0; i != 100; ++i)
    lines.push_back({static_cast<std::uint32_t>(i / 10), "key" + std::to_string(i % 10), std::string(100, 'v')});
  const auto chunks = merged({chunk(snapshot_kind::base, lines)}, 1000);
  CHECK(chunks.size() > 8);
  std::uint64_t entries = 0;
  for (const encoded_chunk& c : chunks)
    entries += c.entries;
  CHECK(entries == 100);
  CHECK(text_of(chunks) == text_of(merged({chunk(snapshot_kind::base, lines)})));
}

TEST_CASE("a chain of which nothing is left gives an empty base, and no chain gives none") {
  const auto nothing =
      merged({chunk(snapshot_kind::base, {{3, "a", "1"}}), chunk(snapshot_kind::delta, {{3, "a", "", true}})});
  REQUIRE(nothing.size() == 1);
  CHECK(nothing.front().entries == 0);
  CHECK(nothing.front().first == key_group{3});
  CHECK(merged({}).empty());
  const auto list = merged({chunk(snapshot_kind::base, {{0, "split", "1"}}, distribution::list)});
  CHECK(chunk_reader{list.front().bytes}.distributed_by() == distribution::list);
}

TEST_CASE("random chains give what a map gives") {
  std::mt19937 random{7}; // NOLINT(cert-msc51-cpp): the same chains every time
  for (int round = 0; round != 50; ++round) {
    std::map<std::pair<std::uint32_t, std::string>, std::string> model;
    std::vector<encoded_chunk> chain;
    for (int c = 0; c != 6; ++c) {
      std::map<std::pair<std::uint32_t, std::string>, line> in_chunk;
      for (int i = 0; i != 20; ++i) {
        line l{static_cast<std::uint32_t>(random() % 8), "k" + std::to_string(random() % 10),
               std::to_string(random() % 1000), c != 0 && random() % 4 == 0};
        if (l.gone)
          model.erase({l.group, l.key});
        else
          model[{l.group, l.key}] = l.value;
        in_chunk[{l.group, l.key}] = l;
      }
      std::vector<line> lines;
      for (const auto& [key, l] : in_chunk)
        lines.push_back(l);
      chain.push_back(chunk(c == 0 ? snapshot_kind::base : snapshot_kind::delta, lines));
    }
    std::string expected;
    for (const auto& [key, value] : model)
      expected += (expected.empty() ? "" : " ") + std::to_string(key.first) + ":" + key.second + "=" + value;
    CHECK(text_of(merged(chain)) == expected);
  }
}

TEST_CASE("a chain with a damaged chunk, or of two kinds, is refused") {
  auto damaged = chunk(snapshot_kind::base, {{1, "a", "1"}});
  damaged.bytes.resize(damaged.bytes.size() - 1);
  CHECK_THROWS_AS(merged({damaged}), weir::damaged_error);
  CHECK_THROWS_AS(merged({chunk(snapshot_kind::base, {{1, "a", "1"}}),
                          chunk(snapshot_kind::delta, {{1, "a", "2"}}, distribution::list)}),
                  weir::damaged_error);
  // A header may say anything about the groups that it has: they cost nothing.
  auto wide = chunk(snapshot_kind::base, {{0, "a", "1"}, {4'000'000'000U, "b", "2"}});
  CHECK(text_of(merged({wide})) == "0:a=1 4000000000:b=2");
}

TEST_CASE("entries keep their times, and the latest clock is kept") {
  const auto at = [](std::int64_t us) { return weir::stored_time{std::chrono::microseconds{us}}; };
  const auto timed = [&](snapshot_kind kind, std::int64_t clock, const char* key, std::int64_t time) {
    chunk_writer writer{kind, distribution::by_key_group, weir::default_chunk_bytes, at(clock)};
    writer.begin_group(key_group{1});
    writer.add({entry_kind::value, false, bytes_of(key), {}, bytes_of("v"), at(time)});
    return writer.finish();
  };
  const auto base = merged({timed(snapshot_kind::base, 100, "a", 70), timed(snapshot_kind::delta, 200, "b", 170),
                            timed(snapshot_kind::delta, 150, "a", 120)});
  REQUIRE(base.size() == 1);
  chunk_reader reader{base[0].bytes};
  CHECK(reader.clock() == at(200));
  chunk_entry entry;
  REQUIRE(reader.next(entry));
  CHECK(text_of(entry.key) == "a");
  CHECK(entry.time == at(120));
  REQUIRE(reader.next(entry));
  CHECK(entry.time == at(170));
}
