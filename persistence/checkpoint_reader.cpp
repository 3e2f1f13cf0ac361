// Queries over complete checkpoints, and their verification.
#include "checkpoint_reader.hpp"

#include "checkpoint_manifest.hpp"
#include "chunk_compression.hpp"
#include "error.hpp"
#include "savepoint.hpp"
#include "sqlite_database.hpp"
#include "store_header.hpp"
#include "store_tables_check.hpp"

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

namespace weir::inline v0 {

namespace {

std::string name_of(const chunk_row& row) {
  return "chunk " + to_string(row.id) + " (" + row.operator_name + "/" + row.table + ", subtask " +
         to_string(row.subtask) + ", made in checkpoint " + to_string(row.made_in) + ")";
}

/// What is wrong with a chunk's bytes; empty if nothing is.
std::string fault_of(const chunk_row& row, bool missing, std::span<const std::byte> bytes) {
  if (missing)
    return name_of(row) + " has no bytes";
  if (bytes.size() != row.length)
    return name_of(row) + " should be " + std::to_string(row.length) + " bytes and is " + std::to_string(bytes.size());
  if (checksum_of_bytes(bytes) != row.checksum)
    return name_of(row) + " differs from its checksum";
  return {};
}

std::function<bool(const chunk_row&)> has_one_of(key_group_range groups) {
  return [groups](const chunk_row& row) {
    return groups.first < groups.last && row.first.value < groups.last && row.last.value >= groups.first;
  };
}

/// How a checkpoint differs from what was completed; empty if it does not.
std::string difference_of(const complete_checkpoint& expected, const checkpoint_manifest& found) {
  if (found.checksum() == expected.manifest && found.chunks() == expected.state_chunks &&
      found.entries() == expected.state_entries && found.bytes() == expected.state_bytes)
    return {};
  return "checkpoint " + to_string(expected.id) + " should have " + std::to_string(expected.state_chunks) +
         " chunks with " + std::to_string(expected.state_bytes) + " bytes and has " + std::to_string(found.chunks()) +
         " with " + std::to_string(found.bytes()) + "; its manifest " +
         (found.checksum() == expected.manifest ? "agrees" : "differs");
}

} // namespace

struct checkpoint_reader::listing {
  checkpoint_id id;
  std::uint64_t manifest = 0;
  std::vector<chunk_row> rows; ///< by operator, table, subtask, and age
};

checkpoint_reader checkpoint_reader::open(const std::filesystem::path& path, store_kind kind) {
  if (std::error_code ignored; !std::filesystem::exists(path, ignored))
    throw path_error({std::string{to_text(kind)} + " " + path.string(), "a file", "nothing", "check the path"});
  if (kind == store_kind::savepoint)
    undo_interrupted_edit(path.string());
  auto database = std::make_shared<sqlite_database>(
      sqlite_database::open(std::filesystem::absolute(path).string(), sqlite_access::read_only));
  // A store grows while it is read; a savepoint has no value that is longer than itself.
  std::error_code ignored;
  database->distrust(kind == store_kind::savepoint ? std::filesystem::file_size(path, ignored) : UINT64_MAX);
  require_store_objects(*database, kind);
  const auto header = read_store_header(*database, kind);
  return checkpoint_reader{std::move(database), header.run};
}

checkpoint_reader::checkpoint_reader(std::shared_ptr<sqlite_database> database, std::int64_t run)
    : database_(std::move(database)), run_(run) {}

std::shared_ptr<sqlite_transaction> checkpoint_reader::one_view() const {
  auto view = std::make_shared<sqlite_transaction>(*database_, sqlite_transaction::kind::read);
  static_cast<void>(recorded_newest()); // a view begins with the first question
  return view;
}

std::vector<complete_checkpoint> checkpoint_reader::query_complete(std::string_view where_and_order,
                                                                   std::optional<checkpoint_id> id) const {
  auto query = database_->prepare(
      "SELECT id, \"trigger\", opened, completed, committed, bytes, entries, state_chunks, state_entries, state_bytes, "
      "manifest FROM checkpoints WHERE run = ? AND status = 'complete' AND discarded IS NULL" +
      std::string{where_and_order});
  query.with(run_);
  if (id)
    query.bind(2, *id);
  std::vector<complete_checkpoint> found;
  while (query.step())
    found.push_back({query.id<checkpoint_id>(0), checkpoint_trigger_from(query.text(1)), query.time(2), query.time(3),
                     query.is_null(4) ? std::nullopt : std::optional{query.time(4)}, query.count(5), query.count(6),
                     query.count(7), query.count(8), query.count(9), std::bit_cast<std::uint64_t>(query.integer(10))});
  return found;
}

std::vector<complete_checkpoint> checkpoint_reader::complete_checkpoints() const {
  return query_complete(" ORDER BY id", {});
}

checkpoint_manifest checkpoint_reader::empty_manifest(checkpoint_id checkpoint) const {
  return checkpoint_manifest{run_uuid(), checkpoint};
}

complete_checkpoint checkpoint_reader::find(checkpoint_id checkpoint) const {
  auto found = query_complete(" AND id = ?", checkpoint);
  if (found.empty())
    throw store_error({"the store " + database_->path(),
                       "checkpoint " + to_string(checkpoint) + " to be complete and kept", "it is not",
                       "choose one from `SELECT id FROM checkpoint_overview WHERE restorable`"});
  return found.front();
}

std::vector<checkpoint_problem> checkpoint_reader::verify(checkpoint_id checkpoint) const {
  return verify_by(checkpoint, [](const chunk_row& row, const sqlite_statement& query) {
    return fault_of(row, query.is_null(chunk_row_column_count), query.bytes(chunk_row_column_count));
  });
}

std::vector<checkpoint_problem> checkpoint_reader::verify(checkpoint_id checkpoint,
                                                          const std::function<std::string(const stored_chunk&)>& look,
                                                          std::map<chunk_id, std::string>& seen) const {
  std::vector<std::byte> room;
  return verify_by(checkpoint, [&](const chunk_row& row, const sqlite_statement& query) {
    if (const auto known = seen.find(row.id); known != seen.end())
      return known->second;
    const auto bytes = query.bytes(chunk_row_column_count);
    std::string fault = fault_of(row, query.is_null(chunk_row_column_count), bytes);
    if (fault.empty()) {
      try {
        fault = look({row.id, row.subtask, row.parallelism, row.made_in, row.kind, row.first, row.last, row.entries,
                      row.schema, plain_chunk(bytes, room)});
      } catch (const damaged_error& problem) {
        fault = problem.what();
      }
      if (!fault.empty())
        fault = name_of(row) + ": " + fault;
    }
    return seen.emplace(row.id, std::move(fault)).first->second;
  });
}

std::vector<checkpoint_problem> checkpoint_reader::verify_by(checkpoint_id checkpoint,
                                                             const fault_finder& find_fault) const {
  const sqlite_transaction one_view{*database_, sqlite_transaction::kind::read};
  std::vector<checkpoint_problem> problems;
  const auto expected = find(checkpoint);
  const std::string name = "checkpoint " + to_string(checkpoint);
  chunk_row row;
  try {
    // In the order of ids without a sorter, which would hold all the bytes.
    auto query =
        database_->prepare("SELECT " + std::string{chunk_row_columns} +
                           ", b.bytes FROM chunks c NOT INDEXED LEFT JOIN chunk_bytes b ON b.chunk = c.id WHERE " +
                           chunk_lives + " ORDER BY c.id");
    query.with(run_, checkpoint, checkpoint);
    checkpoint_manifest manifest = empty_manifest(checkpoint);
    while (query.step()) {
      read_chunk_row(query, row);
      manifest.add(row);
      if (auto fault = find_fault(row, query); !fault.empty())
        problems.push_back({row.id, row.operator_name, row.table, std::move(fault)});
    }
    if (auto difference = difference_of(expected, manifest); !difference.empty())
      problems.push_back({{}, {}, {}, std::move(difference)});
  } catch (const error& e) {
    problems.push_back({{}, {}, {}, name + " cannot be read: " + e.what()});
  }
  return problems;
}

std::optional<checkpoint_id> checkpoint_reader::recorded_newest() const {
  auto query = database_->prepare("SELECT newest_complete FROM runs WHERE id = ?");
  if (!query.with(run_).step())
    throw damaged_error({"the store " + database_->path(), "its run", "none", "restore the file from a copy"});
  return query.optional_id<checkpoint_id>(0);
}

verified_checkpoint checkpoint_reader::newest_verified() const {
  std::optional<sqlite_transaction> one_view;
  one_view.emplace(*database_, sqlite_transaction::kind::read);
  verified_checkpoint result;
  const auto candidates = complete_checkpoints();
  // A row that damage has hidden would otherwise be passed over without a word.
  if (const auto recorded = recorded_newest(); recorded && (candidates.empty() || candidates.back().id != *recorded))
    result.skipped.push_back(
        {*recorded,
         {{{},
           {},
           {},
           "checkpoint " + to_string(*recorded) +
               " was the newest complete one, and the store does not have it any more: its row, or the end of the log, "
               "is missing or damaged"}}});
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    auto problems = verify(candidate->id);
    if (!one_view->is_open()) { // undone by SQLite: something could not be read
      one_view.emplace(*database_, sqlite_transaction::kind::read);
      problems = verify(candidate->id);
      if (!one_view->is_open()) // what is not read is not damaged: to pass it over would give it up
        throw io_error({"the store " + database_->path(), "a file that can be read", problems.front().what,
                        "start again when the disk is well, or copy the file to another disk: what is damaged in the "
                        "copy is passed over"});
    }
    if (problems.empty()) {
      result.id = candidate->id;
      return result;
    }
    result.skipped.push_back({candidate->id, std::move(problems)});
  }
  if (!result.skipped.empty())
    throw damaged_error({"the store " + database_->path(), "a complete checkpoint that verifies",
                         std::to_string(result.skipped.size()) +
                             " that do not; of the newest: " + result.skipped.front().problems.front().what,
                         "restore the file from a copy, or begin a new run with --fresh, which keeps this file under "
                         "another name"});
  return result;
}

