// The handle by which an answer comes back to an operator, from any thread.
#pragma once

#include "async_requests.hpp"
#include "waker.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

template <class Out>
struct async_answer {
  async_try which;
  std::optional<Out> out; ///< none: failed
  std::string error;
};

/// Where the answers to one operator wait. Outlives it if replies do; then it keeps nothing.
template <class Out>
class answer_box {
public:
  explicit answer_box(std::shared_ptr<waker> wakes) : wakes_(std::move(wakes)) {}

  void put(async_answer<Out> answer) {
    std::shared_ptr<waker> wakes;
    {
      const std::lock_guard lock(mutex_);
      if (closed_)
        return;
      if (answers_.empty())
        wakes = wakes_;
      answers_.push_back(std::move(answer));
    }
    if (wakes)
      wakes->wake();
  }
  [[nodiscard]] std::vector<async_answer<Out>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    answers_.clear();
    wakes_.reset();
  }

private:
  std::mutex mutex_;
  std::shared_ptr<waker> wakes_;
  std::vector<async_answer<Out>> answers_;
  bool closed_ = false;
};

} // namespace detail

/// The answer to one request, given by `reply(out)` or `reply.fail(text)`: at once or later, from any thread, by any of
/// its copies. The first counts, and the others do nothing, as does an answer that nobody waits for any more. If the
/// last copy goes without an answer the request has failed.
template <class Out>
class async_reply {
public:
  async_reply(std::shared_ptr<detail::answer_box<Out>> box, async_try which)
      : state_(std::make_shared<state>(std::move(box), which)) {}

  void operator()(Out out) const { state_->give(std::move(out), {}); }
  void fail(std::string error) const { state_->give(std::nullopt, std::move(error)); }

private:
  class state {
  public:
    state(std::shared_ptr<detail::answer_box<Out>> box, async_try which) : box_(std::move(box)), which_(which) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { give(std::nullopt, "the request was dropped without an answer"); }

    void give(std::optional<Out> out, std::string error) {
      if (!given_.exchange(true, std::memory_order_relaxed))
        box_->put({which_, std::move(out), std::move(error)});
    }

  private:
    std::shared_ptr<detail::answer_box<Out>> box_;
    async_try which_;
    std::atomic<bool> given_{false};
  };

  std::shared_ptr<state> state_;
};

} // namespace weir::inline v0
