// Tests of the actor to which producers send: who is taken next, in which order news goes out, and what ends it.
#include "source_harness.hpp"

#include <weir/actors/feed_inbox.hpp>
#include <weir/actors/feed_messages.hpp>
#include <weir/persistence/error.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using values = std::vector<int>;

weir::batch_ptr batch_of_ints(const values& records) {
  weir::batch_ptr batch = weir::element_type_of<int>().make_batch(records.size());
  for (const int record : records)
    weir::as<int>(*batch).values.push_back(record);
  return batch;
}

/// What the decoder of a `host` does before it gives one record, 7.
std::function<void()>& before_decoding() {
  static std::function<void()> call = [] {};
  return call;
}

weir::fed_type int_type() {
  return {&weir::element_type_of<int>(),
          [](std::span<const std::byte>) {
            before_decoding()();
            return batch_of_ints({7});
          },
          [](weir::any_collector& out, weir::any_batch& records, std::size_t from, std::size_t to) {
            for (std::size_t i = from; i != to; ++i)
              static_cast<weir::collector<int>&>(out)(weir::as<int>(records).values[i]);
          }};
}

/// An inbox, its desk, a reader, and an actor that feeds under any name.
struct host {
  host() {
    before_decoding() = [] {};
    out.connect(list, 64);
    reader = source->open_split(source->enumerate(1).front(), {}, {});
  }
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  ~host() { caf::anon_send_exit(inbox, caf::exit_reason::user_shutdown); }

  auto feed(const std::string& producer, std::uint64_t first, const values& records) {
    return self->request(inbox, 10s, weir::local_feed{producer, first, batch_of_ints(records)});
  }
  /// Returns when the inbox has seen to all that was sent before.
  void settle() {
    self->request(inbox, 10s, weir::where_atom::value, std::string{"nobody"})
        .receive([](weir::where_atom, std::uint64_t, std::uint64_t) {}, [](const caf::error&) { FAIL("no answer"); });
  }
  void read() {
    while (reader->read(out, 3) == weir::read_status::more) {
    }
    out.flush();
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  std::shared_ptr<weir::feed_desk> desk = std::make_shared<weir::feed_desk>(weir::feed_limits{8, 10});
  std::shared_ptr<const weir::any_source> source = weir::make_feed_source(desk, int_type(), nullptr);
  caf::actor inbox = weir::spawn_feed_inbox(system, desk, int_type(), 10);
  caf::scoped_actor self{system};
  weir_test::record_list<int> list;
  weir::collector<int> out;
  std::unique_ptr<weir::split_reader> reader;
};

const auto taken = [](weir::taken_atom, std::uint64_t) {};
const auto not_taken = [](const caf::error&) { FAIL("not taken"); };

std::string text_of(const caf::error& why) {
  return why.context().match_elements<std::string, std::uint64_t>() ? why.context().get_as<std::string>(0) : "?";
}

} // namespace

TEST_CASE("feeds that wait are taken in the order in which they came, large ones before later small ones") {
  host h;
  h.feed("m", 1, {1, 2, 3, 4, 5, 6}).receive(taken, not_taken);
  auto large = h.feed("z", 1, {10, 11, 12, 13, 14, 15, 16, 17});
  auto second = h.feed("b", 1, {20});
  auto third = h.feed("a", 1, {30}); // there would be room for it
  h.settle();
  h.read();
  large.receive(taken, not_taken);
  h.read();
  second.receive(taken, not_taken);
  third.receive(taken, not_taken);
  h.read();
  CHECK(h.list.records == values{1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 17, 20, 30});
}

TEST_CASE("a feed that is sent again keeps its place") {
  host h;
  h.feed("m", 1, {1, 2, 3, 4, 5, 6, 7, 8}).receive(taken, not_taken);
  auto lost = h.feed("z", 1, {10, 11, 12, 13, 14, 15, 16, 17});
  auto other = h.feed("a", 1, {30});
  auto again = h.feed("z", 1, {10, 11, 12, 13, 14, 15, 16, 17});
  h.settle();
  lost.receive([](weir::taken_atom, std::uint64_t) { FAIL("taken"); },
               [](const caf::error& why) { CHECK(text_of(why) == "the same feed was sent again"); });
  h.read();
  again.receive(taken, not_taken);
  h.read();
  other.receive(taken, not_taken);
  h.read();
  CHECK(h.list.records.back() == 30);
  CHECK(h.list.records.size() == 17);
}

