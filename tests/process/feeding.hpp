// Actors that feed numbers to a job, for tests.
#pragma once

#include <weir/caf.hpp>

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace weir_test {

/// What is fed: its producer, and its number.
struct fed_number {
  std::string producer;
  std::uint64_t number = 0;
  WEIR_FIELDS(producer, number)
};

/// What a test sees of a producer.
struct producer_view {
  std::atomic<std::uint64_t> first{0};   ///< the number that it was told to begin with
  std::atomic<std::uint64_t> durable{0}; ///< the number of the last record that it may forget
  std::atomic<bool> failed{false};
};

/// An actor that feeds records 1 to `count`, and ends when they are durable.
struct number_producer {
  caf::actor inbox;
  std::string name;
  std::uint64_t count = 0;
  std::shared_ptr<producer_view> view = std::make_shared<producer_view>();
  std::size_t most_kept = 2000;

  caf::behavior operator()(caf::event_based_actor* self) const {
    weir::feeder_options options;
    options.records_a_feed = 100;
    options.ask_interval = std::chrono::milliseconds{50};
    auto feed = std::make_shared<weir::feeder<fed_number>>(
        self, inbox, name,
        [self, me = *this](weir::feeder<fed_number>& to) {
          if (me.view->first == 0)
            me.view->first = to.next();
          me.view->durable = to.durable();
          while (to.kept() < me.most_kept && to.next() <= me.count)
            to.feed({me.name, to.next()});
          if (to.durable() == me.count)
            self->quit();
        },
        options);
    feed->on_failure([self, seen = view](const std::string&) {
      seen->failed = true;
      self->quit();
    });
    return caf::behavior{feed->handlers().or_else([feed](weir::close_desk) {})};
  }
};

/// Counts the records of each producer, and checks that they come in order.
struct order_checker {
  struct state {
    std::uint64_t seen = 0;
    bool in_order = true;
    WEIR_FIELDS(seen, in_order)
  };
  void process(const fed_number& record, state& s, weir::keyed_context<std::string>& ctx,
               weir::collector<std::string>& out) const {
    s.in_order = s.in_order && record.number == s.seen + 1;
    ++s.seen;
    out(ctx.key() + " " + std::to_string(s.seen) + (s.in_order ? "" : " out of order"));
  }
};

} // namespace weir_test
