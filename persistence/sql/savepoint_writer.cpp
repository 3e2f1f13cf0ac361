// The rows that an edit changes: chunks and their bytes, and what is said of them elsewhere.
#include "savepoint_writer.hpp"

#include "../error.hpp"

#include <bit>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

std::int64_t signed_of(std::uint64_t number) {
  return std::bit_cast<std::int64_t>(number);
}

class savepoint_writer {
public:
  savepoint_writer(sqlite3* connection, const open_store& store)
      : connection_(connection),
        store_(store),
        checkpoint_(find_checkpoint(connection, store, {})),
        id_(signed_of(checkpoint_.id.value)),
        chunks_(connection, store, checkpoint_) {}

  void replace(const edited_table& table) {
    const auto found = chunks_.tables(table.operator_name(), table.table());
    if (found.empty())
      throw damaged_error{{"the table " + table.operator_name() + "/" + table.table(), "to be in the savepoint",
                           "it is not", "make the savepoint again"}};
    find_owner(found.front().rows.front());
    sql_statement bytes = statement("DELETE FROM " + in_store("chunk_bytes") + " WHERE chunk = ?");
    sql_statement row = statement("DELETE FROM " + in_store("chunks") + " WHERE id = ?");
    for (const chunk_row& each : found.front().rows) {
      run(bytes.bind(signed_of(each.id.value)));
      run(row.bind(signed_of(each.id.value)));
    }
    if (table.is_all_or_none())
      forget(table);
    else
      for (std::uint32_t subtask = 0; subtask < table.parallelism(); ++subtask)
        insert(table, subtask_index{subtask});
    edited_.push_back(table.operator_name() + "/" + table.table());
  }

  void finish() {
    checkpoint_manifest manifest{store_.uuid, checkpoint_.id};
    {
      sql_statement query = statement("SELECT " + std::string{chunk_row_columns} + " FROM " + in_store("chunks") +
                                      " c NOT INDEXED WHERE " + chunk_lives + " ORDER BY c.id");
      query.bind(store_.run).bind(id_).bind(id_);
      while (query.step())
        manifest.add(chunk_row_of(query));
    }
    sql_statement parts = statement(
        "UPDATE " + in_store("acknowledgements") +
        " AS a SET (entries, bytes) = (SELECT coalesce(sum(t.entries), 0), coalesce(sum(t.bytes), 0) FROM " +
        in_store("table_snapshots") +
        " t WHERE t.run = a.run AND t.checkpoint = a.checkpoint AND t.task = a.task AND t.subtask = a.subtask) "
        "WHERE a.run = ? AND a.checkpoint = ?");
    run(parts.bind(store_.run).bind(id_));
    sql_statement whole =
        statement("UPDATE " + in_store("checkpoints") +
                  " SET bytes = ?1, entries = ?2, state_chunks = ?3, state_entries = ?2, state_bytes = ?1, "
                  "manifest = ?4, reason = ?5 WHERE run = ?6 AND id = ?7");
    whole.bind(signed_of(manifest.bytes())).bind(signed_of(manifest.entries())).bind(signed_of(manifest.chunks()));
    run(whole.bind(signed_of(manifest.checksum())).bind("edited: " + all_edited()).bind(store_.run).bind(id_));
  }

private:
  [[nodiscard]] sql_statement statement(const std::string& text) const {
    return {connection_, text, "writing the savepoint " + path_of(connection_, store_)};
  }
  [[nodiscard]] std::string in_store(const char* table) const { return quoted(store_.database) + "." + table; }
  static void run(sql_statement& statement) {
    static_cast<void>(statement.step());
    statement.reset();
  }

  void find_owner(const chunk_row& one) {
    sql_statement query = statement("SELECT region, attempt FROM " + in_store("chunks") + " WHERE id = ?");
    if (query.bind(signed_of(one.id.value)).step()) {
      region_ = query.integer(0);
      attempt_ = query.integer(1);
    }
  }

  /// A source of which nothing is stored finds its splits anew.
  void forget(const edited_table& table) {
    if (const std::uint32_t left = table.count_alive(); left != 0)
      throw usage_error{{"the positions " + table.operator_name() + "/" + table.table(),
                         "all of them deleted, with which the source begins anew, or none",
                         std::to_string(left) + " of " + std::to_string(table.size()) + " left",
                         "delete all of them in one transaction"}};
    sql_statement summary = statement("DELETE FROM " + in_store("table_snapshots") +
                                      " WHERE run = ? AND operator = ? AND table_name = ? AND checkpoint = ?");
    run(summary.bind(store_.run).bind(table.operator_name()).bind(table.table()).bind(id_));
  }

  void insert(const edited_table& table, subtask_index subtask) {
    const std::vector<encoded_chunk> made = table.encode(subtask);
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    sql_statement row =
        statement("INSERT INTO " + in_store("chunks") +
                  " (run, region, attempt, operator, table_name, subtask, parallelism, made_in, kind, key_group_first, "
                  "key_group_last, entries, length, checksum, schema, created_in) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                  "?8, 'base', ?9, ?10, ?11, ?12, ?13, ?14, ?8)");
    sql_statement content = statement("INSERT INTO " + in_store("chunk_bytes") + " (chunk, bytes) VALUES (?, ?)");
    for (const encoded_chunk& each : made) {
      row.bind(store_.run).bind(region_).bind(attempt_).bind(table.operator_name()).bind(table.table());
      row.bind(std::int64_t{subtask.value}).bind(std::int64_t{table.parallelism()}).bind(id_);
      row.bind(std::int64_t{each.first.value}).bind(std::int64_t{each.last.value}).bind(signed_of(each.entries));
      row.bind(signed_of(each.bytes.size())).bind(signed_of(each.checksum)).bind(table.schema().value_or(0));
      run(row);
      run(content.bind(std::int64_t{sqlite3_last_insert_rowid(connection_)}).bind_held(each.bytes));
      entries += each.entries;
      bytes += each.bytes.size();
    }
    sql_statement summary =
        statement("UPDATE " + in_store("table_snapshots") +
                  " SET chunks = ?, entries = ?, bytes = ? WHERE run = ? AND operator = ? AND table_name = ? AND "
                  "subtask = ? AND checkpoint = ?");
    summary.bind(signed_of(made.size())).bind(signed_of(entries)).bind(signed_of(bytes)).bind(store_.run);
    summary.bind(table.operator_name()).bind(table.table()).bind(std::int64_t{subtask.value}).bind(id_);
    run(summary);
  }

  /// Those of earlier edits too.
  [[nodiscard]] std::string all_edited() const {
    constexpr std::string_view mark = "edited: ";
    sql_statement query = statement("SELECT reason FROM " + in_store("checkpoints") + " WHERE run = ? AND id = ?");
    std::string all;
    if (query.bind(store_.run).bind(id_).step() && query.text(0).starts_with(mark))
      all = query.text(0).substr(mark.size());
    for (const std::string& name : edited_)
      if ((", " + all + ", ").find(", " + name + ", ") == std::string::npos)
        all += (all.empty() ? "" : ", ") + name;
    return all;
  }

  sqlite3* connection_;
  open_store store_;
  kept_checkpoint checkpoint_;
  std::int64_t id_;
  checkpoint_chunks chunks_;
  std::int64_t region_ = 0;
  std::int64_t attempt_ = 1;
  std::vector<std::string> edited_; // what is edited now
};

} // namespace

void write_edited(sqlite3* connection, const open_store& store, std::span<edited_table* const> tables) {
  savepoint_writer writer{connection, store};
  for (const edited_table* each : tables)
    writer.replace(*each);
  writer.finish();
}

} // namespace weir::inline v0
