// Keeps a sink's writer from going on after a failure.
#pragma once

#include "../persistence/error.hpp"

#include <string>
#include <utility>

namespace weir::inline v0 {

/// Once a guarded step has thrown, all later ones are refused: what was written by then is not known, and a checkpoint
/// that was prepared on top of it could lose records. The next attempt has a new writer.
class writer_guard {
public:
  explicit writer_guard(std::string thing) : thing_(std::move(thing)) {}

  template <class Step>
  void run(Step&& step) {
    if (failed_)
      throw io_error({thing_, "a writer that has not failed", "one that has", "start a new attempt"});
    failed_ = true;
    std::forward<Step>(step)();
    failed_ = false;
  }

private:
  std::string thing_;
  bool failed_ = false;
};

} // namespace weir::inline v0
