// The rows of weir_state.
#include "state_function.hpp"

#include "../error.hpp"

#include <array>
#include <cstdint>

namespace weir::inline v0 {

namespace {

enum column_number : std::uint8_t {
  operator_column,
  table_column,
  key_column,
  value_column_,
  key_group_column,
  subtask_column,
  checkpoint_column,
  kind_column,
  sub_key_column,
  job_argument,
  operator_argument,
  table_argument,
  touched_hidden
};

constexpr std::array used_columns{
    used_column{job_argument, true, true},      used_column{operator_argument, true, true},
    used_column{table_argument, true, true},    used_column{checkpoint_column, true, true},
    used_column{operator_column, false, false}, used_column{table_column, false, false},
    used_column{key_column, false, false}};

// Both names have to fit; no name fits all. False if they exclude each other.
bool both(std::string& name, const std::string& other) {
  if (name.empty())
    name = other;
  return other.empty() || name == other;
}

} // namespace

std::string_view to_text(entry_kind kind) {
  constexpr std::array<std::string_view, 4> words{"value", "map entry", "list entry", "timer"};
  return words.at(static_cast<std::size_t>(kind));
}

std::string state_function::declaration() const {
  return "CREATE TABLE weir_state(operator TEXT, table_name TEXT, key, value, key_group INTEGER, subtask INTEGER, "
         "checkpoint INTEGER, kind TEXT, sub_key, job HIDDEN, of_operator HIDDEN, of_table HIDDEN, "
         "touched INTEGER HIDDEN)";
}

bool state_function::plan(sqlite3_index_info& info) const {
  if (has_range(info, checkpoint_column))
    throw usage_error{{"weir_state", "one checkpoint at a time", "a range",
                       "write `checkpoint = n`, or `checkpoint IN (SELECT id FROM checkpoint_overview WHERE …)`"}};
  if (!plan_equalities(info, used_columns))
    return false;
  if (!plans(info, job_argument)) { // a side of an OR is planned alone: only who begins with this has no job
    info.estimatedCost = impossible_cost;
    return true;
  }
  const bool by_key = plans(info, key_column);
  info.estimatedCost = (by_key ? 10'000 : 1'000'000) * (plans(info, checkpoint_column) ? 1 : no_checkpoint_factor);
  info.estimatedRows = by_key ? 1 : 1'000'000;
  return true;
}

void state_function::cursor::filter(const given_values& given) {
  scan_.reset();
  tables_.clear();
  table_ = 0;
  if (given.null(checkpoint_column) || given.null(operator_column) || given.null(table_column) ||
      given.null(key_column))
    return; // null is equal to nothing
  if (given.absent(job_argument))
    throw usage_error{
        {"weir_state", "the name of a job", "none", "write weir_state('job') or weir_state('job', 'operator')"}};
  store_ = find_store(session_.connection, given.text(job_argument));
  view_.emplace(session_.connection, store_);
  schemas_.emplace(session_.connection, store_);
  std::string operator_name = given.text(operator_argument);
  std::string table = given.text(table_argument);
  require_known(store_, known_tables(session_.connection, store_), operator_name, table);
  const auto checkpoint =
      find_checkpoint(session_.connection, store_, given.whole_number(checkpoint_column, "checkpoint"));
  if (!both(operator_name, given.text(operator_column)) || !both(table, given.text(table_column)))
    return;
  checkpoint_ = session_.checkpoints->of(session_.connection, store_, checkpoint);
  first_row_ = session_.checkpoints->first_row(checkpoint_->name(), checkpoint_->places());
  tables_ = checkpoint_->tables(operator_name, table);
  wanted_key_.clear();
  if (!given.absent(key_column))
    wanted_key_.push_back({{}, value_of(given.find(key_column), wanted_key_bytes_)});
}

bool state_function::cursor::next() {
  for (;;) {
    if (scan_ && scan_->next())
      return true;
    scan_.reset();
    if (table_ == tables_.size()) {
      view_.reset();
      return false;
    }
    scan_.emplace(session_.connection, store_, *schemas_, tables_[table_++], wanted_key_);
  }
}

void state_function::cursor::column(sqlite3_context* context, int number) {
  const state_entry& at = scan_->current();
  try {
    switch (number) {
    case operator_column:
      set_result(context, at.chunk->operator_name);
      break;
    case table_column:
      set_result(context, at.chunk->table);
      break;
    case key_column:
      set_result(context, scan_->decoders().key.decode(at.entry.key));
      break;
    case value_column_:
      if (at.entry.kind == scan_->decoders().entries)
        set_result(context, scan_->decoders().value.decode(at.entry.value));
      else
        set_result(context, at.entry.value);
      break;
    case key_group_column:
      sqlite3_result_int64(context, at.group.value);
      break;
    case subtask_column:
      sqlite3_result_int64(context, at.chunk->subtask.value);
      break;
    case checkpoint_column:
      sqlite3_result_int64(context, static_cast<sqlite3_int64>(checkpoint_->id().value));
      break;
    case kind_column:
      set_result(context, to_text(at.entry.kind));
      break;
    case sub_key_column:
      if (at.entry.kind == entry_kind::value)
        break;
      if (auto& sub_keys = scan_->decoders().sub_key; sub_keys && at.entry.kind == scan_->decoders().entries)
        set_result(context, sub_keys->decode(at.entry.sub_key));
      else
        set_result(context, at.entry.sub_key);
      break;
    case touched_hidden:
      if (const auto time = at.entry.time)
        sqlite3_result_int64(context, time->time_since_epoch().count());
      break;
    default: // arguments
      break;
    }
  } catch (const damaged_error& problem) {
    throw_damaged_chunk(session_.connection, store_, *at.chunk, problem.what());
  }
}

std::int64_t state_function::cursor::row_id() const {
  const state_entry& at = scan_->current();
  return static_cast<std::int64_t>(first_row_ + checkpoint_->place_of(*at.chunk, at.offset));
}

} // namespace weir::inline v0
