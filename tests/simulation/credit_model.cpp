#include "simulation/credit_model.hpp"

#include <algorithm>
#include <variant>

namespace simulation {

credit_model::channel* credit_model::of(weir::channel_id id, weir::attempt_id attempt) {
  if (id.value >= channels_.size())
    return nullptr;
  channel& c = channels_[id.value];
  if (attempt < c.attempt)
    return nullptr;
  if (attempt > c.attempt) {
    c = {};
    c.attempt = attempt;
    c.limit = window_;
  }
  return &c;
}

std::optional<std::string> credit_model::arrives(const weir::channel_message& message) {
  channel* c = of(message.channel, message.attempt);
  if (!c || message.sequence != c->last.next())
    return std::nullopt; // a gap or a repeat fails the region
  c->last = message.sequence;
  if (!std::holds_alternative<weir::batch_ptr>(message.payload) || ++c->batches <= c->limit)
    return std::nullopt;
  return "batch " + std::to_string(c->batches) + " has come on channel " + to_string(message.channel) +
         ", whose sender has credit for " + std::to_string(c->limit);
}

std::optional<std::string> credit_model::granted(const weir::credit_grant& grant) {
  channel* c = of(grant.channel, grant.attempt);
  if (!c)
    return std::nullopt;
  const std::string which = "a grant on channel " + to_string(grant.channel) + " up to " + std::to_string(grant.limit);
  if (grant.limit > c->batches + window_)
    return which + ", though only " + std::to_string(c->batches) + " batches have come and the window is " +
           std::to_string(window_);
  if (grant.received_through > c->last)
    return which + " says that message " + to_string(grant.received_through) + " has come, which has not";
  if (!c->disturbed) {
    if (grant.limit < c->limit || grant.received_through < c->through)
      return which + " takes back one up to " + std::to_string(c->limit);
    if (grant.limit - c->limit > (window_ + 1) / 2)
      return which + " comes too late: the one before it was up to " + std::to_string(c->limit) +
             ", and half a window is due at once";
  }
  c->limit = std::max(c->limit, grant.limit);
  c->through = std::max(c->through, grant.received_through);
  return std::nullopt;
}

void credit_model::disturbed(const weir::credit_grant& grant) {
  if (channel* c = of(grant.channel, grant.attempt))
    c->disturbed = true;
}

} // namespace simulation
