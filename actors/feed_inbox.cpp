#include "feed_inbox.hpp"

#include "../persistence/error.hpp"
#include "dispatch.hpp"
#include "feed_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

caf::error make_feed_error(feed_error code, const std::string& why, std::uint64_t expected = 0) {
  return {static_cast<std::uint8_t>(code), feed_error_category, caf::make_message(why, expected)};
}

caf::error closed_error(std::uint64_t expected) {
  return make_feed_error(feed_error::closed, "the source is closed", expected);
}

/// Carries messages; the desk decides. A feed that must wait keeps its sender waiting for the answer: that is what
/// holds a fast sender back. One feed and one question of each producer wait at most. Feeds that wait for the same
/// split are taken in the order in which they came, so that none waits for ever. It remembers the latest sender of each
/// producer of which the desk has something, as long as that lives.
class feed_inbox final : public caf::event_based_actor {
public:
  feed_inbox(caf::actor_config& config, std::shared_ptr<feed_desk> desk, fed_type type, std::size_t producers)
      : caf::event_based_actor(config), desk_(std::move(desk)), type_(type), producers_(producers) {
    set_exit_handler([this](const caf::exit_msg&) { quit(); });
    set_error_handler([](const caf::error&) {});
    set_down_handler([this](const caf::down_msg& down) { forget_sender(down.source); });
    set_default_handler([](caf::scheduled_actor*, const caf::message_view&) -> caf::result<caf::message> {
      return make_feed_error(feed_error::wrong, "an inbox takes feeds of records");
    });
  }

  const char* name() const override { return "weir.inbox"; }

  void on_exit() override {
    // A promise that is only dropped would be waited for.
    for (line& each : lines_)
      for (waiting_feed& feed : each)
        feed.answer.deliver(make_feed_error(feed_error::ended, "the source is gone"));
    for (auto& [producer, question] : questions_)
      question.answer.deliver(make_feed_error(feed_error::ended, "the source is gone"));
    feeds_.clear();
    lines_.clear();
    questions_.clear();
    desk_->abandon(); // whoever ended this: readers must not wait for what can't come
  }

protected:
  caf::behavior make_behavior() override {
    return {
        [this](const local_feed& feed) {
          if (!feed.records || &feed.records->type() != type_.type)
            return refuse_other_records(feed.records ? std::string{feed.records->type().name} : "nothing");
          return on_feed(feed.producer, feed.first, feed.records);
        },
        [this](feed_atom, const std::string& producer, std::uint64_t first, const std::vector<char>& bytes) {
          batch_ptr records;
          try {
            records = type_.decode(std::as_bytes(std::span<const char>{bytes}));
          } catch (const std::exception& e) { // of user code, too
            return refuse(feed_error::wrong, e.what());
          }
          return on_feed(producer, first, std::move(records));
        },
        [this](where_atom, const std::string& producer) { return on_where(producer); },
        [this](desk_news) { on_news(); },
        [this](close_desk) { desk_->close(); },
    };
  }

private:
  struct waiting_feed {
    std::string producer;
    std::uint64_t first = 1;
    batch_ptr records;
    caf::response_promise answer;
    caf::actor_addr from;
  };
  struct waiting_question {
    caf::response_promise answer;
    caf::actor_addr from;
  };
  using line = std::list<waiting_feed>;

  caf::response_promise refuse(feed_error code, const std::string& why) {
    caf::response_promise answer = make_response_promise();
    answer.deliver(make_feed_error(code, why));
    return answer;
  }
  caf::response_promise refuse_other_records(const std::string& found) {
    return refuse(feed_error::wrong,
                  "this source takes records of type " + std::string{type_.type->name} + ", not " + found);
  }

  caf::response_promise on_feed(const std::string& producer, std::uint64_t first, batch_ptr records) {
    const caf::actor_addr from = caf::actor_cast<caf::actor_addr>(current_sender());
    caf::response_promise answer = make_response_promise();
    line& others = line_of(producer);
    if (const auto before = feeds_.find(producer); before != feeds_.end()) {
      waiting_feed& waits = *before->second;
      if (waits.first != first) {
        answer.deliver(make_feed_error(feed_error::refused, "a feed of \"" + producer + "\" waits for room already"));
        return answer;
      }
      // Sent again: whoever sent it first may be gone. It keeps its place.
      waits.answer.deliver(make_feed_error(feed_error::refused, "the same feed was sent again"));
      waits.records = std::move(records);
      waits.answer = answer;
      waits.from = from;
      settle_first(others);
    } else if (waiting_feed feed{producer, first, std::move(records), answer, from}; !settle(feed, !others.empty())) {
      if (feeds_.size() >= most_waiting()) {
        answer.deliver(make_feed_error(feed_error::refused, "too many feeds wait for room"));
        return answer;
      }
      others.push_back(std::move(feed));
      feeds_.emplace(producer, std::prev(others.end()));
    }
    return answer;
  }

  /// Where feeds of a producer wait: one line for each split, or a single one as long as nobody knows the splits.
  line& line_of(const std::string& producer) {
    deal_lines();
    return lines_[split_of_producer(producer, lines_.size())];
  }
  void deal_lines() {
    const std::size_t splits = desk_->splits();
    if (splits == 0 || splits == lines_.size())
      return;
    std::vector<line> dealt(splits);
    for (line& each : lines_)
      while (!each.empty()) {
        line& to = dealt[split_of_producer(each.front().producer, splits)];
        to.splice(to.end(), each, each.begin());
      }
    lines_ = std::move(dealt);
  }

