// Tells ThreadSanitizer in which order CAF runs things. Linked only into builds for that sanitizer.
//
// Debian's CAF is not built for the sanitizer: its lock-free mailboxes and reference counts are invisible, and every
// handover from actor to actor looks like a race. The functions here take the place of CAF's own of the same names (the
// dynamic linker prefers a program's definition, in the library's virtual tables, too). Each says what it orders and
// calls the original. Nothing else is hidden: a race between two actors that send each other nothing is still found.

#include <caf/abstract_actor.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/detail/simple_actor_clock.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/ref_counted.hpp>
#include <caf/scheduled_actor.hpp>

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

/// CAF's own definition of a function, by its mangled name.
template <class Function>
Function* original(const char* name) {
  auto* found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (found == nullptr) {
    std::fprintf(stderr, "caf_order: this CAF has no function %s\n", name);
    std::abort();
  }
  return found;
}

} // namespace

namespace caf {

// What a sender did comes before what the receiver does with the message.

void scheduled_actor::enqueue(mailbox_element_ptr message, execution_unit* host) {
  static auto* const caf_enqueue = original<void(scheduled_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_"
      "unitE");
  __tsan_release(ctrl());
  caf_enqueue(this, std::move(message), host);
}

void blocking_actor::enqueue(mailbox_element_ptr message, execution_unit* host) {
  static auto* const caf_enqueue = original<void(blocking_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE");
  __tsan_release(ctrl());
  caf_enqueue(this, std::move(message), host);
}

scheduled_actor::activation_result scheduled_actor::reactivate(mailbox_element& message) {
  static auto* const caf_reactivate = original<activation_result(scheduled_actor*, mailbox_element&)>(
      "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE");
  __tsan_acquire(ctrl());
  return caf_reactivate(this, message);
}

intrusive::task_result blocking_actor::mailbox_visitor::operator()(mailbox_element& message) {
  static auto* const caf_visit = original<intrusive::task_result(mailbox_visitor*, mailbox_element&)>(
      "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE");
  __tsan_acquire(self->ctrl());
  return caf_visit(this, message);
}

// What spawned an actor comes before its first run, and each run before the next, on whatever thread.

void scheduled_actor::launch(execution_unit* host, bool lazy, bool hide) {
  static auto* const caf_launch = original<void(scheduled_actor*, execution_unit*, bool, bool)>(
      "_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb");
  __tsan_release(ctrl());
  caf_launch(this, host, lazy, hide);
}

resumable::resume_result scheduled_actor::resume(execution_unit* host, size_t max_throughput) {
  static auto* const caf_resume = original<resume_result(scheduled_actor*, execution_unit*, size_t)>(
      "_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm");
  __tsan_acquire(ctrl());
  const strong_actor_ptr alive{ctrl()};
  const auto result = caf_resume(this, host, max_throughput);
  __tsan_release(ctrl());
  return result;
}

// What was sent comes before the end of the actor that has not read it, and frees it.

bool scheduled_actor::finalize() {
  static auto* const caf_finalize = original<bool(scheduled_actor*)>("_ZN3caf15scheduled_actor8finalizeEv");
  __tsan_acquire(ctrl());
  return caf_finalize(this);
}

// What asked for a delayed message comes before the clock's thread, which sends it.

namespace detail {

void thread_safe_actor_clock::schedule_message(time_point due, strong_actor_ptr receiver, mailbox_element_ptr content) {
  static auto* const caf_schedule = original<void(thread_safe_actor_clock*, time_point, strong_actor_ptr,
                                                  mailbox_element_ptr)>(
      "_ZN3caf6detail23thread_safe_actor_clock16schedule_messageENSt6chrono10time_pointINS2_3_V212steady_"
      "clockENS2_8durationIlSt5ratioILl1ELl1000000000EEEEEENS_13intrusive_ptrINS_19actor_control_blockEEESt10unique_"
      "ptrINS_15mailbox_elementENS0_8disposerEE");
  __tsan_release(static_cast<simple_actor_clock*>(this));
  caf_schedule(this, due, std::move(receiver), std::move(content));
}

void simple_actor_clock::ship(delayed_event& event) {
  static auto* const caf_ship = original<void(simple_actor_clock*, delayed_event&)>(
      "_ZN3caf6detail18simple_actor_clock4shipERNS1_13delayed_eventE");
  __tsan_acquire(this);
  caf_ship(this, event);
}

} // namespace detail

// Every use of a counted object comes before its end. These are CAF's own, with atomics that the sanitizer sees.

void ref_counted::deref() const noexcept {
  if (unique())
    request_deletion(false);
  else if (rc_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    request_deletion(true);
}

void intrusive_ptr_release_weak(actor_control_block* block) {
  if (block->weak_refs == 1 || block->weak_refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
    block->block_dtor(block);
}

void intrusive_ptr_release(actor_control_block* block) {
  if (block->strong_refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    block->data_dtor(block->get());
    intrusive_ptr_release_weak(block);
  }
}

} // namespace caf
