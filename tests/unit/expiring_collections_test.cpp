// Collections in state that has a time to live: they go with the state of their key.
#include <weir/operators/keyed_stream.hpp>
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace expiring_collections_test {

using namespace std::chrono_literals;

struct visit {
  std::string user;
  std::string page;
  WEIR_FIELDS(user, page)
};

/// Says which pages a user has visited, and how many visits it remembers.
struct pages_of_user {
  struct state {
    int visits = 0;
    weir::map_state<std::string, int> pages;
    weir::list_state<std::string> way;
    WEIR_FIELDS(visits, pages, way)
  };

  void process(const visit& v, state& s, weir::keyed_context<std::string>&, weir::collector<std::string>& out) const {
    ++s.visits;
    ++s.pages[v.page];
    s.way.push_back(v.page);
    std::string text = v.user + std::to_string(s.visits) + "/" + std::to_string(s.way.size());
    for (const auto& [page, count] : s.pages)
      text += " " + page + std::to_string(count);
    out(text);
  }
};

/// The job, with its input and output.
struct visits_job {
  explicit visits_job(std::chrono::microseconds after)
      : in(job.source("in", weir::testing::input<visit>{})),
        out(in.key_by(&visit::user).process("pages", pages_of_user{}, {.state_ttl = weir::time_to_live{after}})) {}

  weir::job job{"visits"};
  weir::stream<visit> in;
  weir::stream<std::string> out;
};

using strings = std::vector<std::string>;

} // namespace expiring_collections_test

using namespace expiring_collections_test;

TEST_CASE("collections expire with the state of their key, at its next record") {
  visits_job tested{10s};
  weir::testing::harness test{tested.job};
  test.push(tested.in, {"a", "x"});
  test.push(tested.in, {"b", "x"});
  test.advance_processing_time(6s);
  test.push(tested.in, {"a", "y"}); // which gives it its full time again
  test.advance_processing_time(6s);
  test.push(tested.in, {"a", "z"});
  test.push(tested.in, {"b", "z"});
  CHECK(test.outputs(tested.out) == strings{"a1/1 x1", "b1/1 x1", "a2/2 x1 y1", "a3/3 x1 y1 z1", "b1/1 z1"});
}

TEST_CASE("collections that expired while nobody came are gone after a restore") {
  visits_job tested{10s};
  weir::testing::harness before{tested.job};
  for (const char* user : {"a", "b", "c"})
    before.push(tested.in, {user, "x"});
  before.advance_processing_time(6s);
  before.push(tested.in, {"b", "y"});
  const auto early = before.snapshot(); // has all of them
  before.advance_processing_time(6s);
  const auto late = before.snapshot(); // has the state of b

  // The clock goes on from where it was.
  const auto pages = [](const weir::testing::snapshot& from, std::chrono::microseconds later) {
    visits_job again{10s};
    weir::testing::harness after{again.job, from};
    after.advance_processing_time(later);
    for (const char* user : {"a", "b", "c"})
      after.push(again.in, {user, "z"});
    return after.outputs(again.out);
  };
  CHECK(pages(early, 6s) == strings{"a1/1 z1", "b3/3 x1 y1 z1", "c1/1 z1"});
  CHECK(pages(late, 0s) == strings{"a1/1 z1", "b3/3 x1 y1 z1", "c1/1 z1"});
  CHECK(pages(late, 5s) == strings{"a1/1 z1", "b1/1 z1", "c1/1 z1"});
}

TEST_CASE("the entries of collections that nobody asks for again are freed") {
  visits_job tested{10s};
  weir::testing::harness test{tested.job};
  for (int i = 0; i != 1000; ++i)
    test.push(tested.in, {"user" + std::to_string(i), "page"});
  const auto full = test.snapshot();
  test.advance_processing_time(11s);
  for (int i = 0; i != 100; ++i)
    test.advance_processing_time(100ms);
  const auto empty = test.snapshot();
  for (const char* table : {"state", "state.pages", "state.way"}) {
    CAPTURE(table);
    CHECK(full.entries("pages", table) == 1000);
    CHECK(empty.entries("pages", table) == 0);
  }
}
