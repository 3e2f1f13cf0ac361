// Random use of keyed state with collections and a time to live, with snapshots and restores, against a plain model.
#include <weir/operators/state_collections.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace expiring_collections_model {

using namespace std::chrono_literals;
using weir::key_hash;
using chunks = std::vector<weir::encoded_chunk>;
using chains = std::array<chunks, 3>; // of the tables

constexpr std::uint32_t max_parallelism = 16;
constexpr weir::key_group_range everything{0, max_parallelism};
constexpr long after_s = 10;

const std::vector<std::string> keys{"a", "b", "c", "d", "e", "f", "g"};

/// Written to one key: what becomes of an entry of its map, and of its list.
struct change {
  std::uint32_t sub_key = 0;
  int value = 0;
  bool erases = false;
  bool pops = false;
};

/// A state that counts the changes of its key, with a map and a list, put together as keyed operators do.
class tables {
public:
  enum class lifetime : std::uint8_t { limited, unlimited };

  explicit tables(long now_s, weir::key_group_range owned = everything, lifetime how = lifetime::limited) {
    state_.configure(owned, max_parallelism, true);
    map_.configure(owned, max_parallelism, true);
    list_.configure(owned, max_parallelism, true);
    if (how == lifetime::unlimited)
      return;
    state_.when_expired([this](std::uint64_t hash, const std::string& key, std::size_t most) {
      map_.set_key(hash, key);
      list_.set_key(hash, key);
      const std::size_t erased = map_.clear_some(most);
      return erased + list_.clear_some(most - erased);
    });
    state_.set_time_to_live({std::chrono::seconds{after_s}});
    set_time(now_s);
  }

  [[nodiscard]] weir::any_state_table& table(std::size_t number) {
    if (number == 0)
      return state_;
    return number == 1 ? map_.table() : list_.table();
  }
  void load(const chains& from) {
    for (std::size_t i = 0; i != from.size(); ++i)
      for (const weir::encoded_chunk& chunk : from.at(i))
        table(i).load(chunk.bytes);
    map_.ready();
    list_.ready();
  }
  void set_time(long now_s) { state_.set_time(weir::stored_time{std::chrono::seconds{now_s}}); }
  [[nodiscard]] bool clean(std::size_t budget) { return state_.clean(budget); }
  void clean_all() {
    static_cast<void>(state_.clean(SIZE_MAX)); // from the middle of a round
    while (!state_.clean(SIZE_MAX)) {
    }
  }
  /// How many entries the state, the map and the list have.
  [[nodiscard]] std::size_t entries() {
    return state_.entry_count() + map_.table().entry_count() + list_.table().entry_count();
  }

  /// Gives the key a state if it has none, or only one that has expired.
  int& touch(const std::string& key) { return state_.touch(key_hash(key), key); }
  void apply(const std::string& key, const change& c) {
    ++touch(key);
    set_key(key);
    if (c.erases)
      map_.erase(c.sub_key);
    else
      map_.touch(c.sub_key) = c.value;
    if (c.pops && list_.size() != 0)
      list_.pop_front();
    else
      list_.push_back() = c.value;
  }
  /// Entries that no state stands beside, as somebody may import them.
  void import_entry(const std::string& key, std::uint32_t sub_key, int value) {
    set_key(key);
    map_.touch(sub_key) = value;
  }
  /// "3 1=5 2=7| 5 7": the state if there is one, the map and the list.
  [[nodiscard]] std::string text(const std::string& key) {
    const int* state = std::as_const(state_).find(key_hash(key), key);
    std::string all = state ? std::to_string(*state) : "";
    set_key(key);
    if (const auto* sub_keys = map_.keys())
      for (const std::uint32_t each : *sub_keys)
        all += " " + std::to_string(each) + "=" + std::to_string(*map_.find(each));
    all += "|";
    for (std::size_t i = 0; i != list_.size(); ++i)
      all += " " + std::to_string(list_.at(i));
    return all;
  }

private:
  void set_key(const std::string& key) {
    map_.set_key(key_hash(key), key);
    list_.set_key(key_hash(key), key);
  }

  weir::state_table<std::string, int> state_{"state"};
  weir::detail::keyed_map_table<std::string, std::uint32_t, int> map_{"state.map"};
  weir::detail::keyed_list_table<std::string, int> list_{"state.list"};
};

