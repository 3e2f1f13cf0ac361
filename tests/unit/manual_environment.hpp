// An environment whose clocks stand still until they are moved, and whose random bits count up.
#pragma once

#include <weir/operators/environment.hpp>

#include <chrono>
#include <cstdint>

namespace weir_test {

class manual_environment final : public weir::environment {
public:
  [[nodiscard]] weir::monotonic_time monotonic() const override { return weir::monotonic_time{since_start}; }
  [[nodiscard]] weir::processing_time now() const override {
    return weir::processing_time{std::chrono::seconds{1'700'000'000} + since_start + set_by};
  }
  std::uint64_t random() override { return ++drawn_; }

  void advance(std::chrono::microseconds by) { since_start += by; }

  std::chrono::microseconds since_start{std::chrono::seconds{1}};
  std::chrono::microseconds set_by{0}; ///< how far somebody has set the clock that shows the time

private:
  std::uint64_t drawn_ = 0;
};

} // namespace weir_test
