// Jobs that actors feed: exact through failures, bounded, and closed when they are told to be.
#include "process/actor_host.hpp"
#include "process/feeding.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/callback.hpp>

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::fed_number;
using weir_test::job_guard;
using weir_test::number_producer;
using weir_test::scratch_folder;

namespace {

/// The newest line of each producer: what its records came to, in the order of the state.
class last_lines {
public:
  void add(const std::string& line) {
    const std::lock_guard lock{mutex_};
    lines_[line.substr(0, line.find(' '))] = line;
  }
  [[nodiscard]] std::string of(const std::string& producer) const {
    const std::lock_guard lock{mutex_};
    const auto at = lines_.find(producer);
    return at == lines_.end() ? "" : at->second;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> lines_;
};

/// A job that checks the order of each producer's records. `on_record` may throw.
weir::job checking_job(
    const weir::actor_source<fed_number>& source, std::shared_ptr<last_lines> lines,
    std::function<void(const fed_number&)> on_record = [](const fed_number&) {}) {
  weir::job job{"checking"};
  job.source("numbers", source)
      .map("seen",
           [on_record](const fed_number& record) {
             on_record(record);
             return record;
           })
      .key_by(&fed_number::producer)
      .process("order", weir_test::order_checker{})
      .sink("lines", weir::callback{[lines](const std::string& line) { lines->add(line); }});
  return job;
}

weir::job_options options_in(const scratch_folder& folder) {
  weir::job_options options;
  options.store = (folder.path() / "store.weir").string();
  options.parallelism = 2;
  options.checkpoint_interval = 10ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  return options;
}

std::string text_of(const caf::error& why) {
  return why.context().match_elements<std::string, std::uint64_t>() ? why.context().get_as<std::string>(0) : "?";
}

} // namespace

TEST_CASE("three actors feed a job, and the records of each come once and in order") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  const weir::actor_source<fed_number> source{host.system()};
  weir::job_handle running = host.jobs().start(checking_job(source, lines), options_in(folder));
  const job_guard guard{running};
  std::vector<number_producer> producers;
  for (const char* name : {"a", "b", "c"}) {
    producers.push_back({source.inbox(), name, 20'000});
    host.system().spawn(producers.back());
  }
  const bool all_durable = eventually(running, [&] {
    return std::all_of(producers.begin(), producers.end(), [](const auto& p) { return p.view->durable == p.count; });
  });
  INFO(host.log());
  REQUIRE(all_durable);
  source.close();
  REQUIRE(running.wait_for(30s));
  CHECK(running.wait().state == weir::job_state::finished);
  for (const number_producer& p : producers) {
    CHECK(lines->of(p.name) == p.name + " 20000");
    CHECK(p.view->first == 1);
  }
}

TEST_CASE("a job that fails again and again asks its producers for what it has lost, also when it is closed") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  const weir::actor_source<fed_number> source{host.system()};
  std::atomic<int> failures{0};
  std::atomic<int> since_failure{0};
  const auto on_record = [&](const fed_number& record) {
    if ((++since_failure > 4'000 && failures < 5) || (record.number == 20'000 && failures < 6)) {
      since_failure = 0;
      ++failures;
      throw std::runtime_error{"now and then"};
    }
  };
  weir::job_handle running = host.jobs().start(checking_job(source, lines, on_record), options_in(folder));
  const job_guard guard{running};
  const number_producer one{source.inbox(), "a", 20'000};
  const number_producer two{source.inbox(), "b", 20'000};
  host.system().spawn(one);
  host.system().spawn(two);
  const bool done =
      eventually(running, [&] { return one.view->durable == one.count && two.view->durable == two.count; });
  INFO(host.log());
  REQUIRE(done);
  source.close();
  REQUIRE(running.wait_for(30s));
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(failures >= 5);
  CHECK(lines->of("a") == "a 20000");
  CHECK(lines->of("b") == "b 20000");
  CHECK_FALSE(one.view->failed);
}

TEST_CASE("a closed source that waits for a producer in vain says for whom, and ends when it is drained") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  const weir::actor_source<fed_number> source{host.system()};
  std::promise<void> read;
  std::promise<void> closed;
  std::atomic<bool> failed{false};
  const auto on_record = [&, is_closed = closed.get_future().share()](const fed_number& record) {
    if (record.number == 3 && !failed.exchange(true)) {
      read.set_value();
      is_closed.wait();
      throw std::runtime_error{"once"};
    }
  };
  weir::job_options options = options_in(folder);
  options.checkpoint_interval = 1h;
  weir::job_handle running = host.jobs().start(checking_job(source, lines, on_record), options);
  const job_guard guard{running};
  {
    caf::scoped_actor self{host.system()};
    self->request(source.inbox(), 10s, weir::make_feed<fed_number>("gone", 1, {{"gone", 1}, {"gone", 2}, {"gone", 3}}))
        .receive([](weir::taken_atom, std::uint64_t) {}, [](const caf::error& why) { FAIL(text_of(why)); });
  }
  read.get_future().wait();
  source.close();
  closed.set_value();
  const bool said = eventually(running, [&] { return host.log().find("gone (up to record 3)") != std::string::npos; });
  INFO(host.log());
  REQUIRE(said);
  running.drain();
  REQUIRE(running.wait_for(30s));
  CHECK(running.wait().state == weir::job_state::finished);
}

TEST_CASE("the successor of a producer that was killed goes on behind what is durable") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  const weir::actor_source<fed_number> source{host.system()};
  weir::job_handle running = host.jobs().start(checking_job(source, lines), options_in(folder));
  const job_guard guard{running};
  number_producer first{source.inbox(), "a", 1'000'000'000};
  const caf::actor victim = host.system().spawn(first);
  REQUIRE(eventually(running, [&] { return first.view->durable > 1'000; }));
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  const number_producer second{source.inbox(), "a", first.view->durable + 50'000};
  host.system().spawn(second);
  REQUIRE(eventually(running, [&] { return second.view->durable == second.count; }));
  CHECK(second.view->first > 1'000);
  source.close();
  REQUIRE(running.wait_for(30s));
  CHECK(lines->of("a") == "a " + std::to_string(second.count));
}

TEST_CASE("a run that was stopped takes from its producers what its next life needs") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  std::uint64_t before = 0;
  for (int life = 1; life <= 3; ++life) {
    const weir::actor_source<fed_number> source{host.system()};
    weir::job_options options = options_in(folder);
    options.parallelism = static_cast<std::uint32_t>(life);
    weir::job_handle running = host.jobs().start(checking_job(source, lines), options);
    const job_guard guard{running};
    const number_producer producer{source.inbox(), "a", 1'000'000'000};
    const caf::actor feeding = host.system().spawn(producer);
    REQUIRE(eventually(running, [&] { return producer.view->durable > before + 2'000; }));
    CHECK(producer.view->first >= before + 1);
    before = producer.view->durable;
    running.cancel();
    REQUIRE(running.wait_for(30s));
    caf::anon_send_exit(feeding, caf::exit_reason::user_shutdown);
    INFO(host.log());
    CHECK_THAT(lines->of("a"), !Catch::Contains("order"));
  }
}

TEST_CASE("a feeder whose inbox is gone goes on with another one") {
  const scratch_folder folder;
  actor_host host;
  const auto lines = std::make_shared<last_lines>();
  constexpr std::uint64_t count = 30'000;
  std::atomic<std::uint64_t> durable{0};
  std::atomic<bool> lost{false};
  auto source = std::make_unique<weir::actor_source<fed_number>>(host.system());
  const caf::actor producer =
      host.system().spawn([&durable, &lost, inbox = source->inbox()](caf::event_based_actor* self) -> caf::behavior {
        weir::feeder_options options;
        options.ask_interval = 20ms;
        auto feed = std::make_shared<weir::feeder<fed_number>>(
            self, inbox, "a",
            [&durable](weir::feeder<fed_number>& to) {
              durable = to.durable();
              while (to.kept() < 2'000 && to.next() <= count)
                to.feed({"a", to.next()});
            },
            options);
        feed->on_lost([&lost] { lost = true; });
        return caf::behavior{feed->handlers().or_else([feed](const caf::actor& other) { feed->connect(other); })};
      });
  {
    weir::job_handle running = host.jobs().start(checking_job(*source, lines), options_in(folder));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return durable > 1'000; }));
    running.cancel();
    REQUIRE(running.wait_for(30s));
  }
  source = std::make_unique<weir::actor_source<fed_number>>(host.system());
  weir::job_handle again = host.jobs().start(checking_job(*source, lines), options_in(folder));
  const job_guard guard{again};
  REQUIRE(eventually(again, [&] { return lost.load(); }));
  caf::anon_send(producer, source->inbox());
  REQUIRE(eventually(again, [&] { return durable == count; }));
  source->close();
  REQUIRE(again.wait_for(30s));
  INFO(host.log());
  CHECK(lines->of("a") == "a 30000");
  caf::anon_send_exit(producer, caf::exit_reason::user_shutdown);
}

TEST_CASE("a sender that does not wait is refused when one feed waits already, and nothing of it is taken") {
  actor_host host;
  caf::scoped_actor self{host.system()};
  std::string refused;
  {
    const weir::actor_source<int> source{host.system()};
    // No job runs yet: the first feed waits.
    auto first = self->request(source.inbox(), 10s, weir::make_feed<int>("a", 1, {1, 2}));
    self->request(source.inbox(), 10s, weir::make_feed<int>("a", 3, {3}))
        .receive([](weir::taken_atom, std::uint64_t) { FAIL("taken"); },
                 [&](const caf::error& why) {
                   CHECK(why.category() == weir::feed_error_category);
                   CHECK(why.code() == static_cast<std::uint8_t>(weir::feed_error::refused));
                   refused = text_of(why);
                 });
    CHECK(refused == "a feed of \"a\" waits for room already");
    weir::job job{"late"};
    std::atomic<int> sum{0};
    job.source("numbers", source).sink("sum", weir::callback{[&sum](int i) { sum += i; }});
    weir::job_options options;
    options.checkpoints = false;
    options.parallelism = 1;
    weir::job_handle running = host.jobs().start(job, options);
    const job_guard guard{running};
    first.receive([](weir::taken_atom, std::uint64_t expected) { CHECK(expected == 3); },
                  [](const caf::error& why) { FAIL(text_of(why)); });
    source.close();
    REQUIRE(running.wait_for(30s));
    CHECK(sum == 3);
  }
}

TEST_CASE("an inbox answers what is no feed with an error, and goes on") {
  actor_host host;
  caf::scoped_actor self{host.system()};
  const weir::actor_source<fed_number> source{host.system()};
  const auto refused = [&](auto&&... message) {
    std::string why = "taken";
    self->request(source.inbox(), 10s, message...)
        .receive([](weir::taken_atom, std::uint64_t) {}, [&](const caf::error& e) { why = text_of(e); });
    return why;
  };
  CHECK_THAT(refused(weir::make_feed<int>("a", 1, {1})), Catch::Contains("not int"));
  CHECK_THAT(refused(weir::feed_atom::value, std::string{"a"}, std::uint64_t{1}, std::vector<char>{'x', 'y'}),
             Catch::Contains("bytes"));
  CHECK_THAT(refused(std::string{"hello"}), Catch::Contains("takes feeds"));
}

TEST_CASE("feeds and questions that wait are answered when their source ends") {
  actor_host host;
  caf::scoped_actor self{host.system()};
  auto source = std::make_unique<weir::actor_source<int>>(host.system());
  auto feed = self->request(source->inbox(), 10s, weir::make_feed<int>("a", 1, {1}));
  auto question = self->request(source->inbox(), 10s, weir::where_atom::value, std::string{"a"});
  // The inbox has both, or answers that it is gone: either way at once.
  source.reset();
  const auto gone = [](const caf::error& why) {
    INFO(text_of(why));
    const bool ended =
        why.category() == weir::feed_error_category && why.code() == static_cast<std::uint8_t>(weir::feed_error::ended);
    CHECK((ended || why == caf::sec::request_receiver_down)); // not that nobody has answered in time
  };
  feed.receive([](weir::taken_atom, std::uint64_t) { FAIL("taken"); }, gone);
  question.receive([](weir::where_atom, std::uint64_t, std::uint64_t) { FAIL("answered"); }, gone);
}

TEST_CASE("an actor of another node feeds a job over the network") {
  const scratch_folder folder;
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  weir::use_fair_scheduler(config, 2);
  caf::actor_system here{config};
  caf::actor_system_config other_config;
  other_config.load<caf::io::middleman>();
  caf::actor_system there{other_config};

  weir::runtime jobs{here};
  const auto lines = std::make_shared<last_lines>();
  const weir::actor_source<fed_number> source{here};
  weir::job_handle running = jobs.start(checking_job(source, lines), options_in(folder));
  const job_guard guard{running};
  const auto port = here.middleman().publish(source.inbox(), 0, "127.0.0.1");
  REQUIRE(port);
  const auto remote = there.middleman().remote_actor("127.0.0.1", *port);
  REQUIRE(remote);
  const number_producer producer{*remote, "far", 5'000};
  there.spawn(producer);
  REQUIRE(eventually(running, [&] { return producer.view->durable == producer.count; }));
  source.close();
  REQUIRE(running.wait_for(30s));
  CHECK(lines->of("far") == "far 5000");
}