const checkpoint_reader::listing& checkpoint_reader::list(const complete_checkpoint& checkpoint) const {
  if (listing_ && listing_->id == checkpoint.id && listing_->manifest == checkpoint.manifest)
    return *listing_;
  auto made = std::make_shared<listing>();
  made->id = checkpoint.id;
  made->manifest = checkpoint.manifest;
  checkpoint_manifest manifest = empty_manifest(checkpoint.id);
  {
    // Not through an index: the manifest vouches for the table's rows, and nothing for an index's.
    auto query = database_->prepare("SELECT " + std::string{chunk_row_columns} + " FROM chunks c NOT INDEXED WHERE " +
                                    chunk_lives + " ORDER BY c.id");
    query.with(run_, checkpoint.id, checkpoint.id);
    while (query.step()) {
      read_chunk_row(query, made->rows.emplace_back());
      manifest.add(made->rows.back());
    }
  }
  if (auto difference = difference_of(checkpoint, manifest); !difference.empty())
    throw damaged_error({"the store " + database_->path(), "undamaged checkpoints", difference,
                         "start again: the newest checkpoint that verifies is used"});
  std::sort(made->rows.begin(), made->rows.end(), [](const chunk_row& a, const chunk_row& b) {
    return std::tie(a.operator_name, a.table, a.subtask, a.made_in, a.id) <
           std::tie(b.operator_name, b.table, b.subtask, b.made_in, b.id);
  });
  listing_ = std::move(made);
  return *listing_;
}

