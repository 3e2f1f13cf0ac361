#include "companions.hpp"

#include "delays.hpp"
#include "dispatch.hpp"
#include "error_report.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

/// What CAF calls the actors.
struct source_name {
  static inline const char* name = "weir.source";
};
struct sink_name {
  static inline const char* name = "weir.sink";
};

template <class Body>
caf::actor spawn_companion(caf::actor_system& system, blocking_work how, Body body) {
  if (how == blocking_work::own_thread)
    return system.spawn<caf::detached>(std::move(body));
  return system.spawn(std::move(body));
}

/// Keeps the batches of one read.
class batch_list final : public batch_receiver {
public:
  bool accept(batch_ptr batch) override {
    batches.push_back(std::move(batch));
    return true;
  }
  std::vector<batch_ptr> batches;
};

class source_companion {
public:
  source_companion(caf::event_based_actor* self, std::shared_ptr<split_readers> readers, const element_type& type,
                   std::size_t batch_size, std::shared_ptr<environment> env, caf::actor subtask)
      : self_(self),
        readers_(std::move(readers)),
        out_(type.make_collector()),
        batch_size_(batch_size),
        env_(std::move(env)),
        subtask_(std::move(subtask)) {
    out_->connect(received_, batch_size_);
  }

  /// One more answer is owed.
  void ask() {
    ++owed_;
    read();
  }

  /// Reads until nothing is owed, or until a later time.
  void read() {
    while (owed_ != 0) {
      split_readers::result result;
      out_->resume();
      const bool did = readers_->read(*out_, batch_size_, env_->now(), env_->monotonic(), true, result);
      out_->flush();
      companion_read answer;
      answer.all_ended = readers_->exhausted();
      if (did && (!received_.batches.empty() || result.status == read_status::end)) {
        answer.batches = std::exchange(received_.batches, {});
        answer.split = std::move(result.split);
        answer.position = std::move(result.position);
        answer.split_ended = result.status == read_status::end;
      } else if (!answer.all_ended) {
        if (did)
          continue; // another split may have something
        return wait();
      }
      --owed_;
      post(subtask_, std::move(answer));
    }
  }

  void retry() {
    waiting_ = false;
    read();
  }

private:
  void wait() {
    if (std::exchange(waiting_, true))
      return;
    const std::chrono::microseconds due = delay_until(env_->monotonic(), readers_->next_at());
    self_->delayed_send(self_, std::max<std::chrono::microseconds>(due, std::chrono::milliseconds{1}), do_wake{});
  }

  caf::event_based_actor* self_;
  std::shared_ptr<split_readers> readers_;
  std::unique_ptr<any_collector> out_;
  batch_list received_;
  std::size_t batch_size_;
  std::shared_ptr<environment> env_;
  caf::actor subtask_;
  std::size_t owed_ = 0;
  bool waiting_ = false;
};

/// Runs a piece of a companion's work; what it throws goes to the subtask, and the companion rests.
template <class Work>
void guarded(caf::event_based_actor* self, const caf::actor& subtask, std::size_t stage, Work work) {
  try {
    work();
  } catch (...) {
    subtask_failed failure = failure_from_exception(std::current_exception(), "");
    post(subtask, companion_failed{stage, std::move(failure.kind), std::move(failure.message), failure.usage});
    self->quit();
  }
}

} // namespace

caf::actor spawn_source_companion(caf::actor_system& system, blocking_work how, std::shared_ptr<split_readers> readers,
                                  const element_type& type, std::size_t batch_size, std::shared_ptr<environment> env,
                                  caf::actor subtask) {
  return spawn_companion(system, how, [=](caf::stateful_actor<source_name>* self) -> caf::behavior {
    auto companion = std::make_shared<source_companion>(self, readers, type, batch_size, env, subtask);
    return {[=](read_once) { guarded(self, subtask, 0, [&] { companion->ask(); }); },
            [=](do_wake) { guarded(self, subtask, 0, [&] { companion->retry(); }); }};
  });
}

caf::actor spawn_sink_companion(caf::actor_system& system, blocking_work how, const any_sink& sink, std::size_t stage,
                                caf::actor subtask) {
  return spawn_companion(system, how, [&sink, stage, subtask](caf::stateful_actor<sink_name>* self) -> caf::behavior {
    auto writer = std::make_shared<std::unique_ptr<sink_writer>>();
    return {[=, &sink](sink_order& order) {
      guarded(self, subtask, stage, [&] {
        post(subtask, sink_reply{stage, carry_out(std::move(order.command), sink, *writer)});
      });
    }};
  });
}

} // namespace weir::inline v0
