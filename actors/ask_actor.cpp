#include "ask_actor.hpp"

#include "delays.hpp"
#include "dispatch.hpp"

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>

namespace weir::inline v0::detail {

/// To the actor that asks.
struct ask_order {
  actor_asker::request_function request;
};

} // namespace weir::inline v0::detail

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::detail::ask_order)

namespace weir::inline v0::detail {

namespace {

class asking_actor final : public caf::event_based_actor {
public:
  asking_actor(caf::actor_config& config, caf::actor to, std::chrono::milliseconds timeout)
      : caf::event_based_actor(config), to_(std::move(to)), timeout_(std::min(timeout, longest_timeout)) {
    set_exit_handler([this](const caf::exit_msg&) { quit(); });
    set_error_handler([](const caf::error&) {});
  }

  const char* name() const override { return "weir.asker"; }
  void on_exit() override { to_ = nullptr; }

protected:
  caf::behavior make_behavior() override {
    return {[this](const ask_order& order) { order.request(this, to_, timeout_); }};
  }

private:
  caf::actor to_;
  std::chrono::milliseconds timeout_;
};

} // namespace

actor_asker::actor_asker(caf::actor to, std::chrono::milliseconds timeout) {
  if (to)
    asks_ = to.home_system().spawn<asking_actor>(to, timeout);
}

actor_asker::~actor_asker() {
  if (asks_)
    caf::anon_send_exit(asks_, caf::exit_reason::user_shutdown);
}

void actor_asker::ask(request_function request) const {
  post(asks_, ask_order{std::move(request)});
}

std::string text_of(const caf::event_based_actor& self, const caf::error& why) {
  return self.system().render(why);
}

} // namespace weir::inline v0::detail