void checkpoint_reader::for_each_chunk(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                                       key_group_range groups,
                                       const std::function<void(const stored_chunk&)>& use) const {
  visit_chunks(checkpoint, operator_name, table, has_one_of(groups), use);
}

std::optional<std::size_t>
checkpoint_reader::for_each_chunk_from(std::size_t first, checkpoint_id checkpoint, std::string_view operator_name,
                                       std::string_view table, key_group_range groups,
                                       const std::function<bool(const stored_chunk&)>& use) const {
  return visit_chunks_from(first, checkpoint, operator_name, table, has_one_of(groups), use);
}

chunk_amount checkpoint_reader::amount_of(checkpoint_id checkpoint, std::string_view operator_name,
                                          std::string_view table, key_group_range groups) const {
  const auto wanted = has_one_of(groups);
  chunk_amount amount;
  visit_chunks(
      checkpoint, operator_name, table,
      [&](const chunk_row& row) {
        if (wanted(row)) {
          amount.entries += row.entries;
          amount.bytes += row.length;
        }
        return false;
      },
      [](const stored_chunk&) {});
  return amount;
}

void checkpoint_reader::for_each_chunk_of(checkpoint_id checkpoint, std::string_view operator_name,
                                          std::string_view table, subtask_index subtask,
                                          const std::function<void(const stored_chunk&)>& use) const {
  visit_chunks(
      checkpoint, operator_name, table, [subtask](const chunk_row& row) { return row.subtask == subtask; }, use);
}

