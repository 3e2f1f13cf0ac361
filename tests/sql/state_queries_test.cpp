// weir_state, weir_table and weir_diff say what a model says, at every checkpoint, after any history.
#include "made_store.hpp"
#include "sql_connection.hpp"

#include <weir/persistence/chunk_compression.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace state_queries_test {

using namespace sql_test;
using weir::snapshot_kind;

struct tally {
  std::uint64_t n = 0;
  std::string note;
  WEIR_FIELDS(n, note)
};
using model = std::map<std::string, tally>;

struct history {
  std::map<std::uint64_t, model> at; // by checkpoint
};

std::string row(const std::string& key, const tally& value) {
  return key + "|" + std::to_string(value.n) + "|" + value.note;
}

std::vector<std::string> rows_of(const model& state) {
  std::vector<std::string> rows;
  for (const auto& [key, value] : state)
    rows.push_back(row(key, value));
  return rows;
}

std::vector<std::string> sorted(std::vector<std::string> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> differences(const model& before, const model& after) {
  std::vector<std::string> rows;
  for (const auto& [key, value] : before)
    if (const auto now = after.find(key); now == after.end())
      rows.push_back("removed|" + key + "|" + std::to_string(value.n) + "|null");
    else if (now->second.n != value.n || now->second.note != value.note)
      rows.push_back("changed|" + key + "|" + std::to_string(value.n) + "|" + std::to_string(now->second.n));
  for (const auto& [key, value] : after)
    if (before.count(key) == 0)
      rows.push_back("added|" + key + "|null|" + std::to_string(value.n));
  return sorted(std::move(rows));
}

// Checkpoints of random changes: deltas, tombstones, new bases, and a change of parallelism on the way.
history make_history(const std::filesystem::path& path, unsigned seed) {
  std::mt19937 random{seed};
  made_store store{path};
  if (seed % 2 == 0) // as a job stores them that compresses its checkpoints
    store.forge = [](std::vector<std::byte>& bytes) {
      if (auto packed = weir::compress_chunk(bytes))
        bytes = std::move(*packed);
    };
  store.plan({schema_record_of<std::string, tally>("counts", "state")}, 2);
  history made;
  model state;
  bool base = true;
  for (int round = 0; round < 14; ++round) {
    if (round == 9) {
      store.restart(3);
      base = true;
    } else if (round == 5) {
      base = true;
    }
    model changed;
    std::vector<std::string> removed;
    for (auto changes = random() % 40; changes != 0; --changes) {
      const std::string key = "key" + std::to_string(random() % 60);
      if (random() % 4 == 0) {
        state.erase(key);
        changed.erase(key);
        removed.push_back(key);
      } else {
        state[key] = changed[key] = {random() % 5, std::string(random() % 3, 'x')};
      }
    }
    made_table table;
    table.kind = base ? snapshot_kind::base : snapshot_kind::delta;
    for (const auto& [key, value] : base ? state : changed)
      table.entries.push_back(entry_of(key, value));
    std::sort(removed.begin(), removed.end());
    removed.erase(std::unique(removed.begin(), removed.end()), removed.end());
    for (const auto& key : removed)
      if (!base && changed.count(key) == 0)
        table.entries.push_back(tombstone_of(key));
    made.at[store.checkpoint({table})] = state;
    base = false;
  }
  return made;
}

class folder {
public:
  folder() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  [[nodiscard]] std::filesystem::path store() const { return path_ / "made.weir"; }

private:
  std::filesystem::path path_ = std::filesystem::current_path() / "state_queries";
};

TEST_CASE("state as of every checkpoint is that of the model") {
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    const folder work;
    const history made = make_history(work.store(), seed);
    sql_connection sql{work.store()};
    static_cast<void>(sql.one("SELECT weir_views('made')"));
    for (const auto& [checkpoint, state] : made.at) {
      const std::string at = " WHERE checkpoint = " + std::to_string(checkpoint);
      CHECK(sql.rows("SELECT key, n, note FROM counts_state" + at + " ORDER BY key") == rows_of(state));
      CHECK(sql.rows("SELECT key, value ->> 'n', value ->> 'note' FROM weir_state('made', 'counts')" + at +
                     " ORDER BY key") == rows_of(state));
      CHECK(sql.one("SELECT count(*) || ' ' || count(DISTINCT key) FROM weir_state('made')" + at) ==
            std::to_string(state.size()) + " " + std::to_string(state.size()));
    }
    CHECK(sql.rows("SELECT key, n, note FROM counts_state ORDER BY key") == rows_of(made.at.rbegin()->second));
  }
}

