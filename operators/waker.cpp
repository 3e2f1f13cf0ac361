#include "waker.hpp"

namespace weir::inline v0 {

namespace {

class idle_waker final : public waker {
public:
  void wake() noexcept override {}
};

} // namespace

waker::~waker() = default;

std::shared_ptr<waker> no_waker() {
  static const auto none = std::make_shared<idle_waker>();
  return none;
}

} // namespace weir::inline v0