TEST_CASE("feeds that came before the splits were known are taken in their order in each split") {
  host h;
  h.reader.reset();
  h.desk = std::make_shared<weir::feed_desk>(weir::feed_limits{8, 100});
  h.source = weir::make_feed_source(h.desk, int_type(), nullptr);
  const caf::actor inbox = weir::spawn_feed_inbox(h.system, h.desk, int_type(), 100);
  for (int i = 99; i != 79; --i)
    h.self->send(inbox, weir::local_feed{"p" + std::to_string(i), 1, batch_of_ints({i})});
  h.self->request(inbox, 10s, weir::feed_atom::value, std::string{}, std::uint64_t{1}, std::vector<char>{})
      .receive([](weir::taken_atom, std::uint64_t) {}, [](const caf::error&) {});
  std::vector<std::unique_ptr<weir::split_reader>> readers;
  for (const auto& split : h.source->enumerate(3))
    readers.push_back(h.source->open_split(split, {}, {}));
  std::size_t all = 0;
  for (auto& reader : readers) {
    h.list.records.clear();
    // The last feed of each split to be taken leaves nothing to wait for but the inbox.
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    const auto due = [&] {
      std::size_t n = 0;
      for (int i = 99; i != 79; --i)
        n += weir::split_of_producer("p" + std::to_string(i), 3) == static_cast<std::size_t>(&reader - readers.data());
      return n;
    }();
    while (h.list.records.size() != due && std::chrono::steady_clock::now() < deadline) {
      while (reader->read(h.out, 3) == weir::read_status::more) {
      }
      h.out.flush();
    }
    CHECK(std::is_sorted(h.list.records.rbegin(), h.list.records.rend()));
    all += h.list.records.size();
  }
  CHECK(all == 20);
  caf::anon_send_exit(inbox, caf::exit_reason::user_shutdown);
}

TEST_CASE("a feed that waits hears that the source is closed, though its reader is gone before the inbox knows") {
  host h;
  h.feed("a", 1, {1, 2, 3, 4, 5, 6}).receive(taken, not_taken);
  auto waits = h.feed("b", 1, {1, 2, 3});
  std::promise<void> begun;
  std::promise<void> go_on;
  before_decoding() = [&, through = go_on.get_future().share()] {
    begun.set_value();
    through.wait();
  };
  auto busy = h.self->request(h.inbox, 10s, weir::feed_atom::value, std::string{"other"}, std::uint64_t{1},
                              std::vector<char>{'x'});
  begun.get_future().wait();
  h.desk->close();
  h.read(); // without checkpoints a reader that has come to the end goes at once
  h.reader.reset();
  go_on.set_value();
  const auto closed = [](const caf::error& why) {
    CHECK(why.category() == weir::feed_error_category);
    CHECK(why.code() == static_cast<std::uint8_t>(weir::feed_error::closed));
  };
  const auto was_taken = [](weir::taken_atom, std::uint64_t) { FAIL("taken"); };
  waits.receive(was_taken, closed);
  busy.receive(was_taken, closed);
  h.self->request(h.inbox, 10s, weir::where_atom::value, std::string{"a"})
      .receive(
          [](weir::where_atom, std::uint64_t next, std::uint64_t durable) {
            CHECK(next == 7);
            CHECK(durable == 0);
          },
          [](const caf::error&) { FAIL("no answer"); });
}

TEST_CASE("a producer hears what is lost before it hears what is durable since") {
  host h;
  h.feed("a", 1, {1, 2, 3}).receive(taken, not_taken);
  std::promise<void> begun;
  std::promise<void> go_on;
  before_decoding() = [&, through = go_on.get_future().share()] {
    begun.set_value();
    through.wait();
  };
  // While the inbox is busy the reader is replaced, and what is brought again becomes durable.
  auto busy = h.self->request(h.inbox, 10s, weir::feed_atom::value, std::string{"other"}, std::uint64_t{1},
                              std::vector<char>{'x'});
  begun.get_future().wait();
  h.reader.reset();
  h.reader = h.source->open_split(h.source->enumerate(1).front(), R"({"a":1})", {});
  CHECK(h.desk->offer("a", 2, batch_of_ints({2, 3})).verdict == weir::feed_verdict::taken);
  h.read();
  h.reader->durable(R"({"a":3})");
  go_on.set_value();
  std::vector<std::string> heard;
  for (int i = 0; i != 2; ++i)
    h.self->receive([&](weir::rewound_atom, const std::string&,
                        std::uint64_t through) { heard.push_back("rewound " + std::to_string(through)); },
                    [&](weir::durable_atom, const std::string&, std::uint64_t through) {
                      heard.push_back("durable " + std::to_string(through));
                    },
                    caf::after(10s) >> [] { FAIL("nothing was said"); });
  CHECK(heard == std::vector<std::string>{"rewound 1", "durable 3"});
  busy.receive(taken, not_taken);
}

