#include "record_fields.hpp"

#include <algorithm>

namespace weir::inline v0 {

namespace {

std::string number_text(field_kind kind, std::uint8_t bytes) {
  const unsigned bits = bytes * 8U;
  switch (kind) {
  case field_kind::whole: {
    const auto most = (std::uint64_t{1} << (bits - 1)) - 1;
    return "a whole number from -" + std::to_string(most + 1) + " to " + std::to_string(most);
  }
  case field_kind::natural:
    return "a whole number from 0 to " + std::to_string(~std::uint64_t{0} >> (64 - bits));
  default:
    return "a number";
  }
}

void check_json(const field_type& type, const std::string& where, std::vector<const field_type*>& seen,
                std::vector<std::string>& problems) {
  if (std::find(seen.begin(), seen.end(), &type) != seen.end())
    return;
  seen.push_back(&type);
  switch (type.kind) {
  case field_kind::other:
    problems.push_back(where + " is a " + type.name + ", which has no form in JSON");
    break;
  case field_kind::structure:
    for (const auto& why : type.problems)
      problems.push_back(where + ": " + why);
    for (const auto& field : type.fields)
      check_json(field.type(), "the member " + field.name, seen, problems);
    break;
  default:
    if (type.inner)
      check_json(type.inner(), where + ": its element", seen, problems);
  }
}

bool is_scalar(field_kind kind) {
  return kind <= field_kind::time;
}

} // namespace

void detail::field_archive::note(std::string_view name, const void* member, field_type_getter type) {
  const auto* place = static_cast<const char*>(member);
  const auto offset = place - object_;
  if (name.empty())
    into_->problems.emplace_back("a member is stored without a name; use WEIR_FIELDS or WEIR_FIELD");
  else if (offset < 0 || static_cast<std::size_t>(offset) >= size_)
    into_->problems.push_back("the value " + std::string{name} + " is no member of the class");
  else
    into_->fields.push_back({std::string{name}, static_cast<std::size_t>(offset), type});
}

std::vector<std::string> csv_problems(const field_type& record) {
  if (record.kind != field_kind::structure)
    return {"a record of type " + record.name + " has no columns; it must be a class with WEIR_FIELDS"};
  std::vector<std::string> problems = record.problems;
  for (const auto& field : record.fields) {
    const field_type& type = field.type();
    const field_type& inner = type.kind == field_kind::optional ? type.inner() : type;
    if (!is_scalar(inner.kind))
      problems.push_back("the member " + field.name + " is a " + type.name + ", which is no column");
  }
  if (record.fields.empty() && problems.empty())
    problems.push_back(record.name + " has no members");
  return problems;
}

std::vector<std::string> json_problems(const field_type& record) {
  std::vector<std::string> problems;
  std::vector<const field_type*> seen;
  check_json(record, "a record", seen, problems);
  return problems;
}

std::string to_text(const field_type& type) {
  switch (type.kind) {
  case field_kind::boolean:
    return "true or false";
  case field_kind::whole:
  case field_kind::natural:
  case field_kind::real:
    return number_text(type.kind, type.bytes);
  case field_kind::character:
    return "text of one byte";
  case field_kind::text:
    return "text";
  case field_kind::time:
    if (type.ticks_per_second != 0)
      return "a time such as 2026-02-03T04:05:06Z, or " + number_text(type.ticks, type.bytes);
    return number_text(type.ticks, type.bytes);
  case field_kind::duration:
    return number_text(type.ticks, type.bytes);
  case field_kind::optional:
    return to_text(type.inner());
  case field_kind::list:
    return "a list";
  case field_kind::array:
    return "a list of " + std::to_string(type.count);
  case field_kind::dictionary:
  case field_kind::structure:
    return "an object";
  case field_kind::other:
    break;
  }
  return "nothing";
}

} // namespace weir::inline v0
