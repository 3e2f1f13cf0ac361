// Compares what a file has with what a new store has.
#include "store_tables_check.hpp"

#include "sqlite_database.hpp"
#include "store_tables.hpp"

#include <algorithm>
#include <iterator>

namespace weir::inline v0 {

namespace {

std::vector<std::string> objects_of(sqlite_database& database, store_kind kind) {
  std::vector<std::string> objects;
  auto query = database.prepare(store_objects_sql("main", kind));
  while (query.step())
    objects.emplace_back(query.text(0));
  return objects;
}

std::vector<std::string> objects_when_made(store_kind kind) {
  auto made = sqlite_database::in_memory();
  made.exec(store_tables_sql());
  auto objects = objects_of(made, kind);
  std::sort(objects.begin(), objects.end());
  return objects;
}

/// Its type and name, without the rest of the line.
std::string shown(const std::string& object) {
  constexpr std::size_t most_bytes = 100;
  const std::size_t end = object.find(' ', std::min(object.find(' '), object.size() - 1) + 1);
  return object.substr(0, std::min(end, most_bytes));
}

} // namespace

std::string store_objects_sql(std::string_view database, store_kind kind) {
  if (kind == store_kind::savepoint)
    return "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM " + std::string{database} + ".sqlite_schema";
  return "SELECT type || ' ' || name FROM pragma_table_list WHERE type = 'table' AND schema = '" +
         std::string{database} + "' AND name NOT LIKE 'sqlite%'";
}

std::string store_objects_fault(std::vector<std::string> objects, store_kind kind) {
  const std::vector<std::string> expected = objects_when_made(kind);
  std::sort(objects.begin(), objects.end());
  std::vector<std::string> different;
  if (kind == store_kind::savepoint) {
    std::set_difference(objects.begin(), objects.end(), expected.begin(), expected.end(),
                        std::back_inserter(different));
    if (!different.empty())
      return shown(different.front()) + " that is not as Weir makes it";
  }
  std::set_difference(expected.begin(), expected.end(), objects.begin(), objects.end(), std::back_inserter(different));
  return different.empty() ? std::string{} : "no " + shown(different.front());
}

void require_store_objects(sqlite_database& database, store_kind kind) {
  if (database.integer("PRAGMA application_id") !=
          (kind == store_kind::store ? store_application_id : savepoint_application_id) ||
      database.integer("PRAGMA user_version") != store_version)
    return;
  if (const std::string fault = store_objects_fault(objects_of(database, kind), kind); !fault.empty())
    throw store_error({std::string{to_text(kind)} + " " + database.path(), "the tables of a store", fault,
                       kind == store_kind::store ? "restore the file from a copy" : "name another file"});
}

} // namespace weir::inline v0