TEST_CASE("the producers of all splits are taken, kept waiting and told, not those of one alone") {
  host h;
  h.reader.reset();
  h.desk = std::make_shared<weir::feed_desk>(weir::feed_limits{1, 2});
  h.source = weir::make_feed_source(h.desk, int_type(), nullptr);
  const caf::actor inbox = weir::spawn_feed_inbox(h.system, h.desk, int_type(), 2);
  std::vector<std::unique_ptr<weir::split_reader>> readers;
  for (const auto& split : h.source->enumerate(4))
    readers.push_back(h.source->open_split(split, {}, {}));
  std::vector<std::vector<std::string>> names(4); // two of each split
  for (int i = 0; std::any_of(names.begin(), names.end(), [](const auto& some) { return some.size() < 2; }); ++i) {
    const std::string name = "p" + std::to_string(i);
    if (auto& some = names[weir::split_of_producer(name, 4)]; some.size() < 2)
      some.push_back(name);
  }
  const auto feed = [&](const std::string& name) {
    return h.self->request(inbox, 10s, weir::local_feed{name, 1, batch_of_ints({1})});
  };
  for (const auto& some : names)
    feed(some[0]).receive(taken, not_taken);
  std::vector<decltype(feed(""))> waiting; // there is no room for the second of each split
  for (const auto& some : names)
    waiting.push_back(feed(some[1]));
  const auto all_were_read = [&] {
    std::size_t records = 0;
    for (const auto& reader : readers) {
      while (reader->read(h.out, 1) == weir::read_status::more) {
      }
      h.out.flush();
      records = h.list.records.size();
    }
    return records == 8;
  };
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!all_were_read() && std::chrono::steady_clock::now() < deadline) {
  }
  for (auto& each : waiting)
    each.receive(taken, not_taken);
  REQUIRE(h.list.records.size() == 8);
  for (const auto& reader : readers)
    reader->durable(reader->position());
  std::set<std::string> told;
  for (int i = 0; i != 8; ++i)
    h.self->receive(
        [&](weir::durable_atom, const std::string& name, std::uint64_t through) {
          CHECK(through == 1);
          told.insert(name);
        },
        caf::after(10s) >> [] { FAIL("nothing was said"); });
  CHECK(told.size() == 8);
  caf::anon_send_exit(inbox, caf::exit_reason::user_shutdown);
}

TEST_CASE("questions under any names leave room for those who feed") {
  host h;
  for (int i = 0; i != 20; ++i)
    h.self->request(h.inbox, 10s, weir::where_atom::value, "name " + std::to_string(i))
        .receive([](weir::where_atom, std::uint64_t, std::uint64_t) {}, not_taken);
  h.feed("a", 1, {1}).receive(taken, not_taken);
  h.read();
  h.reader->durable(R"({"a":1})");
  h.self->receive([](weir::durable_atom, const std::string& name, std::uint64_t) { CHECK(name == "a"); },
                  caf::after(10s) >> [] { FAIL("nothing was said"); });
}

TEST_CASE("whoever asks for a producer that has fed before hears what becomes of its records") {
  host h;
  h.feed("a", 1, {1}).receive(taken, not_taken);
  caf::scoped_actor successor{h.system};
  successor->request(h.inbox, 10s, weir::where_atom::value, std::string{"a"})
      .receive([](weir::where_atom, std::uint64_t next, std::uint64_t) { CHECK(next == 2); }, not_taken);
  h.read();
  h.reader->durable(R"({"a":1})");
  successor->receive([](weir::durable_atom, const std::string& name, std::uint64_t) { CHECK(name == "a"); },
                     caf::after(10s) >> [] { FAIL("nothing was said"); });
}

TEST_CASE("an inbox does not remember senders that are gone") {
  host h;
  std::vector<caf::actor_addr> gone;
  for (const char* name : {"a", "b"}) {
    const caf::scoped_actor sender{h.system};
    for (const char* each : {name, "shared"})
      sender->request(h.inbox, 10s, weir::local_feed{each, 1, batch_of_ints({1})}).receive(taken, not_taken);
    gone.push_back(sender->address());
  }
  for (const caf::actor_addr& each : gone) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (each.get()->weak_refs != 1 && std::chrono::steady_clock::now() < deadline)
      h.settle();
    CHECK(each.get()->weak_refs == 1); // that of this test
  }
  h.feed("a", 2, {2}).receive(taken, not_taken);
  h.read();
  h.reader->durable(R"({"a":2,"b":1,"shared":1})");
  h.self->receive([](weir::durable_atom, const std::string& name, std::uint64_t) { CHECK(name == "a"); },
                  caf::after(10s) >> [] { FAIL("nothing was said"); });
}

TEST_CASE("whatever a decoder throws, its feed is refused and the inbox goes on") {
  host h;
  before_decoding() = [] { throw std::runtime_error{"bad records"}; };
  h.self->request(h.inbox, 10s, weir::feed_atom::value, std::string{"a"}, std::uint64_t{1}, std::vector<char>{'x'})
      .receive([](weir::taken_atom, std::uint64_t) { FAIL("taken"); },
               [](const caf::error& why) {
                 CHECK(why.category() == weir::feed_error_category);
                 CHECK(why.code() == static_cast<std::uint8_t>(weir::feed_error::wrong));
                 CHECK(text_of(why) == "bad records");
               });
  h.feed("a", 1, {1}).receive(taken, not_taken);
}

TEST_CASE("readers fail when their inbox has ended, after what it had taken") {
  host h;
  h.feed("a", 1, {1, 2}).receive(taken, not_taken);
  h.self->monitor(h.inbox);
  caf::anon_send_exit(h.inbox, caf::exit_reason::kill);
  h.self->receive([](const caf::down_msg&) {}, caf::after(10s) >> [] { FAIL("the inbox lives on"); });
  CHECK_THROWS_AS(h.read(), weir::usage_error);
  h.out.flush();
  CHECK(h.list.records == values{1, 2});
}
