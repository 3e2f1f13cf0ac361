// The first questions to a file that is said to be a store.
#include "store_header.hpp"

#include "store_tables.hpp"

namespace weir::inline v0 {

namespace {

[[noreturn]] void refuse_application(sqlite_database& database, const std::string& thing, std::int64_t application,
                                     store_kind kind) {
  if (kind == store_kind::store && application == savepoint_application_id)
    throw store_error({thing, "a Weir store", "a savepoint",
                       "name another path, and begin its store with the savepoint: --from " + database.path()});
  if (kind == store_kind::savepoint && application == store_application_id)
    throw store_error(
        {thing, "a savepoint", "a job's store", "make a savepoint of it: weir savepoint " + database.path() + " FILE"});
  const bool empty = database.integer("PRAGMA page_count") == 0;
  throw store_error({thing, kind == store_kind::store ? "a Weir store" : "a savepoint of Weir",
                     empty ? "an empty file" : "a SQLite database of another program",
                     kind == store_kind::store ? "name another path, or move the file away to begin a new run"
                                               : "name another path"});
}

} // namespace

store_header read_store_header(sqlite_database& database, store_kind kind) {
  const std::string thing = std::string{to_text(kind)} + " " + database.path();
  const auto application = database.integer("PRAGMA application_id");
  if (application != (kind == store_kind::store ? store_application_id : savepoint_application_id))
    refuse_application(database, thing, application, kind);
  const auto version = database.integer("PRAGMA user_version");
  if (version != store_version)
    throw store_error(
        {thing, "format version " + std::to_string(store_version),
         "version " + std::to_string(version) + (version > store_version ? ", a newer one" : ", an older one"),
         "use the program that wrote it, or begin a new run with --fresh, which keeps this file under another name"});
  store_header header;
  auto query = database.prepare("SELECT id, uuid, job, status FROM runs ORDER BY id DESC LIMIT 1");
  if (!query.step())
    throw damaged_error({thing, "a run", "none", "restore the file from a copy, or move it away to begin a new run"});
  header.run = query.integer(0);
  header.uuid = query.text(1);
  header.job = query.text(2);
  header.status = run_status_from(query.text(3));
  return header;
}

} // namespace weir::inline v0
