// Makes a store of which no example has the like: keys that are numbers or have several members, names that are equal
// but for their signs. Its path is the argument.
#include "sql/made_store.hpp"

#include <weir/persistence/fields.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sql_test;

struct measures {
  double exact = 0;
  double without_end = 0;
  std::vector<std::string> names;
  WEIR_FIELDS(exact, without_end, names)
};

struct place {
  std::uint32_t row = 0;
  std::string column;
  WEIR_FIELDS(row, column)
};

made_table table_of(std::string operator_name, std::string table, std::vector<made_entry> entries) {
  made_table made;
  made.operator_name = std::move(operator_name);
  made.table = std::move(table);
  made.entries = std::move(entries);
  return made;
}

void make(const char* path) {
  const std::vector<std::pair<std::string, std::string>> alike{
      {"a", "b_c"}, {"a-b", "state"}, {"a_b", "c"}, {"a_b", "state"}, {"A_b", "state"}};
  made_store store{path};
  std::vector<weir::schema_record> schemas{schema_record_of<std::uint64_t, measures>("ids", "state"),
                                           schema_record_of<place, int>("places", "state")};
  for (const auto& [operator_name, table] : alike)
    schemas.push_back(schema_record_of<std::string, std::string>(operator_name, table));
  store.plan(std::move(schemas), 1);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const measures exact{0.1 + 0.2, infinity, {"x", "y"}};
  std::vector<made_table> tables{
      table_of("ids", "state",
               {entry_of(std::uint64_t{7}, exact), entry_of(std::uint64_t{70}, measures{1, -infinity, {}}),
                entry_of(std::numeric_limits<std::uint64_t>::max(), exact)}),
      table_of("places", "state", {entry_of(place{1, "b"}, 5)})};
  for (const auto& [operator_name, table] : alike)
    tables.push_back(table_of(operator_name, table, {entry_of(std::string{"of"}, operator_name + "/" + table)}));
  store.checkpoint(tables);
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2)
      return 2;
    make(argv[1]);
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
}
