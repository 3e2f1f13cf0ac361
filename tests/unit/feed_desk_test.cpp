// Tests of what an actor source takes, drops, keeps waiting and refuses, and of what its producers hear.
#include "source_harness.hpp"
#include "subtask_harness.hpp"

#include <weir/actors/feed_desk.hpp>
#include <weir/actors/feed_source.hpp>
#include <weir/actors/source_driver.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::feed_verdict;
using weir::producer_marks;
using weir::read_status;
using values = std::vector<int>;

weir::fed_type int_type() {
  return {&weir::element_type_of<int>(), nullptr,
          [](weir::any_collector& out, weir::any_batch& records, std::size_t from, std::size_t to) {
            for (std::size_t i = from; i != to; ++i)
              static_cast<weir::collector<int>&>(out)(weir::as<int>(records).values[i]);
          }};
}

weir::feed_limits small_limits() {
  return {8, 3};
}

/// A desk, and the source of its readers.
struct fed {
  explicit fed(weir::feed_limits limits = small_limits())
      : desk(std::make_shared<weir::feed_desk>(limits)), source(weir::make_feed_source(desk, int_type(), nullptr)) {
    desk->on_news([this] { ++told; });
    out.connect(list, 64);
  }

  weir::feed_answer offer(const std::string& producer, std::uint64_t first, const values& records) {
    return desk->offer(producer, first, weir_test::batch_of(records));
  }
  weir::feed_answer offer_behind(const std::string& producer, std::uint64_t first, const values& records) {
    return desk->offer(producer, first, weir_test::batch_of(records), true);
  }
  std::unique_ptr<weir::split_reader> open(const std::string& position = {}, std::uint32_t splits = 1,
                                           std::size_t split = 0) {
    auto reader = source->open_split(source->enumerate(splits).at(split), position, {});
    reader->attach(waker);
    return reader;
  }
  /// All that a reader has now.
  values read(weir::split_reader& reader, read_status last = read_status::later) {
    list.records.clear();
    read_status status = read_status::more;
    while (status == read_status::more)
      status = reader.read(out, 3);
    out.flush();
    CHECK(status == last);
    return list.records;
  }

  std::shared_ptr<weir::feed_desk> desk;
  std::shared_ptr<const weir::any_source> source;
  std::shared_ptr<weir_test::counting_waker> waker = std::make_shared<weir_test::counting_waker>();
  weir_test::record_list<int> list;
  weir::collector<int> out;
  int told = 0;
};

} // namespace

TEST_CASE("a feed waits until a reader has begun, and then is taken in order") {
  fed f;
  CHECK(f.offer("a", 1, {1, 2}).verdict == feed_verdict::waiting);
  CHECK_FALSE(f.desk->where("a"));
  const auto reader = f.open();
  CHECK(f.told == 1);
  CHECK(f.desk->take_news().room);
  CHECK(f.desk->where("a")->next == 1);
  const auto answer = f.offer("a", 1, {1, 2});
  CHECK(answer.verdict == feed_verdict::taken);
  CHECK(answer.expected == 3);
  CHECK(f.waker->calls == 1);
  CHECK(f.offer("b", 1, {9}).verdict == feed_verdict::taken);
  CHECK(f.offer("a", 3, {3, 4, 5, 6}).verdict == feed_verdict::taken);
  CHECK(f.read(*reader) == values{1, 2, 9, 3, 4, 5, 6});
  CHECK(reader->take_remark().empty());
  CHECK(reader->position() == R"({"a":6,"b":1})");
  CHECK(reader->next_at() == weir::processing_time::max());
}

TEST_CASE("a position between two records of a feed is exact") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1, 2, 3, 4, 5});
  CHECK(reader->read(f.out, 3) == read_status::more);
  CHECK(reader->position() == R"({"a":3})");
}

TEST_CASE("records that come again are dropped, whole feeds or parts of them") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1, 2, 3});
  CHECK(f.offer("a", 1, {1, 2}).expected == 4);
  CHECK(f.offer("a", 2, {2, 3, 4}).expected == 5);
  CHECK(f.read(*reader) == values{1, 2, 3, 4});
}

TEST_CASE("a gap is refused with the number that is expected") {
  fed f;
  const auto reader = f.open();
  CHECK(f.offer("a", 2, {2}).verdict == feed_verdict::gap);
  f.offer("a", 1, {1});
  const auto answer = f.offer("a", 3, {3});
  CHECK(answer.verdict == feed_verdict::gap);
  CHECK(answer.expected == 2);
  CHECK(f.read(*reader) == values{1});
}

TEST_CASE("what finds no room is not taken, until a reader has made some") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1, 2, 3, 4, 5, 6});
  CHECK(f.offer("b", 1, {1, 2, 3}).verdict == feed_verdict::full);
  CHECK(f.told == 0);
  f.read(*reader);
  CHECK(f.told == 1);
  CHECK(f.desk->take_news().room);
  CHECK(f.offer("b", 1, {1, 2, 3}).verdict == feed_verdict::taken);
}

