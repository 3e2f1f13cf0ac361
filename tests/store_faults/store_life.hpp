// A small script of store commands, with an account of what the store has promised, and a check of the account.
#pragma once

#include <weir/persistence/checkpoint_store.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace store_faults {

/// What a process was told by its store, over several lives of the process.
struct account {
  bool began = false; ///< an opening has returned
  std::string run;
  std::map<weir::checkpoint_id, std::string> states;       ///< the state that each checkpoint has if it is complete
  std::set<weir::checkpoint_id> completed;                 ///< `complete` has returned
  weir::checkpoint_id tried;                               ///< the last for which `complete` was called
  weir::checkpoint_id given;                               ///< the last id
  std::map<weir::checkpoint_id, std::string> acknowledged; ///< writes that returned, with their own bytes
  weir::checkpoint_id unsure;                              ///< the last whose write threw: it may be there all the same
  weir::attempt_id attempt;
  std::set<weir::failure_id> failures;
  bool stopped = false;        ///< the end of the run was noted, and nothing came after it
  bool may_be_damaged = false; ///< bytes have changed behind the store's back: it may pass checkpoints over
  long refused = 0;            ///< commands that threw
  std::string broken;          ///< the first promise that was seen broken; empty if none was
};

enum class outcome : std::uint8_t {
  went_on,   ///< with all that was promised
  fell_back, ///< to an older checkpoint, and said so
  refused,   ///< with a reason
  broke      ///< a promise
};

/// What a store is like when it is opened again.
struct finding {
  outcome is = outcome::went_on;
  std::string fault;  ///< the broken promise
  std::string reason; ///< of the refusal, or what was said of checkpoints that were passed over
};

/// One life of a process: it opens the store, restores the newest checkpoint, takes `checkpoints` more, of which one is
/// aborted, removes old ones, notes a failure and its end. Commands that fail are left out, as a job would go on
/// without them. Everything is noted in `told`. The store is closed at the end, after `before_closing`.
template <class Before>
void live(const weir::store_options& options, account& told, int checkpoints, Before before_closing);

/// Opens the store again and compares it with what was promised. If it may be damaged it may be refused, or pass
/// checkpoints over and say so; else that breaks a promise.
[[nodiscard]] finding look_at(const weir::store_options& options, const account& told);

// --- the parts

namespace detail {
std::optional<weir::checkpoint_store> begin_life(const weir::store_options& options, account& told);
void go_on(weir::checkpoint_store& store, account& told, int checkpoints);
} // namespace detail

template <class Before>
void live(const weir::store_options& options, account& told, int checkpoints, Before before_closing) {
  auto store = detail::begin_life(options, told);
  if (store)
    detail::go_on(*store, told, checkpoints);
  before_closing();
}

} // namespace store_faults
