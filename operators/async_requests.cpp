#include "async_requests.hpp"

#include "../persistence/saturating_time.hpp"

namespace weir::inline v0 {

std::uint64_t async_requests::add() {
  requests_.emplace(++last_, request{});
  waiting_.push_back(last_);
  return last_;
}

std::optional<async_try> async_requests::next_try(monotonic_time now) {
  if (waiting_.empty() || under_way_ >= options_.capacity)
    return std::nullopt;
  const std::uint64_t ticket = waiting_.front();
  waiting_.pop_front();
  request& r = requests_.at(ticket);
  r.at = phase::asked;
  ++r.tries;
  ++under_way_;
  if (options_.timeout.count() > 0) {
    r.due = saturating_add(now, options_.timeout);
    due_.emplace(r.due, ticket);
  }
  return async_try{ticket, r.tries};
}

async_requests::request* async_requests::asked(async_try which) {
  const auto at = requests_.find(which.ticket);
  if (at == requests_.end() || at->second.at != phase::asked || at->second.tries != which.number)
    return nullptr;
  --under_way_;
  due_.erase({at->second.due, which.ticket});
  return &at->second;
}

void async_requests::settle(std::uint64_t ticket, request& r) {
  r.at = phase::settled;
  if (options_.order == async_order::unordered)
    settled_.push_back(ticket);
}

bool async_requests::answered(async_try which) {
  request* r = asked(which);
  if (!r)
    return false;
  settle(which.ticket, *r);
  return true;
}

async_requests::outcome async_requests::failed(async_try which, monotonic_time now) {
  request* r = asked(which);
  if (!r)
    return outcome::ignored;
  if (r->tries > options_.retries) {
    settle(which.ticket, *r);
    return outcome::given_up;
  }
  r->at = phase::resting;
  r->due = saturating_add(now, options_.retry_delay);
  due_.emplace(r->due, which.ticket);
  return outcome::again;
}

std::vector<async_try> async_requests::expire(monotonic_time now) {
  std::vector<async_try> late;
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::uint64_t ticket = due_.begin()->second;
    due_.erase(due_.begin());
    request& r = requests_.at(ticket);
    if (r.at == phase::asked) {
      late.push_back({ticket, r.tries});
    } else {
      r.at = phase::waiting;
      waiting_.push_back(ticket);
    }
  }
  return late;
}

std::optional<std::uint64_t> async_requests::next_settled() const {
  if (options_.order == async_order::unordered)
    return settled_.empty() ? std::nullopt : std::optional{settled_.front()};
  if (requests_.empty() || requests_.begin()->second.at != phase::settled)
    return std::nullopt;
  return requests_.begin()->first;
}

void async_requests::erase(std::uint64_t ticket) {
  requests_.erase(ticket);
  if (options_.order == async_order::unordered)
    settled_.pop_front(); // only what `next_settled` gave is erased
}

std::optional<monotonic_time> async_requests::next_due() const {
  return due_.empty() ? std::nullopt : std::optional{due_.begin()->first};
}

} // namespace weir::inline v0
