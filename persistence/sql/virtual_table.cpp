// Plans of equalities.
#include "virtual_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace weir::inline v0 {

namespace {

// A plan is a text with a number for each value, its column, and a comma after each.
std::vector<int> columns_of(const char* plan) {
  std::vector<int> columns;
  while (plan != nullptr && *plan != 0) {
    char* end = nullptr;
    columns.push_back(static_cast<int>(std::strtol(plan, &end, 10)));
    plan = end + 1;
  }
  return columns;
}

bool is_equality(unsigned char op) {
  return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_IS;
}

bool is_range(unsigned char op) {
  return op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE || op == SQLITE_INDEX_CONSTRAINT_LT ||
         op == SQLITE_INDEX_CONSTRAINT_LE || op == SQLITE_INDEX_CONSTRAINT_NE;
}

} // namespace

bool plan_equalities(sqlite3_index_info& info, std::span<const used_column> columns) {
  std::string plan;
  int values = 0;
  for (const used_column& wanted : columns) {
    int chosen = -1;
    for (int i = 0; i < info.nConstraint; ++i) {
      const auto& constraint = info.aConstraint[i];
      if (constraint.iColumn != wanted.number || !is_equality(constraint.op))
        continue;
      if (constraint.usable != 0) {
        if (chosen < 0 && std::strcmp(sqlite3_vtab_collation(&info, i), "BINARY") == 0)
          chosen = i;
      } else if (wanted.ordered) {
        return false;
      }
    }
    if (chosen < 0)
      continue;
    plan += std::to_string(wanted.number) + ',';
    info.aConstraintUsage[chosen].argvIndex = ++values;
    info.aConstraintUsage[chosen].omit = wanted.unchecked ? 1 : 0;
  }
  if (info.needToFreeIdxStr != 0)
    sqlite3_free(info.idxStr);
  info.idxStr = sqlite3_mprintf("%s", plan.c_str());
  if (info.idxStr == nullptr)
    throw std::bad_alloc{};
  info.needToFreeIdxStr = 1;
  return true;
}

bool has_range(const sqlite3_index_info& info, int column) {
  for (int i = 0; i < info.nConstraint; ++i)
    if (info.aConstraint[i].iColumn == column && is_range(info.aConstraint[i].op))
      return true;
  return false;
}

bool plans(const sqlite3_index_info& info, int column) {
  const auto planned = columns_of(info.idxStr);
  return std::find(planned.begin(), planned.end(), column) != planned.end();
}

given_values given_values_of(const char* plan, std::span<sqlite3_value*> values) {
  given_values given;
  const auto columns = columns_of(plan);
  for (std::size_t i = 0; i < std::min(values.size(), columns.size()); ++i)
    given.set(columns[i], values[i]);
  return given;
}

} // namespace weir::inline v0