TEST_CASE("the difference of any two checkpoints is that of the model") {
  for (const unsigned seed : {11U, 12U, 13U}) {
    const folder work;
    const history made = make_history(work.store(), seed);
    sql_connection sql{work.store()};
    for (const auto& [from, before] : made.at)
      for (const auto& [to, after] : made.at)
        CHECK(sorted(sql.rows(
                  "SELECT change, key, old_value ->> 'n', new_value ->> 'n' FROM weir_diff('made', 'counts', " +
                  std::to_string(from) + ", " + std::to_string(to) + ")")) == differences(before, after));
  }
}

TEST_CASE("a key is found by its key group") {
  const folder work;
  const history made = make_history(work.store(), 21);
  sql_connection sql{work.store()};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  for (const auto& [checkpoint, state] : made.at)
    for (int i = 0; i < 62; ++i) {
      const std::string key = "key" + std::to_string(i);
      const auto known = state.find(key);
      const auto expected = known == state.end() ? std::vector<std::string>{} : std::vector{row(key, known->second)};
      const std::string where = " WHERE key = '" + key + "' AND checkpoint = " + std::to_string(checkpoint);
      CHECK(sql.rows("SELECT key, n, note FROM counts_state" + where) == expected);
      CHECK(sql.rows("SELECT key, value ->> 'n', value ->> 'note' FROM weir_state('made', 'counts')" + where) ==
            expected);
    }
}

// SQLite asks once for each side, each by a plan of its own, and takes rows with equal numbers for one.
TEST_CASE("what either side of an OR has is there once") {
  const folder work;
  const history made = make_history(work.store(), 41);
  sql_connection sql{work.store()};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  const auto [newest, state] = *made.at.rbegin();
  const std::uint64_t before = std::next(made.at.rbegin())->first;
  const auto count = [](const model& of, const auto& wanted) {
    return std::to_string(std::count_if(of.begin(), of.end(), wanted));
  };
  for (int i = 0; i < 60; ++i) {
    const std::string one = "key" + std::to_string(i);
    const std::string other = "key" + std::to_string((i * 7 + 3) % 60);
    const auto either = [&](const auto& each) {
      return each.first == one || (each.first == other && each.second.n > 1) || each.first == "key5";
    };
    const std::string where =
        " WHERE key = '" + one + "' OR (key = '" + other + "' AND +key_group >= 0 AND n > 1) OR key = 'key5'";
    CHECK(sql.one("SELECT count(*) FROM counts_state" + where) == count(state, either));
    const std::string of_state = " WHERE key = '" + one + "' OR (key = '" + other + "' AND value ->> 'n' > 1)" +
                                 " OR (operator = 'counts' AND table_name = 'state' AND key = 'key5')";
    CHECK(sql.one("SELECT count(*) FROM weir_state('made')" + of_state) == count(state, either));
    const std::string by_job = " WHERE (job = 'made' AND key = '" + one + "') OR (job = 'made' AND key = '" + other +
                               "' AND value ->> 'n' > 1) OR (job = 'made' AND key = 'key5')";
    CHECK(sql.one("SELECT count(*) FROM weir_state" + by_job) == count(state, either));
    // The same entry at two checkpoints is two rows.
    const auto at_both = [&](const std::string& more) {
      return " WHERE (" + more + "checkpoint = " + std::to_string(newest) + " AND key = '" + one + "') OR (" + more +
             "checkpoint = " + std::to_string(before) + " AND key = '" + one + "')";
    };
    const std::size_t times = state.count(one) + made.at.at(before).count(one);
    CHECK(sql.one("SELECT count(*) FROM counts_state" + at_both("")) == std::to_string(times));
    CHECK(sql.one("SELECT count(*) FROM weir_state" + at_both("job = 'made' AND ")) == std::to_string(times));
  }
}

