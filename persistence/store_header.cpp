// The first questions to a file that is said to be a store.
#include "store_header.hpp"

#include "store_tables.hpp"

namespace weir::inline v0 {

store_header read_store_header(sqlite_database& database) {
  const std::string thing = "the store " + database.path();
  const auto application = database.integer("PRAGMA application_id");
  if (application != store_application_id) {
    const bool empty = database.integer("PRAGMA page_count") == 0;
    throw store_error({thing, "a Weir store", empty ? "an empty file" : "a SQLite database of another program",
                       "name another path, or move the file away to begin a new run"});
  }
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
