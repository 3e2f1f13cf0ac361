// Changes to rows of weir_table.
#include "../error.hpp"
#include "../key_groups.hpp"
#include "../value_encoder.hpp"
#include "pending_edits.hpp"
#include "typed_table.hpp"

#include <array>
#include <optional>
#include <utility>

namespace weir::inline v0 {

namespace {

// As SQL compares without affinity.
bool same(const decoded_value& a, const decoded_value& b) {
  return a.kind == b.kind && a.integer == b.integer && a.real == b.real && a.bytes == b.bytes;
}

} // namespace

/// What a table needs once it is edited.
struct edit_tools {
  edit_tools(sqlite3* connection, const open_store& store, std::int64_t schema, std::shared_ptr<edited_table> of)
      : table(std::move(of)),
        schemas(connection, store),
        decoders(&schemas.of(schema)),
        max_parallelism(store.max_parallelism),
        checkpoint(static_cast<std::int64_t>(find_checkpoint(connection, store, {}).id.value)),
        key(decoders->schema.key, encoder_use::key),
        value(decoders->schema.value) {
    if (decoders->schema.sub_key)
      sub_key.emplace(*decoders->schema.sub_key, encoder_use::key);
  }

  std::shared_ptr<edited_table> table;
  schema_decoders schemas;
  table_decoders* decoders;
  std::uint32_t max_parallelism;
  std::int64_t checkpoint;
  value_encoder key;
  std::optional<value_encoder> sub_key;
  value_encoder value;
  byte_buffer key_bytes;
  byte_buffer sub_key_bytes; // empty if the table has none
  byte_buffer value_bytes;
  std::string text;                              // of one SQL value
  std::vector<std::span<const std::byte>> parts; // of a row before its change
};

void typed_table::begin_edit() {
  const open_store store = find_store(session_.connection, job_);
  session_.edits->begin(store);
  make_tools(store); // what can't be edited is refused even if there is nothing to change
  editing_ = true;
}

void typed_table::write_edits() {
  session_.edits->write();
}

void typed_table::end_edit() {
  editing_ = false;
  tools_.reset();
  session_.edits->end();
}

void typed_table::mark(int savepoint) {
  session_.edits->mark(savepoint);
}

void typed_table::roll_back_to(int savepoint) {
  if (savepoint < 0)
    tools_.reset(); // the table is read again
  session_.edits->roll_back_to(savepoint);
}

void typed_table::release(int savepoint) {
  session_.edits->release(savepoint);
}

bool typed_table::may_go() const {
  return !tools_; // else what it has changed would be lost without a word
}

void typed_table::make_tools(const open_store& store) {
  auto table = session_.edits->open(store, *session_.checkpoints, operator_, table_, name_, entries_);
  if (table->schema() != schema_)
    throw usage_error{{"the table " + name_, "state of the schema that the savepoint's program has", "another",
                       "make the savepoint again"}};
  tools_ = std::make_shared<edit_tools>(session_.connection, store, schema_, std::move(table));
}

std::int64_t typed_table::update(std::span<sqlite3_value*> values) {
  if (!editing_) // SQLite says nothing of the savepoints that there were before
    throw usage_error{{"the table " + name_, "a transaction that began after the table was made",
                       "one that began before", "commit, and begin another"}};
  if (!tools_)
    make_tools(find_store(session_.connection, job_));
  const auto& table = tools_->table;
  if (values.size() > 1 && table->is_all_or_none())
    throw usage_error{{"the table " + name_, "`delete` of all rows, with which the source begins anew",
                       "an insert or an update", "leave positions as they are, or delete them all"}};
  const bool inserted = values.size() > 1 && sqlite3_value_type(values[0]) == SQLITE_NULL;
  if (inserted)
    return insert(table, values.subspan(1));
  const auto row = sqlite3_value_int64(values[0]);
  const bool known = row >= 0 && row < table->size() && table->at(static_cast<std::uint32_t>(row)).alive;
  if (!known) // as for a row that a trigger has deleted
    return row;
  if (values.size() > 1)
    return change(table, static_cast<std::uint32_t>(row), values.subspan(1));
  session_.edits->change(table, static_cast<std::uint32_t>(row), {});
  return row;
}

// `values`: the row's number, then the columns.
std::int64_t typed_table::insert(const std::shared_ptr<edited_table>& table, std::span<sqlite3_value*> values) {
  if (sqlite3_value_type(values[0]) != SQLITE_NULL)
    throw usage_error{{name_ + ".rowid", "to be left out", "a value", "rows are known by their keys"}};
  refuse_hidden(values, nullptr);
  encode(values, nullptr);
  const auto key = tools_->key_bytes.bytes();
  const auto sub_key = tools_->sub_key_bytes.bytes();
  if (table->find(key, sub_key) != edited_table::none &&
      sqlite3_vtab_on_conflict(session_.connection) != SQLITE_REPLACE)
    refuse_key();
  const std::uint32_t row = table->row_for(key, sub_key);
  session_.edits->change(table, row, tools_->value_bytes.bytes());
  return row;
}

std::int64_t typed_table::change(const std::shared_ptr<edited_table>& table, std::uint32_t row,
                                 std::span<sqlite3_value*> values) {
  if (sqlite3_value_nochange(values[0]) == 0 && sqlite3_value_int64(values[0]) != row)
    throw usage_error{{name_ + ".rowid", "to be left as it is", "another", "rows are known by their keys"}};
  const edited_table::row former = table->at(row);
  refuse_hidden(values, &former);
  encode(values, &former);
  const auto key = tools_->key_bytes.bytes();
  const auto sub_key = tools_->sub_key_bytes.bytes();
  const std::uint32_t there = table->find(key, sub_key);
  if (there != edited_table::none && there != row && sqlite3_vtab_on_conflict(session_.connection) != SQLITE_REPLACE)
    refuse_key();
  const std::uint32_t now = table->row_for(key, sub_key);
  if (now != row)
    session_.edits->change(table, row, {});
  session_.edits->change(table, now, tools_->value_bytes.bytes());
  return now;
}

void typed_table::refuse_hidden(std::span<sqlite3_value*> values, const edited_table::row* former) const {
  constexpr std::array<const char*, 4> names{"checkpoint", "key_group", "subtask", "touched"};
  for (const hidden_column each : {checkpoint_column, key_group_column, subtask_column, touched_column}) {
    sqlite3_value* value = values[1 + static_cast<std::size_t>(hidden(each))];
    if (sqlite3_value_nochange(value) != 0 || sqlite3_value_type(value) == SQLITE_NULL)
      continue;
    if (former != nullptr) { // `update … from` gives all columns
      const key_groups groups{tools_->max_parallelism};
      const auto subtask = groups.subtask_of(former->group, tools_->table->parallelism()).value;
      const std::array<std::int64_t, 4> present{tools_->checkpoint, former->group.value, subtask,
                                                former->time.value_or(no_stored_time).time_since_epoch().count()};
      if (sqlite3_value_type(value) == SQLITE_INTEGER && sqlite3_value_int64(value) == present.at(each))
        continue;
    }
    throw usage_error{{name_ + "." + names.at(each), "to be left out", "a value",
                       each == touched_column ? "what is edited has none, and counts as of the start of a job"
                                              : "it says where an entry is kept, which follows from its key"}};
  }
}

void typed_table::encode(std::span<sqlite3_value*> values, const edited_table::row* former) {
  encode(entry_part::key, values, former, tools_->key_bytes);
  if (tools_->sub_key)
    encode(entry_part::sub_key, values, former, tools_->sub_key_bytes);
  encode(entry_part::value, values, former, tools_->value_bytes);
}

void typed_table::encode(entry_part part, std::span<sqlite3_value*> values, const edited_table::row* former,
                         byte_buffer& out) {
  out.clear();
  edit_tools& tools = *tools_;
  const value_encoder& encoder = part == entry_part::key       ? tools.key
                                 : part == entry_part::sub_key ? *tools.sub_key
                                                               : tools.value;
  value_decoder& decoder = *tools.decoders->of(part);
  if (former != nullptr)
    decoder.split(former->part(part), tools.parts);
  std::size_t place = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].part != part)
      continue;
    sqlite3_value* value = values[1 + i];
    if (former != nullptr && (sqlite3_value_nochange(value) != 0 ||
                              same(decoder.decode_column(place, tools.parts[place]), value_of(value, tools.text)))) {
      out.append(tools.parts[place++]);
      continue;
    }
    try {
      encoder.append(place++, value_of(value, tools.text), out);
    } catch (const misfit_error& problem) {
      throw usage_error{{name_ + "." + columns_[i].name + problem.text().thing, problem.text().expected,
                         problem.text().found, problem.text().remedy}};
    }
  }
}

void typed_table::refuse_key() {
  std::string text;
  tools_->decoders->key.append_json(tools_->key_bytes.bytes(), text);
  if (tools_->sub_key) {
    text += entries_ == entry_kind::list_entry ? " at position " : " with the entry ";
    tools_->decoders->sub_key->append_json(tools_->sub_key_bytes.bytes(), text);
  }
  throw constraint_error{
      {"the key " + text + " of " + name_, "a new one", "one that is there", "update it, or say `insert or replace`"}};
}

} // namespace weir::inline v0
