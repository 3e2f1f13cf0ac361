// What one connection has changed in savepoints and not committed yet.
#pragma once

#include "checkpoint_cache.hpp"
#include "edited_table.hpp"
#include "open_stores.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// The edits of a connection's transaction. Tables are read before they are first changed, changed in memory, and
/// written once, when the transaction is committed: SQLite then makes all of it durable or nothing. One thread at a
/// time.
class pending_edits {
public:
  explicit pending_edits(sqlite3* connection) : connection_(connection) {}

  /// Takes the right to write. Throws usage_error for what is no savepoint, and for one that can't be written now.
  void begin(const open_store& store);
  /// The table, if it was changed in this transaction.
  [[nodiscard]] std::shared_ptr<const edited_table> find(const open_store& store, std::string_view operator_name,
                                                         std::string_view table) const;
  /// The table, read if it was not yet; `name` is what people call it, `entries` what its schema says that it has. As
  /// `edited_table` throws.
  [[nodiscard]] std::shared_ptr<edited_table> open(const open_store& store, checkpoint_cache& checkpoints,
                                                   std::string_view operator_name, std::string_view table,
                                                   const std::string& name, entry_kind entries);
  /// Gives a row a value, or none; the value is copied.
  void change(const std::shared_ptr<edited_table>& table, std::uint32_t row,
              std::optional<std::span<const std::byte>> value);

  /// SQLite's savepoints within a transaction, which are numbered from the outermost; to mark one again changes
  /// nothing. To roll back to one before 0 is to roll back to the beginning: tables are to be opened again then.
  void mark(int savepoint);
  void roll_back_to(int savepoint);
  void release(int savepoint);

  /// The transaction is to be committed: writes what was changed since the last call.
  void write();
  /// The transaction is over.
  void end();
  /// Whether `write` is at work, or `begin`: else nobody may write to a store through this connection.
  [[nodiscard]] bool is_writing() const { return writing_; }

private:
  struct former_row {
    edited_table* table = nullptr;
    std::uint32_t number = 0;
    edited_table::row row;
  };
  struct marked {
    int savepoint = 0;
    std::size_t changes = 0;
  };
  struct store_tables {
    open_store store;
    std::vector<std::shared_ptr<edited_table>> tables;
  };

  sqlite3* connection_;
  bool writing_ = false;
  std::vector<store_tables> stores_;
  std::vector<former_row> changes_; ///< oldest first, from the outermost mark on
  std::vector<marked> marks_;
};

} // namespace weir::inline v0
