// Makes a record of a line of JSON.
#pragma once

#include "record_source.hpp"

#include <memory>

namespace weir::inline v0 {

/// What JSON may leave out, and what it may have beyond a record.
struct json_rules {
  bool missing_allowed = false; ///< members that are not there keep their default
  bool extra_allowed = true;    ///< members that the record does not have are passed over
};

/// A parser of lines that hold one JSON value each; empty lines stand for nothing.
[[nodiscard]] std::unique_ptr<record_parser> make_json_parser(const field_type& record, json_rules rules);

} // namespace weir::inline v0
