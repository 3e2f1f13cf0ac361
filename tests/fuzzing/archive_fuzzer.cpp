// Reads any bytes as a stored value of one of many types. What can be read is a value that comes back, and nearly
// always its bytes are the very ones that were read.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"
#include "stored_types.hpp"

#include <weir/persistence/archive.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace weir_fuzz;
using weir::detail::shape;

template <class T>
constexpr bool has_one_form();

template <class... Types>
constexpr bool all_have_one_form(weir::detail::type_list<Types...>) {
  return (has_one_form<std::remove_cv_t<Types>>() && ...);
}

/// Whether equal values have equal bytes only. The elements of sets and maps are read in any order, as a program that
/// sorted them in another way may have written them.
template <class T>
constexpr bool has_one_form() {
  constexpr shape kind = weir::detail::shape_of<T>;
  if constexpr (kind == shape::sequence || kind == shape::optional)
    return has_one_form<typename T::value_type>();
  else if constexpr (kind == shape::array)
    return has_one_form<typename weir::detail::array_traits<T>::element>();
  else if constexpr (kind == shape::tuple)
    return all_have_one_form(typename weir::detail::tuple_types<T>::type{});
  else if constexpr (kind == shape::variant)
    return all_have_one_form(typename weir::detail::variant_traits<T>::alternatives{});
  else if constexpr (std::is_same_v<T, tree>)
    return false;
  else if constexpr (kind == shape::structure && weir::access::has_fields<T>())
    return all_have_one_form(weir::detail::fields_of<T>{});
  else
    return kind != shape::set && kind != shape::unordered_set && kind != shape::map && kind != shape::unordered_map;
}

/// How much memory the objects that `bytes` bytes become may take.
constexpr std::size_t memory_for(std::size_t bytes, std::size_t object) {
  // An empty std::deque takes 600 bytes, a node of a map some 100, and a vector that grows is there twice; the text of
  // a refusal comes on top.
  return 8192 + 4 * object + 1024 * bytes;
}

template <class T>
int read_as(std::span<const std::byte> bytes) {
  const allocation_limit limit{memory_for(bytes.size(), sizeof(T))};
  T value{};
  if (!accepts([&] { value = weir::from_bytes<T>(bytes); }))
    return 0;
  const auto written = weir::to_bytes(value);
  if constexpr (has_one_form<T>())
    require(std::ranges::equal(written, bytes), "a value's bytes are those that it was read from");
  require(written.size() == bytes.size(), "a value takes as many bytes as it was read from");
  require(written.size() >= weir::detail::min_size<T>(), "a value takes the least number of bytes at least");
  if constexpr (weir::detail::has_fixed_size<T>)
    require(written.size() == weir::detail::fixed_size<T>(), "a value of fixed size has this size");
  const T again = weir::from_bytes<T>(written);
  require(weir::to_bytes(again) == written, "what is written is read");
  if (value == value) // not so with a NaN
    require(again == value, "what is read again is equal");
  return 0;
}

/// The bytes may have been written by an earlier version of the class.
int read_old_version(std::span<const std::byte> bytes) {
  const allocation_limit limit{memory_for(bytes.size(), sizeof(versioned))};
  weir::class_versions versions;
  versions.add(weir::detail::class_name<versioned>(), 1);
  std::vector<versioned> values;
  accepts([&] {
    weir::input_archive archive{bytes, &versions};
    archive >> values;
    archive.expect_end();
    require(bytes.size() >= 1 + 4 * values.size(), "each object has its four bytes");
    require(std::all_of(values.begin(), values.end(), [](const versioned& each) { return each.second.empty(); }),
            "the first version has no second member");
  });
  return 0;
}

using reader = int (*)(std::span<const std::byte>);

template <class... Types>
constexpr std::array<reader, sizeof...(Types)> readers_of(weir::detail::type_list<Types...>) {
  return {&read_as<Types>...};
}

constexpr auto readers = readers_of(stored_types{});

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{as_bytes(data, size)};
  const unsigned type = input.byte();
  if (type == 255)
    return read_old_version(input.rest());
  return type < readers.size() ? readers[type](input.rest()) : -1;
}