TEST_CASE("differences that either side of an OR asks for are there once") {
  const folder work;
  const history made = make_history(work.store(), 42);
  sql_connection sql{work.store()};
  const auto between = [](std::uint64_t from, std::uint64_t to) {
    return "(job = 'made' AND of_operator = 'counts' AND from_checkpoint = " + std::to_string(from) +
           " AND to_checkpoint = " + std::to_string(to) + ")";
  };
  const std::string all = "SELECT change, key, old_value ->> 'n', new_value ->> 'n' FROM weir_diff WHERE ";
  const std::uint64_t last = made.at.rbegin()->first;
  for (std::uint64_t id = made.at.begin()->first; id + 2 <= last; ++id) {
    std::vector<std::string> expected = differences(made.at.at(id), made.at.at(id + 1));
    for (const auto& [from, to] : {std::pair{id + 1, id + 2}, std::pair{id + 1, id}})
      for (std::string& each : differences(made.at.at(from), made.at.at(to)))
        expected.push_back(std::move(each));
    CHECK(sorted(sql.rows(all + between(id, id + 1) + " OR " + between(id + 1, id + 2) + " OR " +
                          between(id + 1, id))) == sorted(expected));
  }
}

TEST_CASE("one key is read without the chunks that cannot have it") {
  const folder work;
  const history made = make_history(work.store(), 31);
  const std::string key = made.at.rbegin()->second.begin()->first;
  std::string group;
  {
    sql_connection sql{work.store()};
    group = sql.one("SELECT key_group FROM weir_state('made') WHERE key = '" + key + "'");
  }
  change_file(work.store(),
              "UPDATE chunk_bytes SET bytes = zeroblob(length(bytes)) WHERE chunk IN (SELECT id FROM chunks "
              "WHERE key_group_last < " +
                  group + " OR key_group_first > " + group + ")");
  sql_connection sql{work.store()};
  CHECK(sql.rows("SELECT key FROM weir_state('made') WHERE key = '" + key + "'").size() == 1);
  CHECK(sql.error("SELECT key FROM weir_state('made')").find("checksum") != std::string::npos);
}

TEST_CASE("pruned checkpoints are not there, and kept ones are as before") {
  const folder work;
  history made;
  {
    std::mt19937 random{5};
    made_store store{work.store()};
    store.plan({schema_record_of<std::string, tally>("counts", "state")}, 1);
    model state;
    for (int round = 0; round < 8; ++round) {
      state["k" + std::to_string(round % 3)] = {static_cast<std::uint64_t>(round), ""};
      made_table table;
      for (const auto& [key, value] : state)
        table.entries.push_back(entry_of(key, value));
      made.at[store.checkpoint({table})] = state;
    }
    store.prune(2);
  }
  sql_connection sql{work.store()};
  CHECK(sql.error("SELECT * FROM weir_state('made') WHERE checkpoint = 1").find("whose state is kept") !=
        std::string::npos);
  for (const auto& kept : sql.rows("SELECT id FROM checkpoint_overview WHERE restorable")) {
    CHECK(sql.rows("SELECT key, value ->> 'n', value ->> 'note' FROM weir_state('made') WHERE checkpoint = " + kept +
                   " ORDER BY key") == rows_of(made.at[std::stoull(kept)]));
  }
}

} // namespace state_queries_test
