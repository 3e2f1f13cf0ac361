#include "actor_source.hpp"

#include "feed_inbox.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <utility>

namespace weir::inline v0::detail {

actor_source_core::actor_source_core(caf::actor_system& system, fed_type type, feed_limits limits)
    : desk_(std::make_shared<feed_desk>(limits)), inbox_(spawn_feed_inbox(system, desk_, type, limits.producers)) {}

actor_source_core::~actor_source_core() {
  caf::anon_send_exit(inbox_, caf::exit_reason::user_shutdown);
}

std::string actor_source_guarantee() {
  return "Each numbered record is taken once, in the order of its producer; a producer that keeps its records until "
         "they are durable, and sends the others again, loses none.";
}

} // namespace weir::inline v0::detail
