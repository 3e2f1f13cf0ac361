// The entry point of the loadable extension, and what it registers.
#include "weir_sql.hpp"

#include "../store_tables.hpp"
#include "difference_function.hpp"
#include "make_tables.hpp"
#include "pending_edits.hpp"
#include "state_function.hpp"
#include "typed_table.hpp"

#include <exception>
#include <new>
#include <string>

#ifndef SQLITE_CORE
const sqlite3_api_routines* sqlite3_api = nullptr;
#endif

namespace weir::inline v0 {

namespace {

void drop_session(void* session) {
  delete static_cast<sql_session*>(session);
}

template <class Table>
int add_module(sqlite3* connection, const char* name, bool created, const sql_session& session) {
  static const sqlite3_module created_module = virtual_table<Table>::module_of(true);
  static const sqlite3_module function_module = virtual_table<Table>::module_of(false);
  return sqlite3_create_module_v2(connection, name, created ? &created_module : &function_module,
                                  new sql_session{session}, drop_session);
}

void weir_views(sqlite3_context* context, int, sqlite3_value** values) {
  try {
    std::string job;
    static_cast<void>(value_of(values[0], job));
    set_result(context, make_typed_tables(*static_cast<const sql_session*>(sqlite3_user_data(context)), job));
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  } catch (const passing_refusal& refusal) {
    sqlite3_result_error(context, refusal.what(), -1);
    sqlite3_result_error_code(context, refusal.code());
  } catch (const damaged_error& problem) {
    sqlite3_result_error(context, problem.what(), -1);
    sqlite3_result_error_code(context, SQLITE_CORRUPT_VTAB);
  } catch (const std::exception& problem) {
    sqlite3_result_error(context, problem.what(), -1);
  }
}

// Every trigger of a store calls it.
void weir_store_writer(sqlite3_context* context, int, sqlite3_value**) {
  if (!static_cast<const sql_session*>(sqlite3_user_data(context))->edits->is_writing())
    sqlite3_result_error(context,
                         "a store's own tables are written by its job alone (weir_store_writer); the state in a "
                         "savepoint is changed through the tables that weir_views makes",
                         -1);
}

} // namespace

int register_weir_sql(sqlite3* connection) {
  const sql_session session{connection, std::make_shared<checkpoint_cache>(),
                            std::make_shared<pending_edits>(connection)};
  int result = add_module<state_function>(connection, "weir_state", false, session);
  if (result == SQLITE_OK)
    result = add_module<difference_function>(connection, "weir_diff", false, session);
  if (result == SQLITE_OK)
    result = add_module<typed_table>(connection, "weir_table", true, session);
  if (result == SQLITE_OK)
    result = sqlite3_create_function_v2(connection, "weir_views", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                        new sql_session{session}, weir_views, nullptr, nullptr, drop_session);
  if (result == SQLITE_OK)
    result = sqlite3_create_function_v2(connection, store_writer_function, 0, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                        new sql_session{session}, weir_store_writer, nullptr, nullptr, drop_session);
  return result;
}

} // namespace weir::inline v0

#ifndef SQLITE_CORE
/// What SQLite calls when it loads weir_sql.so.
extern "C" __attribute__((visibility("default"))) int sqlite3_weirsql_init(sqlite3* connection, char** message,
                                                                           const sqlite3_api_routines* api) {
  SQLITE_EXTENSION_INIT2(api);
  try {
    return weir::register_weir_sql(connection);
  } catch (const std::exception& problem) {
    if (message != nullptr)
      *message = sqlite3_mprintf("%s", problem.what());
    return SQLITE_ERROR;
  }
}
#endif
