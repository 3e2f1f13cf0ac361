// Decodes any bytes by the schema of a stored type, or by any schema. What the archive can read is decoded; what comes
// out is JSON, or scalars of which the same bytes are made again.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"
#include "stored_types.hpp"

#include <weir/persistence/archive.hpp>
#include <weir/persistence/schema.hpp>
#include <weir/persistence/value_decoder.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <vector>

namespace {

using namespace weir_fuzz;

/// Whether the value was decoded in every way; it is so in all of them, or in none.
bool decode(weir::value_decoder& decoder, std::span<const std::byte> bytes) {
  std::string json;
  const bool good = accepts([&] { decoder.append_json(bytes, json); });
  if (good)
    require(nlohmann::json::accept(json), "what is written is JSON");
  std::string whole;
  const bool decoded = accepts([&] {
    const weir::decoded_value value = decoder.decode(bytes);
    if (value.json)
      require(value.bytes == json, "the JSON of a value is the same everywhere");
  });
  require(decoded || !good, "a value that is written as JSON is decoded");

  std::vector<std::span<const std::byte>> columns;
  if (!accepts([&] { decoder.split(bytes, columns); })) {
    require(!good, "a value that is written as JSON has columns");
    return good;
  }
  require(columns.size() == decoder.columns().size(), "each column has its bytes");
  std::deque<std::string> memory; // the decoder's next call changes its own
  std::vector<weir::decoded_value> values;
  const bool columns_good = accepts([&] {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      weir::decoded_value value = decoder.decode_column(i, columns[i]);
      value.bytes = memory.emplace_back(value.bytes);
      values.push_back(value);
    }
  });
  require(columns_good || !good, "the columns of a value that is written as JSON are decoded");
  weir::byte_buffer again;
  if (columns_good && decoder.encode(values, again))
    require(std::ranges::equal(again.bytes(), bytes), "scalars become the bytes that they were read from");
  return good;
}

template <class T>
int decode_as(std::span<const std::byte> bytes) {
  static weir::value_decoder decoder{weir::schema_of<T>()};
  // A double of eight bytes is a text of 24, and an empty class of one byte {}; texts grow by doubling.
  const allocation_limit limit{65536 + 512 * bytes.size()};
  T value{};
  const bool readable = accepts([&] { value = weir::from_bytes<T>(bytes); });
  const bool good = decode(decoder, bytes);
  require(good || !readable, "what the archive reads is decoded");
  return 0;
}

template <class T>
int read_as(std::span<const std::byte> bytes) {
  if constexpr (std::is_same_v<T, std::list<std::tuple<>>>)
    return -1; // g++ 12 warns when it describes a tuple without parts
  else
    return decode_as<T>(bytes);
}

int read_by_any_schema(std::span<const std::byte> bytes) {
  const std::string_view all = as_text(bytes);
  const std::size_t end = std::min(all.find('\n'), all.size());
  accepts([&] {
    weir::value_decoder decoder{weir::type_schema_from_json(all.substr(0, end))};
    decode(decoder, bytes.subspan(std::min(end + 1, all.size())));
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
    return read_by_any_schema(input.rest());
  return type < readers.size() ? readers[type](input.rest()) : -1;
}
