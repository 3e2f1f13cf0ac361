// What all virtual tables of the extension have in common: C callbacks around a C++ class, and plans of equalities.
#pragma once

#include "../error.hpp"
#include "sql_values.hpp"
#include "sqlite_api.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>

namespace weir::inline v0 {

class checkpoint_cache;
class pending_edits;

/// What a constraint of the table forbids, so that `insert or ignore` may pass it over.
class constraint_error : public usage_error {
public:
  using usage_error::usage_error;
};

/// What the extension keeps for one connection.
struct sql_session {
  sqlite3* connection = nullptr;
  std::shared_ptr<checkpoint_cache> checkpoints;
  std::shared_ptr<pending_edits> edits;
};

/// A column whose equality a table uses.
struct used_column {
  int number = 0;
  bool unchecked = false; ///< SQLite need not compare the rows again
  bool ordered = false;   ///< an equality that a plan cannot use yet forbids this plan
};

/// Of a plan that is there to say what is missing, if there is no other.
inline constexpr double impossible_cost = 1e90;
/// Of a plan that reads the newest checkpoint because it knows of no other: one for each side of an OR, where each
/// names a checkpoint, has to be preferred.
inline constexpr double no_checkpoint_factor = 10'000;

/// Notes in the plan, for `given_values_of`, which columns an equality is known of. False if this plan is to be
/// refused.
[[nodiscard]] bool plan_equalities(sqlite3_index_info& info, std::span<const used_column> columns);
/// The constraint of the column that is no equality, such as `>`; a usable one.
[[nodiscard]] bool has_range(const sqlite3_index_info& info, int column);
[[nodiscard]] bool plans(const sqlite3_index_info& info, int column);
[[nodiscard]] given_values given_values_of(const char* plan, std::span<sqlite3_value*> values);

/// The callbacks of a virtual table that class Table implements:
///
///   Table(const sql_session&, std::span<const char* const> arguments)   arguments as `create virtual table` has them
///   std::string declaration() const                  `CREATE TABLE …` for SQLite
///   bool plan(sqlite3_index_info&) const             false if the plan is to be refused
///   class Table::cursor(const Table&)
///     void filter(const given_values&)               begins
///     bool next()                                    to the first row, then to the next; false at the end
///     void column(sqlite3_context*, int)
///     std::int64_t row_id() const                    the same for a row whatever the plan: SQLite unites plans by it
///
/// One that can be edited also has
///
///   void begin_edit(), write_edits(), end_edit()     of a transaction
///   void mark(int), roll_back_to(int), release(int)  of SQLite's savepoints within it
///   std::int64_t update(std::span<sqlite3_value*>)   one row, as xUpdate has it; the row's number
///   bool may_go() const                              whether it may be dropped now
template <class Table>
class virtual_table {
public:
  /// `created`: for `create virtual table`; else the table is a function that is there without it.
  static constexpr sqlite3_module module_of(bool created) {
    sqlite3_module made{};
    made.iVersion = 1;
    made.xCreate = created ? connect : nullptr;
    made.xConnect = connect;
    made.xBestIndex = best_index;
    made.xDisconnect = disconnect;
    made.xDestroy = disconnect;
    made.xOpen = open;
    made.xClose = close;
    made.xFilter = filter;
    made.xNext = next;
    made.xEof = eof;
    made.xColumn = column;
    made.xRowid = rowid;
    if constexpr (editable) {
      made.iVersion = 2;
      made.xDestroy = destroy;
      made.xUpdate = update;
      made.xBegin = begin;
      made.xSync = sync;
      made.xCommit = end;
      made.xRollback = end;
      made.xSavepoint = mark;
      made.xRollbackTo = roll_back_to;
      made.xRelease = release;
    }
    return made;
  }

private:
  static constexpr bool editable = requires(Table & one) { one.begin_edit(); };

  struct table : sqlite3_vtab {
    explicit table(Table made) : sqlite3_vtab{}, implementation(std::move(made)) {}
    Table implementation;
  };
  struct cursor : sqlite3_vtab_cursor {
    explicit cursor(const Table& of) : sqlite3_vtab_cursor{}, implementation(of) {}
    typename Table::cursor implementation;
    bool at_end = true;
  };

  // No exception may leave a callback.
  template <class Function>
  static int guarded(char*& message, Function function) noexcept {
    try {
      return function();
    } catch (const std::bad_alloc&) {
      return SQLITE_NOMEM;
    } catch (const passing_refusal& refusal) {
      return said(message, refusal, refusal.code());
    } catch (const constraint_error& problem) {
      return said(message, problem, SQLITE_CONSTRAINT);
    } catch (const damaged_error& problem) {
      return said(message, problem, SQLITE_CORRUPT_VTAB);
    } catch (const std::exception& problem) {
      return said(message, problem, SQLITE_ERROR);
    }
  }
  static int said(char*& message, const std::exception& problem, int code) noexcept {
    sqlite3_free(message);
    message = sqlite3_mprintf("%s", problem.what());
    return code;
  }

