// What every fuzz target says of the code under test: which exceptions it may throw, and what has to hold.
#pragma once

#include <weir/persistence/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir_fuzz {

/// Ends the process, with the sentence, if what has to hold does not.
void require(bool holds, std::string_view sentence);

/// Whether a call returns; false if it is refused by an exception of the library, which must say what it is about and
/// what was found or expected. Any other exception ends the process: neither std::bad_alloc nor std::out_of_range is an
/// answer to damaged bytes.
template <class Call>
bool accepts(Call&& call) {
  try {
    call();
    return true;
  } catch (const weir::error& refusal) {
    require(!refusal.text().thing.empty(), "a refusal names the thing that it is about");
    return false;
  }
}

/// The fuzzer's bytes as the library takes them.
inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace weir_fuzz

/// What each fuzz target defines, and libFuzzer calls. Returns 0, or -1 for an input that is no use to the corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