TEST_CASE("feeds that no producer sends are refused with a reason") {
  fed f;
  const auto reader = f.open();
  CHECK(f.offer("", 1, {1}).verdict == feed_verdict::refused);
  CHECK(f.offer(std::string(201, 'x'), 1, {1}).verdict == feed_verdict::refused);
  CHECK(f.offer("a", 0, {1}).verdict == feed_verdict::refused);
  CHECK(f.offer("a", UINT64_MAX, {1}).verdict == feed_verdict::refused);
  CHECK(f.offer("a", 1, {}).verdict == feed_verdict::refused);
  CHECK(f.offer("a", 1, values(9, 0)).why == "9 records in one feed; send at most 8");
  for (const char* name : {"a", "b", "c"})
    CHECK(f.offer(name, 1, {1}).verdict == feed_verdict::taken);
  CHECK(f.offer("d", 1, {1}).why == "more than 3 producers");
}

TEST_CASE("producers hear what is durable, each number once") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.offer("b", 1, {1});
  f.read(*reader);
  const std::string position = reader->position();
  f.offer("a", 3, {3});
  f.read(*reader);
  reader->durable(position);
  CHECK(f.told == 1);
  CHECK(f.desk->take_news().durable == producer_marks{{"a", 2}, {"b", 1}});
  CHECK(f.desk->where("a")->durable == 2);
  CHECK(f.desk->where("a")->next == 4);
  reader->durable(reader->position());
  CHECK(f.desk->take_news().durable == producer_marks{{"a", 3}});
}

TEST_CASE("a reader that begins anew says to each producer what is lost") {
  fed f;
  auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.offer("b", 1, {1});
  f.read(*reader);
  const std::string position = reader->position();
  f.offer("a", 3, {3, 4});
  f.offer("c", 1, {1});
  reader.reset();
  CHECK(f.offer("a", 5, {5}).verdict == feed_verdict::waiting);
  reader = f.open(position);
  const auto news = f.desk->take_news();
  CHECK(news.rewound == producer_marks{{"a", 2}, {"c", 0}});
  CHECK(news.room);
  CHECK(f.read(*reader).empty()); // what waited was lost with the former reader
  CHECK(f.offer("a", 5, {5}).expected == 3);
  CHECK(f.offer("a", 2, {2, 3, 4, 5}).verdict == feed_verdict::taken);
  CHECK(f.read(*reader) == values{3, 4, 5});
  CHECK(f.desk->where("a")->durable == 2);
}

TEST_CASE("a closed source reads what was taken, takes nothing new, and ends") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.desk->close();
  CHECK(f.waker->calls == 2);
  CHECK(f.desk->take_news().room);
  const auto late = f.offer("a", 3, {3});
  CHECK(late.verdict == feed_verdict::closed);
  CHECK(late.expected == 3);
  CHECK(f.offer("b", 1, {1}).verdict == feed_verdict::closed);
  CHECK(f.offer("a", 1, {1, 2}).verdict == feed_verdict::taken); // it has them
  CHECK(f.read(*reader, read_status::end) == values{1, 2});
}

TEST_CASE("a closed source whose reader begins anew waits for what it had taken, and for no more") {
  fed f;
  auto reader = f.open();
  f.offer("a", 1, {1, 2, 3});
  f.read(*reader);
  f.desk->close();
  reader.reset();
  reader = f.open(R"({"a":1})");
  CHECK(f.read(*reader).empty());
  const std::string remark = reader->take_remark();
  CHECK_THAT(remark, Catch::Contains("of the producers a (up to record 3); draining"));
  CHECK(reader->take_remark().empty());
  const auto answer = f.offer("a", 1, {1, 2, 3, 4});
  CHECK(answer.verdict == feed_verdict::closed);
  CHECK(answer.expected == 4);
  CHECK(f.read(*reader, read_status::end) == values{2, 3});
}

TEST_CASE("a closed source answers when its reader has come to the end and is gone") {
  fed f;
  auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.desk->close();
  CHECK(f.read(*reader, read_status::end) == values{1, 2});
  reader->durable(reader->position());
  reader.reset();
  const auto late = f.offer("a", 3, {3});
  CHECK(late.verdict == feed_verdict::closed);
  CHECK(late.expected == 3);
  CHECK(f.offer("a", 1, {1, 2}).verdict == feed_verdict::taken); // it has them
  CHECK(f.offer("b", 1, {1}).verdict == feed_verdict::closed);
  REQUIRE(f.desk->where("a"));
  CHECK(f.desk->where("a")->next == 3);
  CHECK(f.desk->where("a")->durable == 2);
  CHECK(f.desk->where("b")->next == 1);
}

