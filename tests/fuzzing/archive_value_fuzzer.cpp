// Makes values of many types, and writes and reads them: what is written is read again, and nothing is left.
#include "fuzz_check.hpp"
#include "stored_types.hpp"
#include "value_builder.hpp"

#include <weir/persistence/archive.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/schema.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace {

using namespace weir_fuzz;

template <class T>
void write_and_read(fuzz_input& input) {
  T value{};
  value_builder{input}.build(value);
  std::vector<std::byte> written;
  if (!accepts([&] { written = weir::to_bytes(value); }))
    return; // nested too deep
  const T again = weir::from_bytes<T>(written);
  require(weir::to_bytes(again) == written, "what is read has the bytes that were written");
  if (value == value) // not so with a NaN
    require(again == value, "what is read is equal to what was written");
  if constexpr (weir::key_type<T>)
    require(weir::key_hash(value) == weir::checksum(written), "a key's hash is that of its bytes");

  // Bytes behind it, or too few of them, are noticed.
  written.push_back(std::byte{0});
  require(!accepts([&] { static_cast<void>(weir::from_bytes<T>(written)); }), "a byte too many is refused");
  written.pop_back();
  if (!written.empty()) {
    written.pop_back();
    require(!accepts([&] { static_cast<void>(weir::from_bytes<T>(written)); }), "a missing byte is noticed");
  }
}

using target = void (*)(fuzz_input&);

template <class... Types>
constexpr std::array<target, sizeof...(Types)> targets_of(weir::detail::type_list<Types...>) {
  return {&write_and_read<Types>...};
}

constexpr auto targets = targets_of(stored_types{});

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{as_bytes(data, size)};
  const unsigned type = input.byte();
  if (type >= targets.size())
    return -1;
  targets[type](input);
  return 0;
}
