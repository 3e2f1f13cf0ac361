// Makes stored values out of SQL values by their schema, for who edits state: typed, checked, told what does not fit.
#pragma once

#include "byte_buffer.hpp"
#include "error.hpp"
#include "schema.hpp"
#include "value_decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::inline v0 {

/// A value that its type can't hold. The thing is the place within the column, such as `.readings[3]`; often empty.
class misfit_error : public usage_error {
public:
  using usage_error::usage_error;
};

/// Whether a type is the whole key of a table: its bytes decide whether two keys are equal.
enum class encoder_use : std::uint8_t { key, value };

/// The inverse of `value_decoder`, column by column: what that one shows is taken, and gives the same bytes. Integers
/// have to be in the range of their type, strings are text (or a blob, if they are no UTF-8), JSON has all members and
/// no others. A text that is a number is taken for one, as columns of that type do. Sets and maps have each key once.
/// Keys with sets or maps of several elements are refused: in which order they are stored is not known here.
class value_encoder {
public:
  explicit value_encoder(type_schema schema, encoder_use use = encoder_use::value);
  value_encoder(const value_encoder&) = delete;
  value_encoder& operator=(const value_encoder&) = delete;

  /// As many as `value_decoder::columns()` has.
  [[nodiscard]] std::size_t columns() const { return columns_.size(); }
  /// Appends the archive bytes of one column. The columns one after the other are the whole value. Throws misfit_error,
  /// with `out` in any state.
  void append(std::size_t column, const decoded_value& value, byte_buffer& out) const;

private:
  struct column_type {
    const type_schema* type = nullptr;
    bool scalar = false;
  };

  type_schema schema_;
  encoder_use use_;
  bool opaque_ = false;
  std::vector<const type_schema*> around_; ///< the classes that the columns are in, outermost first
  std::vector<column_type> columns_;
};

} // namespace weir::inline v0
