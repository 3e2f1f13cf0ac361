// Columns and rows of weir_table.
#include "typed_table.hpp"

#include "../error.hpp"
#include "../key_groups.hpp"
#include "pending_edits.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace weir::inline v0 {

namespace {

constexpr std::size_t nowhere = SIZE_MAX;

// An argument as it is written in the statement: 'it''s', "it" or it.
std::string unquoted(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  const char quote = text.empty() ? ' ' : text.front();
  if (text.size() < 2 || (quote != '\'' && quote != '"' && quote != '`') || text.back() != quote)
    return std::string{text};
  std::string plain;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    plain += text[i];
    if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote)
      ++i;
  }
  return plain;
}

std::string small_letters(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

} // namespace

std::vector<typed_column> typed_columns(const table_decoders& schema) {
  std::vector<typed_column> columns;
  std::set<std::string> taken{"checkpoint", "key_group", "subtask", "touched"};
  const auto add = [&](const value_decoder& decoder, entry_part part, const std::string& half) {
    for (const value_column& each : decoder.columns()) {
      std::string name = each.name.empty() ? half : each.name;
      const bool of_tuple = std::isdigit(static_cast<unsigned char>(name.front())) != 0;
      if (of_tuple || (part == entry_part::sub_key && !each.name.empty()))
        name = half + "_" + name;
      if (taken.count(small_letters(name)) != 0)
        name = half + "_" + name;
      const std::string stem = name;
      for (int number = 2; taken.count(small_letters(name)) != 0; ++number)
        name = stem + "_" + std::to_string(number);
      taken.insert(small_letters(name));
      columns.push_back({std::move(name), each.name, each.sql_type, part});
    }
  };
  add(schema.key, entry_part::key, "key");
  if (schema.sub_key)
    add(*schema.sub_key, entry_part::sub_key, schema.entries == entry_kind::list_entry ? "position" : "entry");
  add(schema.value, entry_part::value, "value");
  return columns;
}

typed_table::typed_table(const sql_session& session, std::span<const char* const> arguments) : session_(session) {
  constexpr std::size_t before = 3; // the module, the database, the table that is made
  if (arguments.size() < before + 2 || arguments.size() > before + 3)
    throw usage_error{{"weir_table", "a job, an operator, and the name of its state table if it has several",
                       std::to_string(arguments.size() - before) + " arguments",
                       "write weir_table('word-count', 'counts')"}};
  job_ = unquoted(arguments[before]);
  operator_ = unquoted(arguments[before + 1]);
  table_ = arguments.size() == before + 3 ? unquoted(arguments[before + 2]) : std::string{};
  const open_store store = find_store(session_.connection, job_);
  const auto tables = known_tables(session_.connection, store);
  require_known(store, tables, operator_, table_);
  const known_table* found = nullptr;
  std::string names;
  for (const known_table& each : tables)
    if (each.operator_name == operator_ && (table_.empty() || each.table == table_)) {
      if (found != nullptr)
        names += ", ";
      names += each.table;
      found = &each;
    }
  if (found == nullptr || names != found->table)
    throw usage_error{{"weir_table", "the name of one of the state tables of " + operator_, "none",
                       "give one of these as a third argument: " + names}};
  table_ = found->table;
  name_ = unquoted(arguments[before - 1]);
  schema_ = found->newest_schema;
  schema_decoders schemas{session_.connection, store};
  const table_decoders& decoders = schemas.of(found->newest_schema);
  entries_ = decoders.entries;
  columns_ = typed_columns(decoders);
}

std::string typed_table::declaration() const {
  std::string text = "CREATE TABLE t(";
  for (const typed_column& each : columns_)
    text += quoted(each.name) + " " + each.sql_type + ", ";
  return text + "checkpoint INTEGER HIDDEN, key_group INTEGER HIDDEN, subtask INTEGER HIDDEN, touched INTEGER HIDDEN)";
}