TEST_CASE("a closed source that was read to its end and is read again waits for what was lost") {
  fed f;
  auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.desk->close();
  CHECK(f.read(*reader, read_status::end) == values{1, 2});
  reader.reset(); // before that was durable
  reader = f.open(R"({"a":1})");
  CHECK(f.desk->take_news().rewound == producer_marks{{"a", 1}});
  CHECK(f.read(*reader).empty());
  CHECK(f.offer("a", 2, {2, 3}).verdict == feed_verdict::closed);
  CHECK(f.read(*reader, read_status::end) == values{2});
  reader.reset();
  CHECK(f.desk->where("a")->next == 3);
}

TEST_CASE("a reader of a closed source that is gone before the end is waited for") {
  fed f;
  auto reader = f.open();
  f.offer("a", 1, {1, 2});
  f.desk->close();
  CHECK(reader->read(f.out, 2) == read_status::more);
  reader.reset();
  CHECK(f.offer("a", 3, {3}).verdict == feed_verdict::waiting);
  CHECK_FALSE(f.desk->where("a"));
}

TEST_CASE("a split that ended in an earlier life says so to its producers") {
  fed f;
  f.source->already_read(f.source->enumerate(1).front(), R"({"a":7})");
  CHECK(f.desk->where("a")->next == 8);
  CHECK(f.desk->where("a")->durable == 7);
  CHECK(f.offer("a", 6, {6, 7}).verdict == feed_verdict::taken);
  CHECK(f.offer("a", 8, {8}).verdict == feed_verdict::closed);
  CHECK(f.offer("b", 1, {1}).verdict == feed_verdict::closed);
}

TEST_CASE("each producer belongs to one split, and its records to that split's reader") {
  fed f{{100, 100}};
  std::vector<std::unique_ptr<weir::split_reader>> readers;
  for (std::size_t split = 0; split != 4; ++split)
    readers.push_back(f.open({}, 4, split));
  for (int i = 0; i != 40; ++i)
    CHECK(f.offer("p" + std::to_string(i), 1, {i}).verdict == feed_verdict::taken);
  std::size_t all = 0;
  for (const auto& reader : readers) {
    const auto some = f.read(*reader);
    CHECK(some.size() < 40);
    for (const int i : some)
      CHECK(weir::from_position(reader->position()).count("p" + std::to_string(i)) == 1);
    all += some.size();
  }
  CHECK(all == 40);
}

TEST_CASE("nothing is durable that no checkpoint has, however many splits a subtask reads") {
  fed f{{100, 100}};
  std::vector<weir::source_operator::unread_split> splits;
  for (auto& split : f.source->enumerate(100))
    splits.push_back({std::move(split), {}});
  weir::split_readers readers{*f.source, std::move(splits), f.waker, true};
  const auto read = [&] {
    weir::split_readers::result result;
    readers.wake();
    while (readers.read(f.out, 10, {}, {}, false, result)) {
    }
    f.out.flush();
  };
  read();
  for (int i = 0; i != 200; ++i) {
    const std::string name = "p" + std::to_string(i);
    REQUIRE(f.offer(name, 1, {i}).verdict == feed_verdict::taken);
    read();
    read();
    CHECK(f.desk->where(name)->durable == 0);
  }
  CHECK(f.desk->take_news().durable.empty());
  CHECK(f.list.records.size() == 200);
}

TEST_CASE("a feed behind others is taken only if it needs no room") {
  fed f;
  const auto reader = f.open();
  f.offer("a", 1, {1});
  CHECK(f.offer_behind("b", 1, {1}).verdict == feed_verdict::full);
  CHECK(f.offer_behind("a", 1, {1}).verdict == feed_verdict::taken);
  CHECK(f.offer_behind("a", 3, {1}).verdict == feed_verdict::gap);
  f.read(*reader);
  CHECK(f.desk->take_news().room);
}

TEST_CASE("a split has one reader, of one job") {
  fed f;
  const auto reader = f.open();
  CHECK_THROWS_AS(f.open(), weir::usage_error);
}

TEST_CASE("positions hold any name, and refuse what is none") {
  const producer_marks marks{{"a\"\\\n\xff", 3}, {"b", UINT64_MAX}};
  CHECK(weir::from_position(weir::to_position(marks)) == marks);
  CHECK(weir::from_position("").empty());
  for (const char* bad : {"[", R"({"a":"b"})", R"({"a":1,"a":2})", R"({"a":-1})"})
    CHECK_THROWS_AS(weir::from_position(bad), weir::damaged_error);
  fed f;
  const weir::source_split wrong{"x", R"({"split":3,"splits":2})"};
  CHECK_THROWS_AS(f.source->open_split(wrong, {}, {}), weir::damaged_error);
}