  /// Offers the feeds of a line until one has to wait.
  void settle_first(line& waiting) {
    while (!waiting.empty() && settle(waiting.front(), false)) {
      feeds_.erase(waiting.front().producer);
      waiting.pop_front();
    }
  }

  /// Offers a feed. False if it has to wait.
  bool settle(waiting_feed& feed, bool behind_others) {
    const std::string& producer = feed.producer;
    const feed_answer found = desk_->offer(producer, feed.first, feed.records, behind_others);
    if (found.expected > 1)
      note_sender(producer, feed.from);
    switch (found.verdict) {
    case feed_verdict::taken:
      feed.answer.deliver(taken_atom::value, found.expected);
      return true;
    case feed_verdict::full:
    case feed_verdict::waiting:
      return false;
    case feed_verdict::gap:
      feed.answer.deliver(make_feed_error(feed_error::gap,
                                          "record " + std::to_string(found.expected) + " of \"" + producer +
                                              "\" is expected, not " + std::to_string(feed.first),
                                          found.expected));
      return true;
    case feed_verdict::closed:
      feed.answer.deliver(closed_error(found.expected));
      return true;
    case feed_verdict::refused:
      feed.answer.deliver(make_feed_error(feed_error::wrong, found.why));
      return true;
    }
    return true;
  }

  caf::response_promise on_where(const std::string& producer) {
    const caf::actor_addr from = caf::actor_cast<caf::actor_addr>(current_sender());
    caf::response_promise answer = make_response_promise();
    if (const auto before = questions_.find(producer); before != questions_.end()) {
      before->second.answer.deliver(make_feed_error(feed_error::refused, "the same question was asked again"));
      questions_.erase(before);
    }
    if (waiting_question question{answer, from}; !settle(producer, question)) {
      if (questions_.size() >= most_waiting())
        answer.deliver(make_feed_error(feed_error::refused, "too many questions wait for an answer"));
      else
        questions_.emplace(producer, std::move(question));
    }
    return answer;
  }

  /// Answers a question. False if it has to wait.
  bool settle(const std::string& producer, waiting_question& question) {
    const auto standing = desk_->where(producer);
    if (!standing)
      return false;
    if (standing->next > 1)
      note_sender(producer, question.from);
    question.answer.deliver(where_atom::value, standing->next, standing->durable);
    return true;
  }

  /// How many feeds, or questions, may wait: those of all producers that there can be.
  [[nodiscard]] std::size_t most_waiting() const {
    const std::size_t splits = std::max<std::size_t>(desk_->splits(), 1);
    return producers_ > std::numeric_limits<std::size_t>::max() / splits ? producers_ : producers_ * splits;
  }

  /// Only of producers that the desk knows, of which there is a bounded number.
  void note_sender(const std::string& producer, const caf::actor_addr& from) {
    const auto alive = caf::actor_cast<caf::strong_actor_ptr>(from);
    if (!alive)
      return;
    caf::actor_addr& latest = senders_[producer];
    if (latest == from)
      return;
    if (latest)
      forget_name(latest, producer);
    latest = from;
    std::set<std::string>& names = names_[from];
    if (names.empty())
      monitor(alive->get());
    names.insert(producer);
  }
  void forget_name(const caf::actor_addr& former, const std::string& producer) {
    const auto at = names_.find(former);
    if (at == names_.end())
      return;
    at->second.erase(producer);
    if (!at->second.empty())
      return;
    names_.erase(at);
    demonitor(former);
  }
  void forget_sender(const caf::actor_addr& gone) {
    const auto at = names_.find(gone);
    if (at == names_.end())
      return;
    for (const std::string& producer : at->second)
      senders_.erase(producer);
    names_.erase(at);
  }

  void on_news() {
    const feed_desk::news news = desk_->take_news();
    // In this order: what is durable was brought again since, and may be more.
    for (const auto& [producer, through] : news.rewound)
      tell(producer, rewound_atom::value, through);
    for (const auto& [producer, through] : news.durable)
      tell(producer, durable_atom::value, through);
    if (!news.room)
      return;
    for (auto at = questions_.begin(); at != questions_.end();) {
      at = settle(at->first, at->second) ? questions_.erase(at) : std::next(at);
    }
    deal_lines();
    for (line& each : lines_)
      settle_first(each);
  }

  template <class Atom>
  void tell(const std::string& producer, Atom what, std::uint64_t through) {
    if (const auto at = senders_.find(producer); at != senders_.end())
      post(caf::actor_cast<caf::actor>(at->second), what, producer, through);
  }

  std::shared_ptr<feed_desk> desk_;
  fed_type type_;
  std::size_t producers_; ///< of each split, at most
  std::vector<line> lines_{1};
  std::map<std::string, line::iterator> feeds_; ///< that wait, by their producers
  std::map<std::string, waiting_question> questions_;
  std::map<std::string, caf::actor_addr> senders_;         ///< the latest of each producer; not held
  std::map<caf::actor_addr, std::set<std::string>> names_; ///< of the senders, which are monitored
};

} // namespace

caf::actor spawn_feed_inbox(caf::actor_system& system, std::shared_ptr<feed_desk> desk, fed_type type,
                            std::size_t producers) {
  caf::actor inbox = system.spawn<feed_inbox, caf::lazy_init>(desk, type, producers);
  desk->on_news([to = caf::actor_cast<caf::actor_addr>(inbox)] { post(caf::actor_cast<caf::actor>(to), desk_news{}); });
  return inbox;
}

} // namespace weir::inline v0