  static int connect(sqlite3* connection, void* session, int count, const char* const* arguments, sqlite3_vtab** made,
                     char** message) {
    return guarded(*message, [&] {
      auto one = std::make_unique<table>(
          Table{*static_cast<const sql_session*>(session), std::span{arguments, static_cast<std::size_t>(count)}});
      if (const int code = sqlite3_declare_vtab(connection, one->implementation.declaration().c_str());
          code != SQLITE_OK)
        return code;
      if constexpr (editable) // what to do about a constraint is left to us
        sqlite3_vtab_config(connection, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
      *made = one.release();
      return SQLITE_OK;
    });
  }
  static int disconnect(sqlite3_vtab* of) {
    delete static_cast<table*>(of);
    return SQLITE_OK;
  }
  static int best_index(sqlite3_vtab* of, sqlite3_index_info* info) {
    return guarded(of->zErrMsg,
                   [&] { return static_cast<table*>(of)->implementation.plan(*info) ? SQLITE_OK : SQLITE_CONSTRAINT; });
  }
  static int open(sqlite3_vtab* of, sqlite3_vtab_cursor** made) {
    return guarded(of->zErrMsg, [&] {
      *made = std::make_unique<cursor>(static_cast<table*>(of)->implementation).release();
      return SQLITE_OK;
    });
  }
  static int close(sqlite3_vtab_cursor* of) {
    delete static_cast<cursor*>(of);
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor* of, int, const char* plan, int count, sqlite3_value** values) {
    auto& one = *static_cast<cursor*>(of);
    return guarded(of->pVtab->zErrMsg, [&] {
      one.at_end = true;
      one.implementation.filter(given_values_of(plan, std::span{values, static_cast<std::size_t>(count)}));
      one.at_end = !one.implementation.next();
      return SQLITE_OK;
    });
  }
  static int next(sqlite3_vtab_cursor* of) {
    auto& one = *static_cast<cursor*>(of);
    return guarded(of->pVtab->zErrMsg, [&] {
      one.at_end = !one.implementation.next();
      return SQLITE_OK;
    });
  }
  static int eof(sqlite3_vtab_cursor* of) { return static_cast<cursor*>(of)->at_end ? 1 : 0; }
  static int column(sqlite3_vtab_cursor* of, sqlite3_context* context, int number) {
    return guarded(of->pVtab->zErrMsg, [&] {
      static_cast<cursor*>(of)->implementation.column(context, number);
      return SQLITE_OK;
    });
  }
  static int rowid(sqlite3_vtab_cursor* of, sqlite3_int64* row) {
    return guarded(of->pVtab->zErrMsg, [&] {
      *row = static_cast<cursor*>(of)->implementation.row_id();
      return SQLITE_OK;
    });
  }

  // What is done to the table, without an answer.
  template <class Function>
  static int doing(sqlite3_vtab* of, Function function) {
    return guarded(of->zErrMsg, [&] {
      function(static_cast<table*>(of)->implementation);
      return SQLITE_OK;
    });
  }
  static int destroy(sqlite3_vtab* of) {
    if (!static_cast<table*>(of)->implementation.may_go())
      return SQLITE_LOCKED;
    return disconnect(of);
  }
  static int update(sqlite3_vtab* of, int count, sqlite3_value** values, sqlite3_int64* row) {
    return doing(of, [&](Table& one) { *row = one.update(std::span{values, static_cast<std::size_t>(count)}); });
  }
  static int begin(sqlite3_vtab* of) {
    return doing(of, [](Table& one) { one.begin_edit(); });
  }
  static int sync(sqlite3_vtab* of) {
    return doing(of, [](Table& one) { one.write_edits(); });
  }
  static int end(sqlite3_vtab* of) {
    return doing(of, [](Table& one) { one.end_edit(); });
  }
  static int mark(sqlite3_vtab* of, int savepoint) {
    return doing(of, [=](Table& one) { one.mark(savepoint); });
  }
  static int roll_back_to(sqlite3_vtab* of, int savepoint) {
    return doing(of, [=](Table& one) { one.roll_back_to(savepoint); });
  }
  static int release(sqlite3_vtab* of, int savepoint) {
    return doing(of, [=](Table& one) { one.release(savepoint); });
  }
};

} // namespace weir::inline v0