bool typed_table::plan(sqlite3_index_info& info) const {
  if (has_range(info, hidden(checkpoint_column)))
    throw usage_error{{"weir_table", "one checkpoint at a time", "a range",
                       "write `checkpoint = n`, or `checkpoint IN (SELECT id FROM checkpoint_overview WHERE …)`"}};
  std::vector<used_column> used{{hidden(checkpoint_column), true, true}};
  for (std::size_t i = 0; i < columns_.size() && columns_[i].part == entry_part::key; ++i)
    used.push_back({static_cast<int>(i), false, false});
  if (!plan_equalities(info, used))
    return false;
  const bool by_key =
      std::all_of(used.begin() + 1, used.end(), [&](const used_column& each) { return plans(info, each.number); });
  info.estimatedCost =
      (by_key ? 10'000 : 1'000'000) * (plans(info, hidden(checkpoint_column)) ? 1 : no_checkpoint_factor);
  info.estimatedRows = by_key ? 1 : 1'000'000;
  return true;
}

void typed_table::cursor::filter(const given_values& given) {
  scan_.reset();
  edited_.reset();
  if (given.null(of_->hidden(checkpoint_column)))
    return; // null is equal to nothing
  wanted_bytes_.clear();
  std::vector<wanted_column> wanted;
  for (std::size_t i = 0; i < of_->columns_.size() && of_->columns_[i].part == entry_part::key; ++i) {
    if (given.null(static_cast<int>(i)))
      return;
    sqlite3_value* value = given.find(static_cast<int>(i));
    if (value != nullptr)
      wanted.push_back({of_->columns_[i].member, value_of(value, wanted_bytes_.emplace_back())});
  }
  sqlite3* connection = of_->session_.connection;
  store_ = find_store(connection, of_->job_);
  view_.emplace(connection, store_);
  schemas_.emplace(connection, store_);
  known_ = nullptr;
  const auto checkpoint =
      find_checkpoint(connection, store_, given.whole_number(of_->hidden(checkpoint_column), "checkpoint"));
  checkpoint_ = of_->session_.checkpoints->of(connection, store_, checkpoint);
  first_row_ = of_->session_.checkpoints->first_row(checkpoint_->name(), checkpoint_->places());
  edited_ = of_->session_.edits->find(store_, of_->operator_, of_->table_);
  if (edited_)
    return find_edited(wanted);
  const auto tables = checkpoint_->tables(of_->operator_, of_->table_);
  if (!tables.empty())
    scan_.emplace(connection, store_, *schemas_, tables.front(), std::move(wanted));
}

// What was changed is in memory, to be looked up by a key as SQL knows it, or row by row.
void typed_table::cursor::find_edited(const std::vector<wanted_column>& wanted) {
  edited_decoders_ = &schemas_->of(edited_->schema());
  edited_next_ = 0;
  edited_end_ = edited_->size();
  byte_buffer key;
  if (wanted.empty() || edited_->entries() != entry_kind::value ||
      !encode_wanted_key(edited_decoders_->key, wanted, key))
    return;
  edited_next_ = edited_->find(key.bytes(), {});
  edited_end_ = edited_next_ == edited_table::none ? edited_next_ : edited_next_ + 1;
}

bool typed_table::cursor::next() {
  for (split_part& each : parts_)
    each.split = false;
  if (edited_ ? next_edited() : next_stored())
    return true;
  scan_.reset();
  view_.reset();
  return false;
}

bool typed_table::cursor::next_stored() {
  while (scan_ && scan_->next())
    if (scan_->current().entry.kind == scan_->decoders().entries)
      return true;
  return false;
}

bool typed_table::cursor::next_edited() {
  while (edited_next_ < edited_end_) {
    edited_row_ = edited_next_++;
    if (edited_->at(edited_row_).alive)
      return true;
  }
  return false;
}

std::span<const std::byte> typed_table::cursor::current(entry_part part) const {
  return edited_ ? edited_->at(edited_row_).part(part) : bytes_of(scan_->current().entry, part);
}

// The schema of this row's chunk may be an older one.
void typed_table::cursor::find_columns() {
  known_ = &decoders();
  places_.clear();
  for (const typed_column& column : of_->columns_) {
    places_.push_back(nowhere);
    if (const value_decoder* decoder = decoders().of(column.part)) {
      const auto& theirs = decoder->columns();
      const auto place = std::find_if(theirs.begin(), theirs.end(),
                                      [&](const value_column& each) { return each.name == column.member; });
      if (place != theirs.end())
        places_.back() = static_cast<std::size_t>(place - theirs.begin());
    }
  }
}

void typed_table::cursor::typed(sqlite3_context* context, std::size_t number) {
  if (known_ != &decoders())
    find_columns();
  if (places_[number] == nowhere)
    return; // null
  const entry_part which = of_->columns_[number].part;
  split_part& part = parts_.at(static_cast<std::size_t>(which));
  value_decoder& decoder = *decoders().of(which);
  if (!part.split) {
    decoder.split(current(which), part.columns);
    part.split = true;
  }
  set_result(context, decoder.decode_column(places_[number], part.columns[places_[number]]));
}

void typed_table::cursor::column(sqlite3_context* context, int number) {
  if (sqlite3_vtab_nochange(context) != 0)
    return; // an update leaves it alone: the bytes that are there stay
  if (number == of_->hidden(checkpoint_column)) {
    sqlite3_result_int64(context, static_cast<sqlite3_int64>(checkpoint_->id().value));
  } else if (number == of_->hidden(key_group_column)) {
    sqlite3_result_int64(context, edited_ ? edited_->at(edited_row_).group.value : scan_->current().group.value);
  } else if (number == of_->hidden(subtask_column)) {
    const auto of_edited = [this] {
      return key_groups{store_.max_parallelism}.subtask_of(edited_->at(edited_row_).group, edited_->parallelism());
    };
    sqlite3_result_int64(context, edited_ ? of_edited().value : scan_->current().chunk->subtask.value);
  } else if (number == of_->hidden(touched_column)) {
    if (const auto time = edited_ ? edited_->at(edited_row_).time : scan_->current().entry.time)
      sqlite3_result_int64(context, time->time_since_epoch().count());
  } else {
    try {
      typed(context, static_cast<std::size_t>(number));
    } catch (const damaged_error& problem) {
      if (edited_)
        throw;
      throw_damaged_chunk(of_->session_.connection, store_, *scan_->current().chunk, problem.what());
    }
  }
}

std::int64_t typed_table::cursor::row_id() const {
  // Of what can be edited the number is that of the edited table, which is loaded in this order.
  if (edited_)
    return edited_row_;
  if (store_.savepoint)
    return static_cast<std::int64_t>(scan_->current().number);
  const state_entry& at = scan_->current();
  return static_cast<std::int64_t>(first_row_ + checkpoint_->place_of(*at.chunk, at.offset));
}

} // namespace weir::inline v0
