// Which requests are asked, waited for, tried again, given up and due to go on.
#pragma once

#include "../persistence/monotonic_time.hpp"
#include "async_options.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// One try of a request.
struct async_try {
  std::uint64_t ticket = 0; ///< which request: they count from 1 in the order of their records
  std::uint32_t number = 0; ///< which try of it, from 1
};

/// Decides about the requests of one subtask: input in, decision out, no clock. A request waits until fewer than
/// `capacity` are under way, is asked, and is settled by an answer or by the failure of its last try.
class async_requests {
public:
  explicit async_requests(async_options options) : options_(options) {}

  /// A request for a record; returns its ticket.
  std::uint64_t add();
  /// A try that is to be made now.
  [[nodiscard]] std::optional<async_try> next_try(monotonic_time now);
  /// An answer has come. False if it is to a try that is waited for no more.
  bool answered(async_try which);
  /// What the failure of a try means.
  enum class outcome : std::uint8_t { ignored, again, given_up };
  outcome failed(async_try which, monotonic_time now);
  /// The tries whose time is over, to be told as failed; requests whose delay is over are due again.
  [[nodiscard]] std::vector<async_try> expire(monotonic_time now);

  /// The settled request that goes on next.
  [[nodiscard]] std::optional<std::uint64_t> next_settled() const;
  /// The request has gone on.
  void erase(std::uint64_t ticket);

  /// When `expire` has something to do.
  [[nodiscard]] std::optional<monotonic_time> next_due() const;
  /// All requests that have not gone on.
  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }
  [[nodiscard]] bool at_capacity() const noexcept { return requests_.size() >= options_.capacity; }

private:
  enum class phase : std::uint8_t { waiting, asked, resting, settled };
  struct request {
    phase at = phase::waiting;
    std::uint32_t tries = 0;
    monotonic_time due{};
  };

  request* asked(async_try which);
  void settle(std::uint64_t ticket, request& r);

  async_options options_;
  std::map<std::uint64_t, request> requests_;
  std::deque<std::uint64_t> waiting_;
  std::deque<std::uint64_t> settled_; ///< unordered: in the order in which they were settled
  std::set<std::pair<monotonic_time, std::uint64_t>> due_;
  std::uint64_t last_ = 0;
  std::size_t under_way_ = 0;
};

} // namespace weir::inline v0
