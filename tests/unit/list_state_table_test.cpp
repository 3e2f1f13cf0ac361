// Operator state: items under names.
#include <weir/operators/list_state_table.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace {

using weir::encoded_chunk;
using table = weir::list_state_table<std::uint64_t>;

std::vector<std::pair<std::string, std::uint64_t>> contents_of(const table& t) {
  return {t.begin(), t.end()};
}

std::vector<encoded_chunk> snapshot_of(table& t) {
  std::vector<encoded_chunk> out;
  t.mark();
  REQUIRE(t.encode(1, out));
  return out;
}

} // namespace

TEST_CASE("a list table keeps its items sorted by name", "[list_state_table]") {
  table t{"splits"};
  t.put("b") = 2;
  t.put("a") = 1;
  t.put("c") = 3;
  t.put("b") = 20;
  CHECK(contents_of(t) == std::vector<std::pair<std::string, std::uint64_t>>{{"a", 1}, {"b", 20}, {"c", 3}});
  CHECK(t.erase("a"));
  CHECK_FALSE(t.erase("a"));
  CHECK(t.find("a") == nullptr);
  CHECK(t.find_for_write("a") == nullptr);
  REQUIRE(t.find("b") != nullptr);
  CHECK(*t.find("b") == 20);
  CHECK(t.entry_count() == 2);
}

TEST_CASE("a list snapshot is the items at the mark, and there is none of an unchanged list", "[list_state_table]") {
  table t{"splits"};
  CHECK_FALSE(t.changed_since_mark());
  t.put("a") = 1;
  CHECK(t.changed_since_mark());
  t.mark();
  CHECK_THROWS_AS(t.mark(), weir::usage_error);
  t.put("a") = 5;
  std::vector<encoded_chunk> out;
  CHECK(t.encode(1, out));
  REQUIRE(out.size() == 1);
  CHECK(out[0].kind == weir::snapshot_kind::base);
  table copy{"splits"};
  copy.load(out[0].bytes);
  CHECK(*copy.find("a") == 1);

  CHECK(t.changed_since_mark());
  CHECK(snapshot_of(t).size() == 1);
  CHECK_FALSE(t.changed_since_mark());
  CHECK(snapshot_of(t).empty());
  static_cast<void>(t.find("a"));
  CHECK_FALSE(t.changed_since_mark());
  static_cast<void>(t.find_for_write("a"));
  CHECK(t.changed_since_mark());
  CHECK(snapshot_of(t).size() == 1);
  t.require_base();
  CHECK(snapshot_of(t).size() == 1);
  t.erase("a");
  const auto none_left = snapshot_of(t);
  REQUIRE(none_left.size() == 1);
  CHECK(none_left[0].entries == 0);
}

TEST_CASE("the items of all subtasks are dealt out anew", "[list_state_table]") {
  table left{"splits"};
  table right{"splits"};
  for (std::uint64_t i = 0; i < 7; ++i)
    (i % 2 == 0 ? left : right).put("split " + std::to_string(i)) = i;
  const auto left_chunks = snapshot_of(left);
  const auto right_chunks = snapshot_of(right);

  std::vector<std::pair<std::string, std::uint64_t>> all;
  for (std::uint32_t index = 0; index < 3; ++index) {
    table t{"splits"};
    for (const auto* some : {&right_chunks, &left_chunks})
      for (const encoded_chunk& chunk : *some)
        t.load(chunk.bytes);
    CHECK(t.entry_count() == 7);
    t.keep_share(weir::subtask_index{index}, 3);
    CHECK(t.entry_count() == (index == 0 ? 3 : 2));
    for (const auto& [name, item] : t) {
      CHECK(item % 3 == index);
      all.emplace_back(name, item);
    }
  }
  CHECK(all.size() == 7);
}

TEST_CASE("a list refuses two items of one name, and chunks that are not lists", "[list_state_table]") {
  table t{"positions"};
  t.put("a") = 1;
  const auto base = snapshot_of(t);
  CHECK_THROWS_WITH(t.load(base[0].bytes), Catch::Contains("\"a\" twice"));
  weir::chunk_writer keyed{weir::snapshot_kind::base, weir::distribution::by_key_group};
  CHECK_THROWS_AS(t.load(keyed.finish().bytes), weir::damaged_error);
  t.clear();
  CHECK(t.empty());
  t.load(base[0].bytes);
  CHECK(t.entry_count() == 1);
}
