// Random numbers that depend on a seed and a record's number only.
#pragma once

#include <cstdint>

namespace weir::inline v0 {

/// A generator of random bits whose whole sequence follows from (seed, index): record i of a stream draws the same
/// numbers whoever makes it, and after every restart. SplitMix64 (Steele, Lea and Flood, 2014), begun at a mix of the
/// two. Meets `std::uniform_random_bit_generator`; its own draws, unlike the standard distributions, are the same on
/// every machine.
class counter_random {
public:
  using result_type = std::uint64_t;

  constexpr counter_random(std::uint64_t seed, std::uint64_t index) noexcept
      : state_(mix(mix(seed + golden) ^ (index * 0xd1342543de82ef95))) {}

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return ~result_type{0}; }

  constexpr result_type operator()() noexcept {
    state_ += golden;
    return mix(state_);
  }
  /// A number from 0 to n - 1, evenly but for a bias below n / 2^64. `n` is not 0.
  constexpr std::uint64_t below(std::uint64_t n) noexcept {
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<wide>((*this)()) * n) >> 64);
  }
  /// A number from 0 to below 1, in steps of 2^-53.
  constexpr double uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// True with a probability.
  constexpr bool chance(double probability) noexcept { return uniform() < probability; }

private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;

  static constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

} // namespace weir::inline v0