/// What the tables should have, without any of their ways.
class model {
public:
  [[nodiscard]] bool lives(const std::string& key, long now_s) const {
    const auto found = all_.find(key);
    return found != all_.end() && found->second.written_s + after_s > now_s;
  }
  void apply(const std::string& key, const change& c, long now_s) {
    if (!lives(key, now_s))
      all_.erase(key);
    of_key& known = all_[key];
    ++known.count;
    known.written_s = now_s;
    if (c.erases)
      known.map.erase(c.sub_key);
    else
      known.map[c.sub_key] = c.value;
    if (c.pops && !known.list.empty())
      known.list.erase(known.list.begin());
    else
      known.list.push_back(c.value);
  }
  [[nodiscard]] std::string text(const std::string& key, long now_s) const {
    if (!lives(key, now_s))
      return "|";
    const of_key& known = all_.at(key);
    std::string text = std::to_string(known.count);
    for (const auto& [sub_key, value] : known.map)
      text += " " + std::to_string(sub_key) + "=" + std::to_string(value);
    text += "|";
    for (const int value : known.list)
      text += " " + std::to_string(value);
    return text;
  }

private:
  struct of_key {
    int count = 0;
    std::map<std::uint32_t, int> map;
    std::vector<int> list;
    long written_s = 0;
  };
  std::map<std::string, of_key> all_;
};

/// A checkpoint: every table is frozen before the first is encoded, then slices come from any of them.
class checkpoint {
public:
  [[nodiscard]] bool open() const { return open_; }
  void begin(tables& of) {
    open_ = true;
    for (std::size_t i = 0; i != fresh_.size(); ++i) {
      fresh_.at(i).clear();
      pending_.at(i) = of.table(i).changed_since_mark();
      if (pending_.at(i))
        of.table(i).mark();
    }
  }
  void slice(tables& of, std::size_t number, std::size_t size) {
    if (pending_.at(number))
      pending_.at(number) = !of.table(number).encode(size, fresh_.at(number));
    if (pending_ != std::array<bool, 3>{})
      return;
    open_ = false;
    for (std::size_t i = 0; i != fresh_.size(); ++i) {
      if (!fresh_.at(i).empty() && fresh_.at(i).front().kind == weir::snapshot_kind::base)
        whole_.at(i).clear();
      whole_.at(i).insert(whole_.at(i).end(), fresh_.at(i).begin(), fresh_.at(i).end());
    }
  }
  /// Of the last one that is whole: what is to be loaded.
  [[nodiscard]] const chains& whole() const { return whole_; }

private:
  bool open_ = false;
  std::array<bool, 3> pending_{};
  chains fresh_;
  chains whole_;
};

chains snapshot_of(tables& of) {
  checkpoint taken;
  taken.begin(of);
  for (std::size_t i = 0; taken.open(); ++i)
    taken.slice(of, i % 3, 10);
  return taken.whole();
}

/// Restored now or later, by one subtask or by two, there is what lived at the mark and lives still. Half of the keys
/// are used before anything was freed, and half of them after.
void check_restored(const chains& from, const model& marked, long marked_s, std::mt19937& random) {
  for (const long later_s : {0L, 4L, 9L, 15L}) {
    const long now_s = marked_s + later_s;
    for (const weir::key_group_range owned : {everything, {0, 5}, {5, 16}}) {
      tables restored{now_s, owned};
      restored.load(from);
      const auto used_first = random();
      for (const bool first : {true, false}) {
        if (!first)
          restored.clean_all();
        for (std::size_t i = 0; i != keys.size(); ++i) {
          const weir::key_group group = weir::key_groups{max_parallelism}.of(key_hash(keys[i]));
          if (group.value < owned.first || group.value >= owned.last || ((used_first >> i) % 2 == 0) == first)
            continue;
          INFO("key " << keys[i] << ", " << later_s << " s later, used first: " << first);
          if (first)
            static_cast<void>(restored.touch(keys[i]));
          const std::string left = first && !marked.lives(keys[i], now_s) ? "0" : "";
          REQUIRE(restored.text(keys[i]) == left + marked.text(keys[i], now_s));
        }
      }
    }
  }
}

