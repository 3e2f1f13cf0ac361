// An operator for tests that only passes numbers on.
#pragma once

#include <weir/operators/operator.hpp>

#include <cstddef>

namespace weir_test {

/// Passes numbers on. Emits -1 for a watermark, and -2 at the end.
class passing_operator : public weir::any_operator {
public:
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i) {
      out.port<int>(0)(weir::as<int>(in).values[i]);
      if (out.full())
        return i + 1;
    }
    return to;
  }
  bool watermark(weir::event_time, weir::operator_outputs& out) override {
    out.port<int>(0)(-1);
    return true;
  }
  bool end_of_input(weir::operator_outputs& out) override {
    out.port<int>(0)(-2);
    return true;
  }
};

} // namespace weir_test
