#include "job_actor.hpp"

#include "../actors/dispatch.hpp"
#include "../actors/error_report.hpp"
#include "job_control.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/response_promise.hpp>

#include <map>
#include <memory>
#include <utility>

namespace weir::inline v0 {

/// To a job's actor, from the job.
struct job_over {
  job_state state = job_state::failed;
  std::string why;
};
struct checkpoint_over {
  std::uint64_t asked = 0;
  std::uint64_t id = 0;
  std::string why; ///< empty: it is complete
};

} // namespace weir::inline v0

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::job_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::checkpoint_over)

namespace weir::inline v0 {

namespace {

caf::error error_of(job_state state, const std::string& why) {
  // 0 would be no error.
  return {static_cast<std::uint8_t>(static_cast<std::uint8_t>(state) + 1), job_error_category, caf::make_message(why)};
}

class job_actor final : public caf::event_based_actor {
public:
  job_actor(caf::actor_config& config, std::shared_ptr<job_control> control)
      : caf::event_based_actor(config), control_(std::move(control)) {
    set_error_handler([](const caf::error&) {});
  }

  const char* name() const override { return "weir.job"; }

  void on_exit() override {
    for (auto& [number, answer] : asked_)
      answer.deliver(error_of(job_state::failed, "the job has ended"));
    asked_.clear();
    control_.reset();
  }

protected:
  caf::behavior make_behavior() override {
    return {
        [this](job_checkpoint_atom) { return on_checkpoint(); },
        [this](job_stop_atom) {
          control_->ask({job_request::kind::stop, nullptr});
        },
        [this](job_drain_atom) {
          control_->ask({job_request::kind::drain, nullptr});
        },
        [this](job_cancel_atom) {
          control_->ask({job_request::kind::cancel, nullptr});
        },
        [this](job_state_atom) { return std::string{to_text(control_->status().state)}; },
        [this](const checkpoint_over& over) {
          const auto at = asked_.find(over.asked);
          if (at == asked_.end())
            return;
          if (over.why.empty())
            at->second.deliver(over.id);
          else
            at->second.deliver(error_of(job_state::running, over.why));
          asked_.erase(at);
        },
        [this](const job_over& over) {
          if (over.state == job_state::finished)
            quit();
          else
            quit(error_of(over.state, over.why));
        },
    };
  }

private:
  caf::response_promise on_checkpoint() {
    const std::uint64_t number = ++last_;
    caf::response_promise answer = make_response_promise();
    asked_.emplace(number, answer);
    const auto told = [to = caf::actor_cast<caf::actor_addr>(this), number](checkpoint_id id,
                                                                            const std::exception_ptr& why) {
      post(caf::actor_cast<caf::actor>(to), checkpoint_over{number, id.value, why ? sentence_of(why) : std::string{}});
    };
    control_->ask({job_request::kind::checkpoint, checkpoint_answer{checkpoint_answer::function{told}}});
    return answer;
  }

  std::shared_ptr<job_control> control_;
  std::map<std::uint64_t, caf::response_promise> asked_;
  std::uint64_t last_ = 0;
};

} // namespace

caf::actor spawn_job_actor(caf::actor_system& system, const job_handle& job) {
  caf::actor spawned = system.spawn<job_actor>(job.control());
  job.control()->on_end([spawned](job_state state, const std::string& why) { post(spawned, job_over{state, why}); });
  return spawned;
}

job_end how_job_ended(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::normal)
    return {job_state::finished, {}};
  job_end end;
  if (reason.category() != job_error_category || reason.code() == 0 ||
      reason.code() > static_cast<std::uint8_t>(job_state::failed) + 1) {
    end.why = "its actor ended: " + to_string(reason);
    return end;
  }
  end.state = static_cast<job_state>(reason.code() - 1);
  if (reason.context().match_elements<std::string>())
    end.why = reason.context().get_as<std::string>(0);
  return end;
}

} // namespace weir::inline v0
