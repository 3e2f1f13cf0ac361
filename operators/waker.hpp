// How something outside of a subtask makes it look again.
#pragma once

#include <memory>

namespace weir::inline v0 {

/// Wakes one subtask. What is waited for outside of the runtime, an answer or new input, is put where the operator or
/// reader will find it, and then this is called.
class waker {
public:
  waker() = default;
  virtual ~waker();
  waker(const waker&) = delete;
  waker& operator=(const waker&) = delete;

  /// Leads to a call of `any_operator::on_wake`, or of `split_reader::read`, soon after. From any thread, at any time:
  /// many calls may lead to one, and a call after the subtask's end to none.
  virtual void wake() noexcept = 0;
};

/// One that wakes nobody.
[[nodiscard]] std::shared_ptr<waker> no_waker();

} // namespace weir::inline v0
