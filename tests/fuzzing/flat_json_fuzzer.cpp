// Reads any text as one of the small JSON objects in which splits, positions and prepared outputs are stored.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"

#include <weir/operators/flat_json.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string>

using namespace weir_fuzz;
using weir::flat_json;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(as_bytes(data, size));
  const allocation_limit limit{16384 + 512 * size};
  flat_json object;
  if (!accepts([&] { object = flat_json::parse(text, "a position"); }))
    return 0;
  const std::string written = object.to_string();
  const flat_json again = flat_json::parse(written, "a position");
  require(again.to_string() == written, "an object that was read is written");

  // What is written is JSON to others, too, unless bytes of text are no UTF-8.
  const auto json = nlohmann::json::parse(written, nullptr, false);
  if (json.is_discarded()) {
    require(nlohmann::json(written).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) !=
                nlohmann::json(written).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore),
            "what is written is JSON");
    return 0;
  }
  require(json.is_object(), "what is written is an object");
  for (const auto& member : json.items()) {
    require(object.has(member.key()), "what is written is what was read");
    require(member.value().is_string() || member.value().is_number_unsigned(), "what is no text is a whole number");
    accepts([&] { static_cast<void>(object.text(member.key())); });
    accepts([&] { static_cast<void>(object.number(member.key())); });
  }
  require(object.has("path") || !accepts([&] { static_cast<void>(object.text("path")); }),
          "a member that is missing is refused");
  return 0;
}