std::map<subtask_index, std::uint32_t>
checkpoint_reader::subtasks_of(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table) const {
  std::map<subtask_index, std::uint32_t> found;
  visit_chunks(
      checkpoint, operator_name, table,
      [&](const chunk_row& row) {
        found[row.subtask] = row.parallelism;
        return false;
      },
      [](const stored_chunk&) {});
  return found;
}

void checkpoint_reader::visit_chunks(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                                     const std::function<bool(const chunk_row&)>& wanted,
                                     const std::function<void(const stored_chunk&)>& use) const {
  std::vector<std::byte> room;
  static_cast<void>(visit_chunks_from(0, checkpoint, operator_name, table, wanted, [&](stored_chunk chunk) {
    chunk.bytes = plain_chunk(chunk.bytes, room);
    use(chunk);
    return true;
  }));
}

std::optional<std::size_t>
checkpoint_reader::visit_chunks_from(std::size_t first, checkpoint_id checkpoint, std::string_view operator_name,
                                     std::string_view table, const std::function<bool(const chunk_row&)>& wanted,
                                     const std::function<bool(const stored_chunk&)>& use) const {
  (void)list(find(checkpoint));
  const auto held = listing_; // `use` may ask for another checkpoint
  struct by_table {
    bool operator()(const chunk_row& row, const std::pair<std::string_view, std::string_view>& name) const {
      return std::pair<std::string_view, std::string_view>{row.operator_name, row.table} < name;
    }
  };
  auto row = std::lower_bound(held->rows.begin(), held->rows.end(), std::pair{operator_name, table}, by_table{});
  auto query = database_->prepare("SELECT bytes FROM chunk_bytes WHERE chunk = ?");
  bool goes_on = true;
  std::size_t place = 0;
  for (; row != held->rows.end() && row->operator_name == operator_name && row->table == table; ++row) {
    if (!wanted(*row) || place++ < first)
      continue;
    if (!goes_on)
      return place - 1;
    const bool missing = !query.with(row->id).step();
    const auto bytes = missing ? std::span<const std::byte>{} : query.bytes(0);
    if (auto fault = fault_of(*row, missing, bytes); !fault.empty())
      throw damaged_error({"the store " + database_->path(), "undamaged chunks", fault,
                           "start again: the newest checkpoint that verifies is used"});
    goes_on = use({row->id, row->subtask, row->parallelism, row->made_in, row->kind, row->first, row->last,
                   row->entries, row->schema, bytes});
  }
  return std::nullopt;
}

