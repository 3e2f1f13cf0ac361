// The partitioner of keyed edges deals by the arithmetic of key groups.
#include <weir/operators/key_partitioner.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace {

struct event {
  std::uint32_t key;
  std::uint32_t number;
  friend bool operator==(const event&, const event&) = default;
};

struct named_event {
  std::string key;
  std::uint32_t number = 0;
  friend bool operator==(const named_event&, const named_event&) = default;
};

struct delivery {
  std::size_t target;
  weir::batch_ptr batch;
};

struct deliveries final : weir::partition_receiver {
  void deliver(std::size_t target, weir::batch_ptr batch) override { all.push_back({target, std::move(batch)}); }
  std::vector<delivery> all;
};

template <class T>
T make_event(std::uint32_t i);
template <>
event make_event<event>(std::uint32_t i) {
  return {i * i % 101, i};
}
template <>
named_event make_event<named_event>(std::uint32_t i) {
  return {"the key of some length " + std::to_string(i * i % 101), i};
}

template <class T>
weir::batch_ptr make_batch(std::uint32_t first, std::uint32_t n, bool timed) {
  auto* made = new weir::batch<T>;
  for (std::uint32_t i = first; i != first + n; ++i) {
    made->values.push_back(make_event<T>(i));
    if (timed)
      made->times.push_back(weir::event_time{std::chrono::milliseconds{i}});
  }
  return weir::batch_ptr{made};
}

struct dealing {
  std::size_t targets;
  std::uint32_t max_parallelism;
  std::size_t batch_size;
  std::uint32_t fed_size;
  bool timed;
  bool shared;
};

/// Deals 1,000 records, and checks that each is where its key group belongs, in order, with its hash and time.
template <class T>
void check_dealing(const dealing& how) {
  INFO(how.targets << " targets, " << how.max_parallelism << " key groups, batches of " << how.fed_size);
  weir::key_partitioner<T, decltype(T::key) T::*> partitioner{&T::key};
  partitioner.configure(how.targets, how.batch_size, how.max_parallelism);
  deliveries got;
  constexpr std::uint32_t total = 1000;
  for (std::uint32_t first = 0; first < total; first += how.fed_size) {
    const auto n = std::min(how.fed_size, total - first);
    auto batch = make_batch<T>(first, n, how.timed);
    const auto other_owner = how.shared ? batch : weir::batch_ptr{};
    partitioner.route(std::move(batch), got);
    if (how.shared)
      for (std::uint32_t i = 0; i != n; ++i)
        REQUIRE(weir::as<T>(*other_owner).values[i] == make_event<T>(first + i));
  }
  partitioner.flush(got);
  REQUIRE(partitioner.empty());

  const weir::key_groups groups{how.max_parallelism};
  std::map<std::size_t, std::uint32_t> last_of_target;
  std::size_t seen = 0;
  for (const auto& [target, batch] : got.all) {
    const auto& b = weir::as<T>(*batch);
    REQUIRE(b.size() != 0);
    REQUIRE(b.hashes.size() == b.size());
    REQUIRE(b.times.size() == (how.timed ? b.size() : 0));
    if (how.targets > 1)
      REQUIRE(b.size() <= how.batch_size);
    for (std::size_t i = 0; i != b.size(); ++i) {
      const T& record = b.values[i];
      REQUIRE(record == make_event<T>(record.number));
      REQUIRE(b.hashes[i] == weir::key_hash(record.key));
      REQUIRE(groups.subtask_of(groups.of(b.hashes[i]), static_cast<std::uint32_t>(how.targets)).value == target);
      if (how.timed)
        REQUIRE(b.times[i].time_since_epoch().count() == record.number);
      const auto [last, first_of_target] = last_of_target.try_emplace(target, record.number);
      REQUIRE((first_of_target || last->second < record.number));
      last->second = record.number;
      ++seen;
    }
  }
  REQUIRE(seen == total);
}

} // namespace

TEST_CASE("records are dealt by key group, in order, with hashes and times") {
  for (const std::size_t targets : {1U, 2U, 3U, 7U})
    for (const std::uint32_t max_parallelism : {128U, 100U, 7U})
      for (const std::uint32_t fed_size : {1U, 50U, 333U})
        for (const bool timed : {false, true})
          for (const bool shared : {false, true}) {
            const dealing how{targets, max_parallelism, 64, fed_size, timed, shared};
            check_dealing<event>(how);
            check_dealing<named_event>(how);
          }
}

TEST_CASE("with one target a large batch is handed on as it is, small ones are put together") {
  weir::key_partitioner<event, std::uint32_t event::*> partitioner{&event::key};
  partitioner.configure(1, 10, 128);
  deliveries got;
  auto large = make_batch<event>(0, 10, false);
  const auto* address = large.get();
  partitioner.route(std::move(large), got);
  REQUIRE(got.all.size() == 1);
  CHECK(got.all[0].batch.get() == address);

  for (std::uint32_t i = 0; i != 5; ++i)
    partitioner.route(make_batch<event>(10 + 2 * i, 2, false), got);
  REQUIRE(got.all.size() == 2);
  CHECK(got.all[1].batch->size() == 10);
  CHECK(partitioner.empty());
}

TEST_CASE("with one target a shared batch is copied before hashes are added") {
  weir::key_partitioner<event, std::uint32_t event::*> partitioner{&event::key};
  partitioner.configure(1, 10, 128);
  deliveries got;
  const auto shared = make_batch<event>(0, 10, false);
  partitioner.route(shared, got);
  CHECK(shared->hashes.empty());
  REQUIRE(got.all.size() == 1);
  CHECK(got.all[0].batch->hashes.size() == 10);
}

TEST_CASE("records with and without event times never share a batch") {
  for (const std::size_t targets : {1U, 2U}) {
    weir::key_partitioner<event, std::uint32_t event::*> partitioner{&event::key};
    partitioner.configure(targets, 100, 128);
    deliveries got;
    partitioner.route(make_batch<event>(0, 8, true), got);
    partitioner.route(make_batch<event>(8, 8, false), got);
    partitioner.route(make_batch<event>(16, 8, true), got);
    partitioner.flush(got);
    std::size_t timed = 0;
    std::size_t untimed = 0;
    for (const auto& [target, batch] : got.all) {
      REQUIRE((batch->times.empty() || batch->times.size() == batch->size()));
      (batch->times.empty() ? untimed : timed) += batch->size();
    }
    CHECK(timed == 16);
    CHECK(untimed == 8);
  }
}

TEST_CASE("hashes of an earlier keyed edge are replaced") {
  for (const std::size_t targets : {1U, 2U}) {
    weir::key_partitioner<event, std::uint32_t event::*> partitioner{&event::key};
    partitioner.configure(targets, 4, 128);
    deliveries got;
    auto batch = make_batch<event>(0, 4, false);
    for (int i = 0; i != 4; ++i)
      batch->hashes.push_back(42);
    partitioner.route(std::move(batch), got);
    partitioner.flush(got);
    for (const auto& [target, dealt] : got.all)
      for (std::size_t i = 0; i != dealt->size(); ++i)
        CHECK(dealt->hashes[i] == weir::key_hash(weir::as<event>(*dealt).values[i].key));
  }
}
