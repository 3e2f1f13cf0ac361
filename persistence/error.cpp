#include "error.hpp"

#include <utility>

namespace weir::inline v0 {

namespace {

std::string one_line(const error_text& text) {
  std::string line = text.thing;
  if (!text.expected.empty())
    line += ": expected " + text.expected;
  if (!text.found.empty())
    line += (text.expected.empty() ? ": " : ", found ") + text.found;
  if (!text.remedy.empty())
    line += "; " + text.remedy;
  return line;
}

} // namespace

error::error(error_text text) : std::runtime_error(one_line(text)), text_(std::move(text)) {}

} // namespace weir::inline v0
