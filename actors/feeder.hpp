// What an actor holds to feed an actor source: numbers its records, and keeps them until they are durable.
#pragma once

#include "actor_source.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// How a feeder sends.
struct feeder_options {
  std::size_t records_a_feed = 1024; ///< at most; not more than the source's queue
  /// After this time without an answer a feed is sent again.
  std::chrono::milliseconds timeout = std::chrono::seconds{10};
  /// How often the source is asked where it stands while records are not durable, and how soon a lost inbox is tried.
  std::chrono::milliseconds ask_interval = std::chrono::seconds{1};
};

namespace detail {

/// What a feeder does, without its records. On the thread of its actor only.
class feeder_core {
public:
  feeder_core(caf::event_based_actor* self, caf::actor inbox, std::string producer, feeder_options options);
  virtual ~feeder_core();
  feeder_core(const feeder_core&) = delete;
  feeder_core& operator=(const feeder_core&) = delete;

  /// What the actor's behavior must have besides its own handlers.
  [[nodiscard]] caf::message_handler handlers();
  /// Another inbox of the same job, after the former one has died.
  void connect(caf::actor inbox);
  /// Called when the inbox is gone; `connect` may be called then or later.
  void on_lost(std::function<void()> call) { lost_ = std::move(call); }
  /// Called when the records can't be fed: the source refuses them for good, or needs some that are forgotten. Without
  /// it the actor ends, with the sentence as its reason's context.
  void on_failure(std::function<void(const std::string&)> call) { failed_ = std::move(call); }

  /// Whether the source has said where to begin.
  [[nodiscard]] bool ready() const noexcept { return begun_; }
  /// The number of the record that is fed next.
  [[nodiscard]] std::uint64_t next() const noexcept { return last_ + 1; }
  /// The number of the last record that is durable.
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  /// How many records are kept because they are not durable.
  [[nodiscard]] std::size_t kept() const noexcept { return static_cast<std::size_t>(last_ - durable_); }
  /// How many records wait to be taken.
  [[nodiscard]] std::size_t unsent() const noexcept { return static_cast<std::size_t>(last_ - sent_); }
  /// The source is closed: nothing more is taken.
  [[nodiscard]] bool closed() const noexcept { return closed_; }

protected:
  /// A record was kept under the number `next()`.
  void added();
  /// `count` kept records from number `first` on, as a message.
  [[nodiscard]] virtual caf::message make_message(std::uint64_t first, std::size_t count, bool local) = 0;
  /// Drops kept records.
  virtual void forget(std::size_t count) = 0;
  /// Something was taken, has become durable, or may be fed from now on.
  virtual void call_ready() = 0;

  [[nodiscard]] const std::string& producer() const noexcept { return producer_; }
  void require_begun() const;

private:
  void ask();
  void pump();
  void on_standing(std::uint64_t next, std::uint64_t durable);
  void on_durable(std::uint64_t through);
  void on_rewound(std::uint64_t through);
  void on_feed_error(const caf::error& why);
  void on_tick();
  [[nodiscard]] bool waits() const noexcept;
  void arm();
  void fail(const std::string& why);

  caf::event_based_actor* self_;
  caf::actor inbox_;
  std::string producer_;
  feeder_options options_;
  std::function<void()> lost_;
  std::function<void(const std::string&)> failed_;
  std::uint64_t last_ = 0;    ///< the number of the last record that was fed
  std::uint64_t sent_ = 0;    ///< taken through this number
  std::uint64_t durable_ = 0; ///< and durable through this one
  std::uint64_t asked_ = 0;   ///< counts inboxes: answers of former ones don't count
  bool begun_ = false;
  bool connected_ = false; ///< this inbox has said where the source stands
  bool busy_ = false;      ///< an answer is waited for
  bool armed_ = false;
  bool closed_ = false;
  bool dead_ = false;
};

} // namespace detail

/// Feeds an actor source from inside an actor, which holds it as long as it lives. It numbers the records, sends them
/// one feed after the other, keeps them until they are durable, and sends them again when the job has gone back.
///
/// `ready` is called when the source has said with which record to begin, and again whenever records were taken or have
/// become durable: there `feed` can be called for as many as should be under way. The successor of an actor, in this
/// process or the next, uses the same name; it is told to begin behind the last durable record, and must give the same
/// records their numbers again. One feeder an actor.
///
///     auto feed = std::make_shared<weir::feeder<reading>>(self, inbox, "sensor-1", [](auto& to) {
///       while (to.kept() < 10'000 && more(to.next())) to.feed(reading_number(to.next())); });
///     return feed->handlers().or_else([feed](…) { … });
template <class T>
class feeder final : public detail::feeder_core {
public:
  feeder(caf::event_based_actor* self, caf::actor inbox, std::string producer, std::function<void(feeder&)> ready,
         feeder_options options = {})
      : feeder_core(self, std::move(inbox), std::move(producer), options), ready_(std::move(ready)) {}

  /// Feeds the record with the number `next()`. Throws `usage_error` before `ready`.
  void feed(T record) {
    require_begun();
    kept_.push_back(std::move(record));
    added();
  }

protected:
  caf::message make_message(std::uint64_t first, std::size_t count, bool local) override {
    const auto from = kept_.begin() + static_cast<std::ptrdiff_t>(first - durable() - 1);
    std::vector<T> records(from, from + static_cast<std::ptrdiff_t>(count));
    if (local)
      return caf::make_message(make_feed(producer(), first, std::move(records)));
    return caf::make_message(feed_atom::value, producer(), first, make_feed_bytes(records));
  }
  void forget(std::size_t count) override {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void call_ready() override {
    if (ready_)
      ready_(*this);
  }

private:
  std::function<void(feeder&)> ready_;
  std::deque<T> kept_;
};

} // namespace weir::inline v0
