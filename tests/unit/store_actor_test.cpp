// A restore comes in parts: as many bytes as were asked for, in order, and from where the last part ended.
#include "unit/checkpoint_store_fixture.hpp"

#include <weir/actors/actor_messages.hpp>
#include <weir/actors/store_actor.hpp>
#include <weir/operators/environment.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace store_test;
using namespace std::chrono_literals;
using weir::load_position;

namespace {

constexpr const char* schema = R"({"key":{"kind":"string"},"value":{"kind":"string"}})";

/// A store with two tables: "counts" of two subtasks, with chunks "a", "bb", … and "sums" with one. It is not read
/// before its actor is asked.
struct host {
  host() {
    auto store = std::make_shared<weir::checkpoint_store>(memory_store());
    const std::vector<weir::operator_record> operators{{"counts", "count", "counts", weir::region_id{0}, 2, "f"}};
    const std::vector<weir::schema_record> schemas{{"counts", "counts", schema}, {"counts", "sums", schema}};
    store->register_plan(operators, schemas, 128);
    const auto attempt = store->begin_attempt(weir::region_id{0}, at(0), std::nullopt);
    checkpoint = store->open_checkpoint(weir::checkpoint_trigger::interval, at(1));
    for (std::uint32_t subtask = 0; subtask != 2; ++subtask) {
      auto snapshot = snapshot_of(checkpoint, attempt, subtask, 2);
      snapshot.tables.push_back({"counts", "counts", weir::snapshot_kind::base, true, {}});
      snapshot.tables.push_back({"counts", "sums", weir::snapshot_kind::base, true, {}});
      for (std::uint32_t i = 0; i != 5; ++i)
        snapshot.chunks.push_back(chunk_of("counts", "counts", std::string(i + 1, subtask == 0 ? 'a' : 'A'),
                                           subtask * 64 + i, subtask * 64 + i));
      snapshot.chunks.push_back(chunk_of("counts", "sums", subtask == 0 ? "sum" : "SUM", subtask * 64, subtask * 64));
      store->write(snapshot, at(2));
    }
    static_cast<void>(store->complete(checkpoint, expect(2), at(3)));
    actor = weir::spawn_store(system, weir::blocking_work::scheduled, std::move(store), weir::system_environment());
  }
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  ~host() { caf::anon_send(actor, weir::stop_subtask{}); }

  weir::load_request request(load_position from, std::size_t part_bytes, weir::key_group_range groups) {
    return {checkpoint,
            {{4, "counts", "counts", weir::distribution::by_key_group},
             {7, "counts", "sums", weir::distribution::by_key_group}},
            groups,
            from,
            part_bytes,
            caf::actor_cast<caf::actor>(self)};
  }
  weir::state_part answer() {
    std::optional<weir::state_part> part;
    self->receive([&](const weir::state_part& found) { part = found; },
                  [](const weir::store_failed& failed) { FAIL(failed.message); },
                  caf::after(10s) >> [] { FAIL("no answer"); });
    return *part;
  }
  /// "table:bytes" for each piece; a schema is an S before it.
  static std::string text_of(const weir::state_part& part) {
    std::string text;
    for (const weir::state_piece& piece : *part.pieces) {
      text +=
          (text.empty() ? "" : " ") + std::string{piece.schema.empty() ? "" : "S"} + std::to_string(piece.table) + ":";
      for (const std::byte b : piece.bytes)
        text += static_cast<char>(b);
    }
    return text;
  }
  /// All parts, with a bar between.
  std::string load(std::size_t part_bytes, weir::key_group_range groups) {
    std::string text;
    std::optional<load_position> next = load_position{};
    while (next) {
      caf::anon_send(actor, request(*next, part_bytes, groups));
      const weir::state_part part = answer();
      CHECK(part.at == *next);
      text += (text.empty() ? "" : " | ") + text_of(part);
      next = part.next;
    }
    return text;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  weir::checkpoint_id checkpoint;
  caf::actor actor;
};

} // namespace

TEST_CASE("a restore comes in parts of as many bytes as were asked for, with each table's schema") {
  host h;
  CHECK(h.load(1, {0, 64}) == "S4:a | S4:aa | S4:aaa | S4:aaaa | S4:aaaaa | S7:sum");
  CHECK(h.load(3, {0, 64}) == "S4:a 4:aa | S4:aaa | S4:aaaa | S4:aaaaa | S7:sum");
  CHECK(h.load(1'000, {0, 64}) == "S4:a 4:aa 4:aaa 4:aaaa 4:aaaaa S7:sum");
  CHECK(h.load(14, {63, 67}) == "S4:A 4:AA 4:AAA S7:SUM");
  CHECK(h.load(1, {10, 20}).empty());
}

TEST_CASE("the first part of a restore says how much there is in all") {
  host h;
  caf::anon_send(h.actor, h.request({}, 1, {0, 128}));
  const weir::state_part first = h.answer();
  CHECK(first.whole.entries == 12);
  CHECK(first.whole.bytes == 36);
  caf::anon_send(h.actor, h.request(*first.next, 1, {0, 128}));
  CHECK(h.answer().whole.entries == 0);
}

TEST_CASE("two that load side by side get their parts by turns, and asking again gives the same part") {
  host h;
  caf::anon_send(h.actor, h.request({}, 1, {0, 64}));
  caf::anon_send(h.actor, h.request({}, 1, {64, 128}));
  caf::anon_send(h.actor, h.request({0, 1}, 1, {0, 64}));
  caf::anon_send(h.actor, h.request({}, 1, {64, 128}));
  CHECK(host::text_of(h.answer()) == "S4:a");
  CHECK(host::text_of(h.answer()) == "S4:A");
  CHECK(host::text_of(h.answer()) == "S4:aa");
  CHECK(host::text_of(h.answer()) == "S4:A");
}
