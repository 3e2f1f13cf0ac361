// Turns a caught exception of any type into what the coordinator is told.
#pragma once

#include "messages.hpp"

#include <exception>
#include <string>

namespace weir::inline v0 {

/// What failed, in `subtask_failed`'s words. For use inside a catch block.
[[nodiscard]] subtask_failed failure_from_exception(std::exception_ptr thrown, std::string operator_name);

/// The sentence of an exception; of an object that is no exception, that it is none.
[[nodiscard]] std::string sentence_of(const std::exception_ptr& thrown);

} // namespace weir::inline v0