void run_model(unsigned seed) {
  std::mt19937 random{seed};
  const auto below = [&](unsigned bound) { return random() % bound; };
  long now_s = 1;
  auto tested = std::make_unique<tables>(now_s);
  model expected;
  model marked;
  long marked_s = 0;
  checkpoint taken;
  for (int step = 0; step != 300; ++step) {
    INFO("seed " << seed << ", step " << step);
    const auto action = below(16);
    if (action < 6) {
      const std::string& key = keys[below(static_cast<unsigned>(keys.size()))];
      const change c{static_cast<std::uint32_t>(below(4)), static_cast<int>(below(100)), below(5) == 0, below(7) == 0};
      tested->apply(key, c);
      expected.apply(key, c, now_s);
    } else if (action < 8) {
      now_s += static_cast<long>(below(5));
      tested->set_time(now_s);
    } else if (action < 10) {
      static_cast<void>(tested->clean(below(20)));
    } else if (!taken.open()) {
      taken.begin(*tested);
      marked = expected;
      marked_s = now_s;
    } else {
      taken.slice(*tested, below(3), 1 + below(4));
      if (!taken.open()) {
        check_restored(taken.whole(), marked, marked_s, random);
        if (below(8) == 0) {
          tested = std::make_unique<tables>(now_s);
          tested->load(taken.whole());
          expected = marked;
        }
      }
    }
    for (const std::string& key : keys)
      if (expected.lives(key, now_s))
        REQUIRE(tested->text(key) == expected.text(key, now_s));
  }
  tested->set_time(now_s + 2 * after_s);
  tested->clean_all();
  REQUIRE(tested->entries() == 0);
}

} // namespace expiring_collections_model

using namespace expiring_collections_model;

TEST_CASE("collections that expire are what a plain model says, in use and after every restore") {
  for (unsigned seed = 0; seed != 150; ++seed)
    run_model(seed);
}

TEST_CASE("where the time to live is taken away, the collections of a key come back whole with its state") {
  tables before{1};
  before.apply("a", {1, 5, false, false});
  before.set_time(12);
  const chains taken = snapshot_of(before);
  tables after{12, everything, tables::lifetime::unlimited};
  after.load(taken);
  CHECK(after.text("a") == "1 1=5| 5");

  before.clean_all();
  tables later{12, everything, tables::lifetime::unlimited};
  later.load(snapshot_of(before));
  CHECK(later.text("a") == "|");
}

TEST_CASE("entries that were imported for a key without a state are its own, and do not expire before it has one") {
  tables before{1, everything, tables::lifetime::unlimited};
  before.import_entry("a", 1, 5);
  const chains taken = snapshot_of(before);
  tables after{12};
  after.load(taken);
  after.set_time(100);
  after.clean_all();
  CHECK(after.text("a") == " 1=5|");
  after.apply("a", {2, 7, false, false});
  CHECK(after.text("a") == "1 1=5 2=7| 7");
  after.set_time(100 + after_s);
  after.clean_all();
  CHECK(after.entries() == 0);
}

TEST_CASE("the many entries of a key that expired are freed some at a time, and none of them is seen meanwhile") {
  constexpr std::uint32_t many = 1000;
  const std::size_t budget = GENERATE(1U, 2U, 3U, 4U, 7U, 64U, 500U);
  CAPTURE(budget);
  tables tested{1};
  for (std::uint32_t i = 0; i != many; ++i)
    tested.apply("a", {i, 1, false, false});
  tested.apply("b", {0, 1, false, false});
  tested.set_time(8);
  tested.apply("b", {1, 2, false, false});
  tested.set_time(12);
  std::size_t calls = 0;
  for (std::size_t left = tested.entries(); left != 5; ++calls) { // those of b
    INFO("call " << calls << ", " << left << " entries are left");
    REQUIRE(calls != 50'000);
    const bool whole = tested.clean(budget);
    REQUIRE(left - tested.entries() <= budget);
    left = tested.entries();
    if (left > 6)
      REQUIRE_FALSE(whole);
    REQUIRE(tested.text("b") == "2 0=1 1=2| 1 2");
  }
  CHECK(calls >= 2 * many / budget);
  CHECK(tested.text("a") == "|");
}

TEST_CASE("a key whose entries are half freed begins anew without those that are left") {
  tables tested{1};
  for (std::uint32_t i = 0; i != 100; ++i)
    tested.apply("a", {i, 1, false, false});
  tested.set_time(12);
  for (int i = 0; i != 10; ++i)
    REQUIRE_FALSE(tested.clean(10));
  REQUIRE(tested.entries() > 100);
  const chains taken = snapshot_of(tested);
  const auto begins_anew = [](tables& of) {
    of.apply("a", {3, 7, false, false});
    return of.text("a") == "1 3=7| 7" && of.entries() == 3;
  };
  CHECK(begins_anew(tested));
  tables restored{12};
  restored.load(taken);
  CHECK(begins_anew(restored));
}
