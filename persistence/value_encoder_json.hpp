// What value_encoder asks of JSON, and what both of its halves say of types.
#pragma once

#include "byte_buffer.hpp"
#include "encoding.hpp"
#include "schema.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace weir::inline v0::detail {

/// A class with one member that has no name is as that member.
[[nodiscard]] const type_schema& peeled_type(const type_schema& type);
/// A list or an array of u8, which is a blob in SQL.
[[nodiscard]] bool is_bytes_alone(const type_schema& type);
/// What a value of this type is in SQL: "an integer from -128 to 127".
[[nodiscard]] std::string expected_text(const type_schema& whole);
/// The beginning of a long text.
[[nodiscard]] std::string shortened(std::string text);

/// False for a finite number that this type can't hold.
template <class Float>
[[nodiscard]] bool append_float(double number, byte_buffer& out) {
  if (std::isfinite(number) && std::abs(number) > static_cast<double>(std::numeric_limits<Float>::max()))
    return false;
  store_number(out.extend(sizeof(Float)), static_cast<Float>(number));
  return true;
}

/// Appends the archive bytes of the value that this JSON describes, as `value_decoder` writes it. `around` are the
/// classes that the type is within, outermost first. Throws misfit_error.
void append_from_json(const type_schema& type, std::span<const type_schema* const> around, bool of_key,
                      std::string_view text, byte_buffer& out);

} // namespace weir::inline v0::detail
