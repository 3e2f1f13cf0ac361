// The rows of weir_diff.
#include "difference_function.hpp"

#include "../error.hpp"
#include "state_function.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <utility>

namespace weir::inline v0 {

namespace {

enum column_number : std::uint8_t {
  change_column,
  operator_column,
  table_column,
  key_column,
  old_value_column,
  new_value_column,
  kind_column,
  sub_key_column,
  job_argument,
  operator_argument,
  from_argument,
  to_argument,
  table_argument
};

constexpr std::array used_columns{used_column{job_argument, true, true}, used_column{operator_argument, true, true},
                                  used_column{from_argument, true, true}, used_column{to_argument, true, true},
                                  used_column{table_argument, true, true}};

} // namespace

std::string difference_function::declaration() const {
  return "CREATE TABLE weir_diff(change TEXT, operator TEXT, table_name TEXT, key, old_value, new_value, kind TEXT, "
         "sub_key, job HIDDEN, of_operator HIDDEN, from_checkpoint HIDDEN, to_checkpoint HIDDEN, of_table HIDDEN)";
}

bool difference_function::plan(sqlite3_index_info& info) const {
  if (!plan_equalities(info, used_columns))
    return false;
  if (!plans(info, job_argument) || !plans(info, operator_argument) || !plans(info, from_argument) ||
      !plans(info, to_argument)) { // a side of an OR is planned alone: only who begins with this has too few
    info.estimatedCost = impossible_cost;
    return true;
  }
  info.estimatedCost = 1'000'000;
  info.estimatedRows = 10'000;
  return true;
}

void difference_function::cursor::filter(const given_values& given) {
  difference_.reset();
  tables_.clear();
  table_ = 0;
  for (const int each : {job_argument, operator_argument, from_argument, to_argument})
    if (given.absent(each) && !given.null(each))
      throw usage_error{{"weir_diff", "a job, an operator, and two checkpoints", "fewer arguments",
                         "write weir_diff('job', 'operator', 3, 7); null as operator means all of them"}};
  sqlite3* connection = session_.connection;
  store_ = find_store(connection, given.text(job_argument));
  view_.emplace(connection, store_);
  schemas_.emplace(connection, store_);
  const std::string operator_name = given.text(operator_argument);
  const std::string table = given.text(table_argument);
  require_known(store_, known_tables(connection, store_), operator_name, table);
  const auto from = given.whole_number(from_argument, "from_checkpoint");
  const auto to = given.whole_number(to_argument, "to_checkpoint");
  if (!from || !to)
    throw usage_error{{"weir_diff", "two checkpoints", "null", "choose two from checkpoint_overview"}};
  before_ = session_.checkpoints->of(connection, store_, find_checkpoint(connection, store_, from));
  after_ = session_.checkpoints->of(connection, store_, find_checkpoint(connection, store_, to));
  first_row_ =
      session_.checkpoints->first_row(before_->name() + ' ' + after_->name(), before_->places() + after_->places());
  std::map<std::pair<std::string_view, std::string_view>, pair_of_tables> found;
  for (const table_chunks& each : before_->tables(operator_name, table))
    found[{each.operator_name, each.table}] = {each.operator_name, each.table, each.rows, {}};
  for (const table_chunks& each : after_->tables(operator_name, table)) {
    auto& one = found[{each.operator_name, each.table}];
    one.operator_name = each.operator_name;
    one.table = each.table;
    one.after = each.rows;
  }
  for (const auto& [name, each] : found)
    tables_.push_back(each);
}

bool difference_function::cursor::next() {
  if (difference_ && ++change_ < difference_->changes().size())
    return true;
  while (table_ < tables_.size()) {
    const pair_of_tables& one = tables_[table_++];
    change_ = 0;
    difference_.emplace(session_.connection, store_, one.before, one.after);
    if (!difference_->changes().empty())
      return true;
  }
  difference_.reset();
  view_.reset();
  return false;
}

void difference_function::cursor::column(sqlite3_context* context, int number) {
  const changed_entry& at = difference_->changes()[change_];
  const state_entry& present = at.after.chunk != nullptr ? at.after : at.before;
  switch (number) {
  case change_column:
    set_result(context, at.before.chunk == nullptr ? "added" : at.after.chunk == nullptr ? "removed" : "changed");
    break;
  case operator_column:
    set_result(context, present.chunk->operator_name);
    break;
  case table_column:
    set_result(context, present.chunk->table);
    break;
  case old_value_column:
    if (at.before.chunk != nullptr)
      value(context, at.before, number);
    break;
  case new_value_column:
    if (at.after.chunk != nullptr)
      value(context, at.after, number);
    break;
  case kind_column:
    set_result(context, to_text(present.entry.kind));
    break;
  case key_column:
  case sub_key_column:
    value(context, present, number);
    break;
  case from_argument:
  case to_argument:
    sqlite3_result_int64(context, static_cast<sqlite3_int64>((number == from_argument ? before_ : after_)->id().value));
    break;
  default: // other arguments
    break;
  }
}

void difference_function::cursor::value(sqlite3_context* context, const state_entry& of, int number) {
  try {
    table_decoders& decoders = schemas_->of(of.chunk->schema);
    const entry_part part = number == key_column       ? entry_part::key
                            : number == sub_key_column ? entry_part::sub_key
                                                       : entry_part::value;
    if (part == entry_part::sub_key && of.entry.kind == entry_kind::value)
      sqlite3_result_null(context);
    else if (part == entry_part::key || of.entry.kind == decoders.entries)
      set_result(context, decoders.of(part)->decode(bytes_of(of.entry, part)));
    else
      set_result(context, bytes_of(of.entry, part));
  } catch (const damaged_error& problem) {
    throw_damaged_chunk(session_.connection, store_, *of.chunk, problem.what());
  }
}

// By the entry that is there, or was; it is in a chunk of the one list or of the other.
std::int64_t difference_function::cursor::row_id() const {
  const changed_entry& at = difference_->changes()[change_];
  const state_entry& present = at.after.chunk != nullptr ? at.after : at.before;
  const std::uint64_t place = before_->has(*present.chunk)
                                  ? before_->place_of(*present.chunk, present.offset)
                                  : before_->places() + after_->place_of(*present.chunk, present.offset);
  return static_cast<std::int64_t>(first_row_ + place);
}

} // namespace weir::inline v0
