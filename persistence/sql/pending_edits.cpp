// Refusals, undoing, and writing at a commit.
#include "pending_edits.hpp"

#include "../error.hpp"
#include "savepoint_writer.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

class raised {
public:
  explicit raised(bool& flag) : flag_(&flag) { *flag_ = true; }
  raised(const raised&) = delete;
  raised& operator=(const raised&) = delete;
  ~raised() { *flag_ = false; }

private:
  bool* flag_;
};

} // namespace

void pending_edits::begin(const open_store& store) {
  const std::string path = path_of(connection_, store);
  if (!store.savepoint)
    throw usage_error{{"the store " + path + " of the job " + store.job, "a savepoint, whose state can be changed",
                       "a job's store, which its job alone writes",
                       "make a savepoint of it first, weir savepoint " + path + " FILE, and change that"}};
  const std::string thing = "the savepoint " + path;
  if (sqlite3_db_readonly(connection_, store.database.c_str()) != 0)
    throw usage_error{{thing, "to be open for writing", "it is open for reading only",
                       "open it without -readonly (weir sql: with --edit), and see that the file can be written"}};
  const raised writing{writing_};
  try {
    sql_statement lock{connection_, "UPDATE " + quoted(store.database) + ".runs SET job = job WHERE 0"};
    static_cast<void>(lock.step());
  } catch (const passing_refusal& refusal) {
    throw passing_refusal{refusal.code(), error{{thing, "a file that nobody else is editing", refusal.what(),
                                                 "try again when the other program is done"}}
                                              .what()};
  } catch (const io_error& problem) {
    throw usage_error{
        {thing, "a file that can be written", problem.text().found, "check its permissions and the disk"}};
  }
  for (store_tables& each : stores_)
    if (each.store.database == store.database) {
      if (each.tables.empty()) // of a statement that failed, maybe of another file
        each.store = store;
      return;
    }
  stores_.push_back({store, {}});
}

std::shared_ptr<const edited_table> pending_edits::find(const open_store& store, std::string_view operator_name,
                                                        std::string_view table) const {
  for (const store_tables& of : stores_)
    for (const auto& each : of.tables)
      if (each->database() == store.database && each->operator_name() == operator_name && each->table() == table)
        return each;
  return {};
}

std::shared_ptr<edited_table> pending_edits::open(const open_store& store, checkpoint_cache& checkpoints,
                                                  std::string_view operator_name, std::string_view table,
                                                  const std::string& name, entry_kind entries) {
  for (store_tables& of : stores_) {
    if (of.store.database != store.database)
      continue;
    for (const auto& each : of.tables)
      if (each->operator_name() == operator_name && each->table() == table)
        return each;
    const auto checkpoint = checkpoints.of(connection_, store, find_checkpoint(connection_, store, {}));
    const auto found = checkpoint->tables(operator_name, table);
    if (found.empty())
      throw usage_error{{"the table " + name, "one with chunks in the savepoint, which may be empty", "none",
                         "make the savepoint with a program that has this state"}};
    return of.tables.emplace_back(std::make_shared<edited_table>(connection_, store, found.front(), name, entries));
  }
  throw usage_error{{"the table " + name, "a transaction that began after the table was made", "one that began before",
                     "commit, and begin another"}};
}

void pending_edits::change(const std::shared_ptr<edited_table>& table, std::uint32_t row,
                           std::optional<std::span<const std::byte>> value) {
  if (value)
    value = table->keep(*value);
  if (!marks_.empty())
    changes_.push_back({table.get(), row, table->at(row)});
  table->set(row, value);
}

void pending_edits::mark(int savepoint) {
  // Of those that were there before the first change only the innermost is told.
  for (int next = marks_.empty() ? 0 : marks_.back().savepoint + 1; next <= savepoint; ++next)
    marks_.push_back({next, changes_.size()});
}

void pending_edits::roll_back_to(int savepoint) {
  if (savepoint < 0) { // the one that began the transaction
    for (store_tables& of : stores_)
      of.tables.clear();
    changes_.clear();
    marks_.clear();
    return;
  }
  const auto first = std::find_if(marks_.begin(), marks_.end(),
                                  [savepoint](const marked& each) { return each.savepoint >= savepoint; });
  if (first == marks_.end())
    return;
  for (; changes_.size() > first->changes; changes_.pop_back()) {
    const former_row& former = changes_.back();
    former.table->restore(former.number, former.row);
  }
  marks_.erase(first + 1, marks_.end());
}

void pending_edits::release(int savepoint) {
  std::erase_if(marks_, [savepoint](const marked& each) { return each.savepoint >= savepoint; });
  if (marks_.empty())
    changes_.clear();
}

void pending_edits::write() {
  const raised writing{writing_};
  for (const store_tables& of : stores_) {
    std::vector<edited_table*> changed;
    for (const auto& each : of.tables)
      if (each->is_changed())
        changed.push_back(each.get());
    if (changed.empty())
      continue;
    write_edited(connection_, of.store, changed);
    for (edited_table* each : changed)
      each->written();
  }
}

void pending_edits::end() {
  stores_.clear();
  changes_.clear();
  marks_.clear();
}

} // namespace weir::inline v0
