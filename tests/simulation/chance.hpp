// The one source of chance in a simulation: everything that a seed decides is drawn here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simulation {

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers from the same seed, everywhere.
class chance {
public:
  explicit chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15U);
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9U;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebU;
    return z ^ (z >> 31);
  }
  /// From 0 to `n` - 1.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  /// From `least` to `most`, both included.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class Container>
  auto& pick(Container& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }
  /// An independent stream of chance.
  chance fork() { return chance{next()}; }

private:
  std::uint64_t state_;
};

/// A fixed jumble of two numbers, for what a simulated operator makes of a record.
constexpr std::uint32_t jumble(std::uint32_t a, std::uint32_t b) {
  std::uint64_t z = (std::uint64_t{a} << 32 | b) + 0x9e37'79b9'7f4a'7c15U;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9U;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebU;
  return static_cast<std::uint32_t>(z >> 32);
}

} // namespace simulation
