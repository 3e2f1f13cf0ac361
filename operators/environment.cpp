#include "environment.hpp"

#include <time.h> // NOLINT(modernize-deprecated-headers): clock_gettime is not in <ctime>

#include <array>
#include <chrono>
#include <mutex>
#include <random>

namespace weir::inline v0 {

namespace {

class system_environment_impl final : public environment {
public:
  system_environment_impl() : engine_(seed()) {}

  monotonic_time monotonic() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::steady_clock::now());
  }

  processing_time now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }

  std::uint64_t random() override {
    const std::lock_guard lock(mutex_);
    return engine_();
  }

  std::chrono::nanoseconds thread_time() const override {
    timespec now{};
    if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
      return {};
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
  }

private:
  static std::uint64_t seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
  }

  std::mutex mutex_;
  std::mt19937_64 engine_;
};

} // namespace

environment::~environment() = default;

std::string environment::uuid() {
  std::array<std::uint64_t, 2> bits{random(), random()};
  bits[0] = (bits[0] & 0xffff'ffff'ffff'0fffU) | 0x4000U;                // version 4
  bits[1] = (bits[1] & 0x3fff'ffff'ffff'ffffU) | 0x8000'0000'0000'0000U; // variant 1
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20)
      text += '-';
    text += digits[(bits[static_cast<std::size_t>(i / 16)] >> (60 - 4 * (i % 16))) & 15U];
  }
  return text;
}

std::shared_ptr<environment> system_environment() {
  return std::make_shared<system_environment_impl>();
}

} // namespace weir::inline v0
