// The module weir_table: one state table with its keys' and values' members as columns.
#pragma once

#include "checkpoint_cache.hpp"
#include "edited_table.hpp"
#include "table_scan.hpp"
#include "virtual_table.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// What comes behind a table's columns.
enum hidden_column : std::uint8_t { checkpoint_column, key_group_column, subtask_column, touched_column };

/// A column of a typed table.
struct typed_column {
  std::string name;   ///< in SQL
  std::string member; ///< of the key's or the value's class; empty for the whole
  std::string sql_type;
  entry_part part = entry_part::value;
};

/// The columns of a state table: the key's, then the sub-key's if it has entries of collections, then the value's, then
/// the hidden `checkpoint`, `key_group`, `subtask` and `touched`, when the entry of a table with a time to live was
/// last refreshed, in microseconds since 1970. A whole key is `key`, a whole value `value`, elements of a tuple `key_1`
/// and so on. The sub-key of a list is `position`, another one `entry`; its members are `entry_` and their name. A
/// member whose name is taken gets `key_` or `value_` before it, and then a number behind it.
[[nodiscard]] std::vector<typed_column> typed_columns(const table_decoders& schema);

struct edit_tools;

/// `create virtual table temp.t using weir_table('job', 'operator', 'table')`. The table's name may be left out if the
/// operator has one only. Columns are those of the newest schema; state of an older one has them by name, or nulls.
/// In a savepoint it can be edited: see pending_edits.
class typed_table {
public:
  typed_table(const sql_session& session, std::span<const char* const> arguments);

  [[nodiscard]] std::string declaration() const;
  [[nodiscard]] bool plan(sqlite3_index_info& info) const;

  void begin_edit();
  void write_edits();
  void end_edit();
  void mark(int savepoint);
  void roll_back_to(int savepoint);
  void release(int savepoint);
  [[nodiscard]] std::int64_t update(std::span<sqlite3_value*> values);
  [[nodiscard]] bool may_go() const;

  class cursor {
  public:
    explicit cursor(const typed_table& of) : of_(&of) {}
    void filter(const given_values& given);
    [[nodiscard]] bool next();
    void column(sqlite3_context* context, int number);
    [[nodiscard]] std::int64_t row_id() const;

  private:
    struct split_part { // of the current row
      bool split = false;
      std::vector<std::span<const std::byte>> columns;
    };
    [[nodiscard]] bool next_stored();
    [[nodiscard]] bool next_edited();
    [[nodiscard]] std::span<const std::byte> current(entry_part part) const;
    [[nodiscard]] table_decoders& decoders() const { return edited_ ? *edited_decoders_ : scan_->decoders(); }
    void find_columns();
    void typed(sqlite3_context* context, std::size_t number);
    void find_edited(const std::vector<wanted_column>& wanted);

    const typed_table* of_;
    open_store store_;
    std::optional<store_view> view_;
    std::optional<schema_decoders> schemas_;
    std::shared_ptr<const checkpoint_chunks> checkpoint_;
    std::uint64_t first_row_ = 0;
    std::deque<std::string> wanted_bytes_;
    std::optional<table_scan> scan_;
    std::shared_ptr<const edited_table> edited_; // in place of the scan
    table_decoders* edited_decoders_ = nullptr;
    std::uint32_t edited_row_ = 0;
    std::uint32_t edited_next_ = 0;
    std::uint32_t edited_end_ = 0;
    const table_decoders* known_ = nullptr; // whose columns these are:
    std::vector<std::size_t> places_;       // of each of our columns among its
    std::array<split_part, 3> parts_;
  };

private:
  [[nodiscard]] int hidden(int which) const { return static_cast<int>(columns_.size()) + which; }
  void refuse_hidden(std::span<sqlite3_value*> values, const edited_table::row* former) const;
  void make_tools(const open_store& store);
  /// Makes the archive bytes of the row's parts; of columns that an update leaves alone, those of `former`.
  void encode(std::span<sqlite3_value*> values, const edited_table::row* former);
  void encode(entry_part part, std::span<sqlite3_value*> values, const edited_table::row* former, byte_buffer& out);
  [[nodiscard]] std::int64_t insert(const std::shared_ptr<edited_table>& table, std::span<sqlite3_value*> values);
  [[nodiscard]] std::int64_t change(const std::shared_ptr<edited_table>& table, std::uint32_t row,
                                    std::span<sqlite3_value*> values);
  [[noreturn]] void refuse_key();

  sql_session session_;
  std::string name_;
  std::string job_;
  std::string operator_;
  std::string table_;
  std::int64_t schema_ = 0;
  entry_kind entries_ = entry_kind::value;
  std::vector<typed_column> columns_;

  bool editing_ = false; // a transaction
  std::shared_ptr<edit_tools> tools_;
};

} // namespace weir::inline v0
