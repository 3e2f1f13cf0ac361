#include "simulation/messages_seen.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/send.hpp>

#include <type_traits>
#include <typeinfo>
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
                 [](const auto&) { return std::string{"something else"}; }},
      event);
}

const std::type_info* type_of(const caf::type_erased_tuple& content) {
  return content.size() == 1 ? content.type(0).second : nullptr;
}

template <class T>
T* as(caf::type_erased_tuple& content) {
  const std::type_info* type = type_of(content);
  return type && *type == typeid(T) ? &content.get_mutable_as<T>(0) : nullptr;
}

std::string_view kind_of(const weir::subtask_report& report) {
  if (std::holds_alternative<weir::checkpoint_acknowledged>(report.event))
    return "acknowledgement";
  if (std::holds_alternative<weir::commit_acknowledged>(report.event))
    return "commit acknowledgement";
  if (std::holds_alternative<weir::barrier_skipped>(report.event))
    return "skip notice";
  if (std::holds_alternative<weir::subtask_loaded>(report.event))
    return "loaded notice";
  if (std::holds_alternative<weir::subtask_ended>(report.event))
    return "end notice";
  return {};
}

template <class T>
std::function<void(const caf::actor&)> sender(T message) {
  return [message = std::move(message)](const caf::actor& to) { caf::anon_send(to, message); };
}

} // namespace

std::optional<weir::channel_id> seen_message::channel() const {
  if (on_channel)
    return on_channel->channel;
  return grant ? std::optional{grant->channel} : std::nullopt;
}

std::optional<std::pair<weir::region_id, weir::attempt_id>> seen_message::attempt() const {
  if (on_channel)
    return std::pair{on_channel->region, on_channel->attempt};
  if (grant)
    return std::pair{grant->region, grant->attempt};
  if (report)
    return std::pair{report->region, report->attempt};
  if (snapshot)
    return std::pair{snapshot->snapshot.region, snapshot->snapshot.attempt};
  return std::nullopt;
}

void seen_message::lose() const {
  constexpr weir::attempt_id none{0};
  if (auto* m = as<weir::channel_message>(*content))
    m->attempt = none;
  else if (auto* g = as<weir::credit_grant>(*content))
    g->attempt = none;
  else if (auto* r = as<weir::subtask_report>(*content))
    r->attempt = none;
  else if (auto* s = as<weir::store_snapshot>(*content))
    s->snapshot.attempt = none;
  // No checkpoint has this number: sinks have nothing to commit, and aligners nothing to release.
  else if (auto* completed = as<weir::checkpoint_completed>(*content))
    completed->checkpoint = weir::checkpoint_id{0};
  else if (auto* aborted = as<weir::checkpoint_aborted>(*content))
    aborted->checkpoint = weir::checkpoint_id{0};
}

std::function<void(const caf::actor&)> seen_message::copy(const caf::actor& answers) const {
  if (on_channel)
    return sender(*on_channel);
  if (grant)
    return sender(*grant);
  if (report)
    return sender(*report);
  if (snapshot) {
    weir::store_snapshot copied = *snapshot;
    if (answers)
      copied.from = answers;
    return sender(std::move(copied));
  }
  if (part)
    return sender(*part);
  if (const auto* completed = as<weir::checkpoint_completed>(*content))
    return sender(*completed);
  if (const auto* aborted = as<weir::checkpoint_aborted>(*content))
    return sender(*aborted);
  return {};
}

std::string seen_message::text() const {
  if (on_channel)
    return "channel " + to_string(on_channel->channel) + " #" + to_string(on_channel->sequence) + ": " +
           payload_text(on_channel->payload);
  if (grant)
    return "grant on channel " + to_string(grant->channel) + " up to " + std::to_string(grant->limit);
  if (report)
    return "task " + to_string(report->subtask.task) + " subtask " + to_string(report->subtask.index) + " attempt " +
           to_string(report->attempt) + " " + event_text(report->event);
  if (snapshot)
    return "store " + snapshot->snapshot.task + " " + to_string(snapshot->snapshot.index) + " for " +
           to_string(snapshot->snapshot.checkpoint);
  if (load)
    return "load " + to_string(load->checkpoint) + " from " + std::to_string(load->at.table) + "/" +
           std::to_string(load->at.chunk);
  if (part)
    return "part of the state, " + std::to_string(part->pieces->size()) + " pieces";
  if (trigger)
    return "trigger " + to_string(trigger->mark.checkpoint);
  if (const auto* completed = as<weir::checkpoint_completed>(*content))
    return "completed " + to_string(completed->checkpoint);
  if (const auto* aborted = as<weir::checkpoint_aborted>(*content))
    return "aborted " + to_string(aborted->checkpoint);
  if (const auto* stored = as<weir::snapshot_stored>(*content))
    return "stored " + to_string(stored->checkpoint) + ": " + std::string{to_text(stored->result)};
  const std::type_info* type = type_of(*content);
  return type ? type->name() : "another message";
}

std::optional<seen_message> next_message(caf::scheduled_actor& receiver) {
  caf::mailbox_element* element = receiver.mailbox().peek();
  if (!element)
    return std::nullopt;
  seen_message seen;
  seen.content = &element->content();
  caf::type_erased_tuple& content = *seen.content;
  const std::type_info* type = type_of(content);
  if (!type || *type == typeid(weir::do_step))
    return seen; // by far the commonest
  if ((seen.on_channel = as<weir::channel_message>(content)))
    seen.kind = std::holds_alternative<weir::batch_ptr>(seen.on_channel->payload) ? "batch" : "control message";
  else if ((seen.grant = as<weir::credit_grant>(content)))
    seen.kind = "credit";
  else if ((seen.report = as<weir::subtask_report>(content)))
    seen.kind = kind_of(*seen.report);
  else if ((seen.snapshot = as<weir::store_snapshot>(content)))
    seen.kind = "snapshot";
  else if ((seen.part = as<weir::state_part>(content)))
    seen.kind = "state part";
  else if (*type == typeid(weir::checkpoint_completed))
    seen.kind = "completion notice";
  else if (*type == typeid(weir::checkpoint_aborted))
    seen.kind = "abort notice";
  else if ((seen.trigger = as<weir::trigger_checkpoint>(content)) || (seen.load = as<weir::load_request>(content)) ||
           (seen.spawned = as<weir::companion_spawned>(content)) || (seen.order = as<weir::sink_order>(content)))
    return seen;
  else
    seen.opens = *type == typeid(weir::open_operators);
  return seen;
}

} // namespace simulation