std::vector<stored_table> checkpoint_reader::state_tables(checkpoint_id checkpoint) const {
  const sqlite_transaction one_view{*database_, sqlite_transaction::kind::read};
  (void)find(checkpoint);
  std::vector<stored_table> tables;
  auto query = database_->prepare(
      "SELECT c.operator, c.table_name, max(c.parallelism), count(*), sum(c.entries), sum(c.length), c.schema "
      "FROM chunks c WHERE " +
      std::string{chunk_lives} +
      " GROUP BY c.operator, c.table_name, c.schema ORDER BY c.operator, c.table_name, c.schema");
  query.with(run_, checkpoint, checkpoint);
  while (query.step()) {
    const auto name = query.text(0);
    const bool same = !tables.empty() && tables.back().operator_name == name && tables.back().table == query.text(1);
    if (!same)
      tables.push_back({std::string{name}, std::string{query.text(1)}, query.count32(2), 0, 0, 0, {}});
    auto& table = tables.back();
    table.chunks += query.count(3);
    table.entries += query.count(4);
    table.bytes += query.count(5);
    if (!query.is_null(6))
      table.schemas.push_back(query.integer(6));
  }
  return tables;
}

std::vector<stored_schema> checkpoint_reader::schemas() const {
  std::vector<stored_schema> found;
  auto query = database_->prepare(
      "SELECT id, operator, table_name, schema, in_plan, checksum FROM schemas WHERE run = ? ORDER BY id");
  query.with(run_);
  while (query.step()) {
    const auto& schema = found.emplace_back(
        stored_schema{query.integer(0),
                      {std::string{query.text(1)}, std::string{query.text(2)}, std::string{query.text(3)}},
                      query.integer(4) != 0});
    if (std::bit_cast<std::uint64_t>(query.integer(5)) != checksum_of_schema(schema.record))
      throw damaged_error(
          {"the store " + database_->path(), "undamaged schemas",
           "that of " + schema.record.operator_name + "/" + schema.record.table + " differs from its checksum",
           "restore the file from a copy"});
  }
  return found;
}

std::vector<operator_record> checkpoint_reader::operators() const {
  std::vector<operator_record> found;
  auto query = database_->prepare("SELECT name, kind, task, region, parallelism, fingerprint FROM operators "
                                  "WHERE run = ? AND in_plan = 1 ORDER BY name");
  query.with(run_);
  while (query.step())
    found.push_back({std::string{query.text(0)}, std::string{query.text(1)}, std::string{query.text(2)},
                     query.id<region_id>(3), query.count32(4), std::string{query.text(5)}});
  return found;
}

std::optional<std::uint32_t> checkpoint_reader::max_parallelism() const {
  auto query = database_->prepare("SELECT max_parallelism FROM runs WHERE id = ?");
  query.with(run_);
  if (!query.step() || query.is_null(0))
    return std::nullopt;
  return query.count32(0);
}

std::string checkpoint_reader::of_run(std::string_view column) const {
  auto query = database_->prepare("SELECT " + std::string{column} + " FROM runs WHERE id = ?");
  if (!query.with(run_).step())
    throw damaged_error({"the store " + database_->path(), "its run", "none", "restore the file from a copy"});
  return std::string{query.text(0)};
}

std::string checkpoint_reader::run_uuid() const {
  return of_run("uuid");
}

std::string checkpoint_reader::job_name() const {
  return of_run("job");
}

attempt_id checkpoint_reader::highest_attempt() const {
  auto query = database_->prepare("SELECT max(current_attempt) FROM regions WHERE run = ?");
  return query.with(run_).step() ? query.optional_id<attempt_id>(0).value_or(attempt_id{}) : attempt_id{};
}

} // namespace weir::inline v0
