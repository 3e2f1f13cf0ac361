// Creates typed tables.
#include "make_tables.hpp"

#include "../error.hpp"
#include "typed_table.hpp"

#include <cctype>

namespace weir::inline v0 {

namespace {

std::string name_for(const known_table& table) {
  std::string name = table.operator_name + "_" + table.table;
  for (char& each : name)
    if (std::isalnum(static_cast<unsigned char>(each)) == 0)
      each = '_';
  return name;
}

std::string literal(std::string_view text) {
  std::string made{'\''};
  for (const char each : text)
    made.append(each == '\'' ? 2 : 1, each);
  return made += '\'';
}

// The statement behind a temporary table of this name; "another" if the name is one in a database.
std::string made_by(const sql_session& session, const open_store& store, const std::string& name) {
  for (const std::string& database : {std::string{"temp"}, std::string{"main"}, store.database}) {
    sql_statement query{session.connection,
                        "SELECT sql FROM " + quoted(database) + ".sqlite_schema WHERE name = ? COLLATE NOCASE"};
    if (query.bind(name).step())
      return database == "temp" ? std::string{query.text(0)} : "another";
  }
  return {};
}

} // namespace

std::string make_typed_tables(const sql_session& session, std::string_view job) {
  const open_store store = find_store(session.connection, job);
  schema_decoders schemas{session.connection, store};
  std::string made;
  for (const known_table& table : known_tables(session.connection, store)) {
    const std::string stem = name_for(table);
    std::string name = stem;
    for (int number = 2;; ++number) {
      const std::string statement = "CREATE VIRTUAL TABLE temp." + quoted(name) + " USING weir_table(" + literal(job) +
                                    ", " + literal(table.operator_name) + ", " + literal(table.table) + ")";
      const std::string there = made_by(session, store, name);
      if (there.empty()) {
        char* message = nullptr;
        const int result = sqlite3_exec(session.connection, statement.c_str(), nullptr, nullptr, &message);
        const std::string said = message == nullptr ? "" : message;
        sqlite3_free(message);
        if (result != SQLITE_OK)
          throw io_error{{"the temporary table " + name, "to be created", said, ""}};
        break;
      }
      if (there.ends_with(statement.substr(statement.find(" USING ")))) // SQLite keeps it without the database
        break;
      name = stem + "_" + std::to_string(number);
    }
    made += (made.empty() ? "" : "\n") + name + "(";
    bool first = true;
    for (const typed_column& column : typed_columns(schemas.of(table.newest_schema))) {
      made += (first ? "" : ", ") + column.name;
      first = false;
    }
    made += ")";
  }
  return made;
}

} // namespace weir::inline v0
