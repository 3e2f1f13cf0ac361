// Finds stores, checkpoints and tables by what people call them, and says what there is if they are not found.
#include "open_stores.hpp"

#include "../error.hpp"
#include "../store_tables.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <set>

namespace weir::inline v0 {

namespace {

std::int64_t pragma(sqlite3* connection, const std::string& database, const char* name) {
  sql_statement query{connection, "PRAGMA " + quoted(database) + "." + name};
  return query.step() ? query.integer(0) : 0;
}

std::vector<std::string> databases(sqlite3* connection) {
  std::vector<std::string> names;
  sql_statement query{connection, "PRAGMA database_list"};
  while (query.step())
    if (query.text(1) != "temp")
      names.emplace_back(query.text(1));
  return names;
}

// The run, or none, with the reason appended to `others`.
std::optional<open_store> look_into(sqlite3* connection, const std::string& database, std::string& others) {
  const auto no = [&](const std::string& reason) {
    others += (others.empty() ? "" : "; ") + database + " is " + reason;
    return std::nullopt;
  };
  const auto application = pragma(connection, database, "application_id");
  if (application != store_application_id && application != savepoint_application_id)
    return no(pragma(connection, database, "page_count") == 0 ? "empty" : "no Weir store");
  const auto version = pragma(connection, database, "user_version");
  if (version != store_version)
    return no("a Weir store of format version " + std::to_string(version) + ", and this extension reads version " +
              std::to_string(store_version));
  sql_statement query{connection, "SELECT id, uuid, job, max_parallelism FROM " + quoted(database) +
                                      ".runs ORDER BY id DESC LIMIT 1"};
  if (!query.step())
    return no("a Weir store without a run");
  open_store store{database, query.integer(0), std::string{query.text(1)}, std::string{query.text(2)}, 1, false};
  store.savepoint = application == savepoint_application_id;
  if (const auto groups = query.integer(3); groups > 0 && groups <= std::numeric_limits<std::uint32_t>::max())
    store.max_parallelism = static_cast<std::uint32_t>(groups);
  return store;
}

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

// Long lists of checkpoints by their ends.
std::string listed_ids(const std::vector<std::int64_t>& ids) {
  std::vector<std::string> names;
  constexpr std::size_t shown = 20;
  for (std::size_t i = ids.size() > shown ? ids.size() - shown : 0; i < ids.size(); ++i)
    names.push_back(std::to_string(ids[i]));
  if (ids.size() > shown)
    names.insert(names.begin(), {std::to_string(ids.front()), "…"});
  return listed(names);
}

} // namespace

std::string path_of(sqlite3* connection, const open_store& store) {
  const char* path = sqlite3_db_filename(connection, store.database.c_str());
  return path == nullptr || *path == 0 ? store.database : path;
}

open_store find_store(sqlite3* connection, std::string_view job) {
  std::vector<std::string> jobs;
  std::string others;
  for (const std::string& database : databases(connection)) {
    auto store = look_into(connection, database, others);
    if (!store)
      continue;
    if (store->job == job || store->database + "." + store->job == job)
      return *store;
    jobs.push_back(store->job + " (in " + store->database + ")");
  }
  const std::string remedy = "name another, or open or attach the job's store";
  if (jobs.empty())
    throw usage_error{{"the job " + std::string{job}, "an open Weir store", others.empty() ? "none" : others, remedy}};
  throw usage_error{
      {"the job " + std::string{job}, "one of those whose stores are open: " + listed(jobs), others, remedy}};
}

kept_checkpoint find_checkpoint(sqlite3* connection, const open_store& store, std::optional<std::int64_t> id) {
  const std::string from =
      " FROM " + quoted(store.database) + ".checkpoints WHERE run = ? AND status = 'complete' AND discarded IS NULL ";
  sql_statement query{connection, "SELECT id, manifest, state_chunks, state_entries, state_bytes" + from +
                                      (id ? "AND id = ?" : "ORDER BY id DESC LIMIT 1")};
  query.bind(store.run);
  if (id)
    query.bind(*id);
  const auto count = [&](int column) { return static_cast<std::uint64_t>(query.integer(column)); };
  if (query.step())
    return {checkpoint_id{count(0)}, std::bit_cast<std::uint64_t>(query.integer(1)), count(2), count(3), count(4)};
  if (!id)
    throw usage_error{{"the job " + store.job, "a complete checkpoint", "none yet", "ask again when there is one"}};
  std::vector<std::int64_t> ids;
  sql_statement all{connection, "SELECT id" + from + "ORDER BY id"};
  all.bind(store.run);
  while (all.step())
    ids.push_back(all.integer(0));
  throw usage_error{{"checkpoint " + std::to_string(*id) + " of the job " + store.job,
                     "one of those whose state is kept: " + listed_ids(ids), "", ""}};
}

std::vector<known_table> known_tables(sqlite3* connection, const open_store& store) {
  std::vector<known_table> tables;
  sql_statement query{connection, "SELECT operator, table_name, id FROM " + quoted(store.database) +
                                      ".schemas WHERE run = ? ORDER BY operator, table_name, in_plan, id"};
  query.bind(store.run);
  while (query.step()) {
    if (tables.empty() || tables.back().operator_name != query.text(0) || tables.back().table != query.text(1))
      tables.push_back({std::string{query.text(0)}, std::string{query.text(1)}, 0});
    tables.back().newest_schema = query.integer(2);
  }
  return tables;
}

void require_known(const open_store& store, const std::vector<known_table>& tables, std::string_view operator_name,
                   std::string_view table) {
  std::set<std::string> operators;
  std::set<std::string> of_operator;
  for (const known_table& each : tables) {
    operators.insert(each.operator_name);
    if (operator_name.empty() || each.operator_name == operator_name)
      of_operator.insert(each.table);
  }
  if (!operator_name.empty() && operators.count(std::string{operator_name}) == 0)
    throw usage_error{{"the operator " + std::string{operator_name} + " of the job " + store.job,
                       "one of those with state: " + listed(operators), "", ""}};
  if (!table.empty() && of_operator.count(std::string{table}) == 0)
    throw usage_error{{"the state table " + std::string{table} + " of the job " + store.job,
                       "one of those of " +
                           (operator_name.empty() ? "its operators" : "the operator " + std::string{operator_name}) +
                           ": " + listed(of_operator),
                       "", ""}};
}

} // namespace weir::inline v0
