#include "feeder.hpp"

#include "../persistence/error.hpp"
#include "delays.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0::detail {

feeder_core::feeder_core(caf::event_based_actor* self, caf::actor inbox, std::string producer, feeder_options options)
    : self_(self), inbox_(std::move(inbox)), producer_(std::move(producer)), options_(options) {
  ask();
}

feeder_core::~feeder_core() = default;

caf::message_handler feeder_core::handlers() {
  return {
      [this](durable_atom, const std::string& producer, std::uint64_t through) {
        if (producer == producer_ && begun_)
          on_durable(through);
      },
      [this](rewound_atom, const std::string& producer, std::uint64_t through) {
        if (producer == producer_ && begun_)
          on_rewound(through);
      },
      [this](feeder_tick) {
        armed_ = false;
        on_tick();
      },
  };
}

void feeder_core::connect(caf::actor inbox) {
  inbox_ = std::move(inbox);
  ++asked_;
  busy_ = connected_ = closed_ = false;
  ask();
}

void feeder_core::require_begun() const {
  if (!begun_)
    throw usage_error({"feeder of \"" + producer_ + "\"", "records after its ready function was called", "one before",
                       "feed from there on"});
}

void feeder_core::added() {
  ++last_;
  pump();
}

void feeder_core::ask() {
  if (busy_ || dead_)
    return;
  busy_ = true;
  self_->request(inbox_, std::min(options_.timeout, longest_timeout), where_atom::value, producer_)
      .then(
          [this, inbox = asked_](where_atom, std::uint64_t next, std::uint64_t durable) {
            if (inbox != asked_)
              return;
            busy_ = false;
            on_standing(next, durable);
          },
          [this, inbox = asked_](const caf::error& why) {
            if (inbox != asked_)
              return;
            busy_ = false;
            on_feed_error(why);
          });
  arm();
}

void feeder_core::on_standing(std::uint64_t next, std::uint64_t durable) {
  connected_ = true;
  if (!begun_) {
    begun_ = true;
    last_ = sent_ = durable_ = durable;
    call_ready();
    return pump();
  }
  if (durable < durable_)
    return fail("the source is back behind record " + std::to_string(durable) + ", but those up to " +
                std::to_string(durable_) + " were durable and are forgotten");
  // A predecessor may have fed more than this feeder has.
  const std::uint64_t taken = std::clamp(next - 1, durable_, last_);
  closed_ = closed_ && taken >= sent_; // what was taken before and is lost, a closed source takes again
  sent_ = taken;
  on_durable(durable);
  pump();
}

void feeder_core::on_durable(std::uint64_t through) {
  if (through <= durable_ || dead_)
    return;
  through = std::min(through, last_);
  forget(static_cast<std::size_t>(through - durable_));
  durable_ = through;
  sent_ = std::max(sent_, durable_);
  call_ready();
}

void feeder_core::on_rewound(std::uint64_t through) {
  if (through < durable_)
    return fail("the source is back behind record " + std::to_string(through) + ", but those up to " +
                std::to_string(durable_) + " were durable and are forgotten");
  closed_ = closed_ && through >= sent_;
  sent_ = std::min(sent_, through);
  pump();
}

void feeder_core::pump() {
  if (busy_ || closed_ || dead_ || !connected_ || sent_ == last_)
    return;
  const std::uint64_t first = sent_ + 1;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(options_.records_a_feed, last_ - sent_));
  const bool local = inbox_ && inbox_.node() == self_->node();
  busy_ = true;
  self_->request(inbox_, std::min(options_.timeout, longest_timeout), make_message(first, count, local))
      .then(
          [this, inbox = asked_](taken_atom, std::uint64_t expected) {
            if (inbox != asked_)
              return;
            busy_ = false;
            sent_ = std::clamp(expected - 1, durable_, last_);
            call_ready();
            pump();
          },
          [this, inbox = asked_](const caf::error& why) {
            if (inbox != asked_)
              return;
            busy_ = false;
            on_feed_error(why);
          });
  arm();
}

void feeder_core::on_feed_error(const caf::error& why) {
  if (why.category() != feed_error_category) {
    // No answer in time, or nobody is there any more: where the source stands is asked for later.
    connected_ = false;
    arm();
    if (lost_ && why != caf::sec::request_timeout)
      lost_();
    return;
  }
  std::string sentence;
  std::uint64_t expected = 0;
  if (why.context().match_elements<std::string, std::uint64_t>()) {
    sentence = why.context().get_as<std::string>(0);
    expected = why.context().get_as<std::uint64_t>(1);
  }
  switch (static_cast<feed_error>(why.code())) {
  case feed_error::gap:
    if (expected == 0 || expected <= durable_)
      return fail("the source expects record " + std::to_string(expected) + ", but those up to " +
                  std::to_string(durable_) + " were durable and are forgotten");
    sent_ = std::min(expected - 1, last_);
    return pump();
  case feed_error::closed:
    closed_ = true;
    sent_ = std::clamp(expected == 0 ? sent_ : expected - 1, durable_, last_);
    return call_ready();
  case feed_error::refused: // by another feed that waits; the next tick tries again
    connected_ = false;
    return arm();
  case feed_error::ended:
    connected_ = false;
    arm();
    if (lost_)
      lost_();
    return;
  case feed_error::wrong:
    break;
  }
  fail(sentence);
}

void feeder_core::on_tick() {
  if (dead_)
    return;
  if (!busy_ && waits())
    ask();
  arm();
}

bool feeder_core::waits() const noexcept {
  return !connected_ || durable_ != (closed_ ? sent_ : last_);
}

void feeder_core::arm() {
  if (armed_ || dead_ || !waits())
    return;
  armed_ = true;
  self_->delayed_send(self_, std::min(options_.ask_interval, longest_timeout), feeder_tick{});
}

void feeder_core::fail(const std::string& why) {
  if (std::exchange(dead_, true))
    return;
  const std::string sentence = "feeder of \"" + producer_ + "\": " + why;
  if (failed_)
    return failed_(sentence);
  self_->quit(caf::error{static_cast<std::uint8_t>(feed_error::wrong), feed_error_category,
                         caf::make_message(sentence, std::uint64_t{0})});
}

} // namespace weir::inline v0::detail
