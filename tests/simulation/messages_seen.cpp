#include "simulation/messages_seen.hpp"

#include <weir/actors/actor_messages.hpp>
#include <weir/coordinator/coordinator_messages.hpp>

#include <caf/send.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace simulation {

namespace {

template <class... Visitors>
struct overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
overloaded(Visitors...) -> overloaded<Visitors...>;

std::string payload_text(const weir::channel_payload& payload) {
  return std::visit(overloaded{[](const weir::batch_ptr& b) { return "batch of " + std::to_string(b ? b->size() : 0); },
                               [](const weir::barrier& b) {
                                 return "barrier " + to_string(b.checkpoint) + (b.suspend ? " suspending" : "");
                               },
                               [](const weir::watermark&) { return std::string{"watermark"}; },
                               [](const weir::end_of_stream&) { return std::string{"end of stream"}; }},
                    payload);
}

std::string event_text(const weir::subtask_event& event) {
  return std::visit(
      overloaded{[](const weir::subtask_loaded&) { return std::string{"loaded"}; },
                 [](const weir::checkpoint_acknowledged& a) { return "acknowledges " + to_string(a.checkpoint); },
                 [](const weir::checkpoint_declined& d) { return "declines " + to_string(d.checkpoint); },
                 [](const weir::barrier_skipped& s) { return "skips " + to_string(s.checkpoint); },
                 [](const weir::commit_acknowledged& c) { return "has committed " + to_string(c.checkpoint); },
                 [](const weir::subtask_failed& f) { return "failed: " + f.message; },
                 [](const weir::subtask_ended&) { return std::string{"has ended"}; },
                 [](const weir::subtask_first_output&) { return std::string{"first output"}; },
                 [](const weir::records_emitted& r) { return "emitted " + std::to_string(r.records); },
                 [](const weir::subtask_remark& r) { return r.text; }},
      event);
}

template <class T>
bool is(const caf::type_erased_tuple& content) {
  return content.match_elements<T>();
}

/// Fills in how to lose and to repeat a message; `lose` changes the message in the mailbox.
template <class T, class Lose>
void may_suffer(seen_message& seen, caf::type_erased_tuple& content, std::string kind, Lose lose) {
  seen.kind = std::move(kind);
  T* message = &content.get_mutable_as<T>(0);
  seen.lose = [message, lose] { lose(*message); };
  seen.send = [copy = *message](const caf::actor& to) { caf::anon_send(to, copy); };
}

template <class Control>
void see_control(seen_message& seen, caf::type_erased_tuple& content, const char* kind, const char* text) {
  const auto id = content.get_as<Control>(0).checkpoint;
  seen.text = text + to_string(id);
  // No checkpoint has this number: sinks have nothing to commit, and aligners nothing to release.
  may_suffer<Control>(seen, content, kind, [](Control& c) { c.checkpoint = weir::checkpoint_id{0}; });
}

} // namespace

std::optional<seen_message> next_message(caf::scheduled_actor& receiver) {
  caf::mailbox_element* element = receiver.mailbox().peek();
  if (!element)
    return std::nullopt;
  caf::type_erased_tuple& content = element->content();
  seen_message seen;
  if (is<weir::channel_message>(content)) {
    const auto& m = content.get_as<weir::channel_message>(0);
    seen.channel = m.channel;
    seen.text = "channel " + to_string(m.channel) + " #" + to_string(m.sequence) + ": " + payload_text(m.payload);
    const bool batch = std::holds_alternative<weir::batch_ptr>(m.payload);
    may_suffer<weir::channel_message>(seen, content, batch ? "batch" : "control message",
                                      [](weir::channel_message& c) { c.attempt = weir::attempt_id{0}; });
  } else if (is<weir::credit_grant>(content)) {
    const auto& g = content.get_as<weir::credit_grant>(0);
    seen.channel = g.channel;
    seen.text = "grant on channel " + to_string(g.channel) + " up to " + std::to_string(g.limit);
    may_suffer<weir::credit_grant>(seen, content, "credit",
                                   [](weir::credit_grant& c) { c.attempt = weir::attempt_id{0}; });
  } else if (is<weir::subtask_report>(content)) {
    const auto& r = content.get_as<weir::subtask_report>(0);
    seen.text = "task " + to_string(r.subtask.task) + " subtask " + to_string(r.subtask.index) + " attempt " +
                to_string(r.attempt) + " " + event_text(r.event);
    const auto lose = [](weir::subtask_report& report) { report.attempt = weir::attempt_id{0}; };
    if (std::holds_alternative<weir::checkpoint_acknowledged>(r.event))
      may_suffer<weir::subtask_report>(seen, content, "acknowledgement", lose);
    else if (std::holds_alternative<weir::commit_acknowledged>(r.event))
      may_suffer<weir::subtask_report>(seen, content, "commit acknowledgement", lose);
    else if (std::holds_alternative<weir::barrier_skipped>(r.event))
      may_suffer<weir::subtask_report>(seen, content, "skip notice", lose);
  } else if (is<weir::checkpoint_completed>(content)) {
    see_control<weir::checkpoint_completed>(seen, content, "completion notice", "completed ");
  } else if (is<weir::checkpoint_aborted>(content)) {
    see_control<weir::checkpoint_aborted>(seen, content, "abort notice", "aborted ");
  } else if (is<weir::trigger_checkpoint>(content)) {
    seen.text = "trigger " + to_string(content.get_as<weir::trigger_checkpoint>(0).mark.checkpoint);
  } else if (is<weir::snapshot_stored>(content)) {
    seen.text = "stored " + to_string(content.get_as<weir::snapshot_stored>(0).checkpoint);
  } else if (is<weir::store_snapshot>(content)) {
    const auto& s = content.get_as<weir::store_snapshot>(0).snapshot;
    seen.text = "store " + s.task + " " + to_string(s.index) + " for " + to_string(s.checkpoint);
  } else {
    seen.text = "another message";
    if (content.size() != 0)
      if (const auto type = content.type(0); type.second)
        seen.text = type.second->name();
  }
  return seen;
}

} // namespace simulation
