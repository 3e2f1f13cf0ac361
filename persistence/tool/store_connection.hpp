// A connection to a store or a savepoint, with the functions of the SQL extension.
#pragma once

#include "result_printer.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct sqlite3;

namespace weir::tool {

/// A parameter of a statement.
using sql_value = std::variant<std::int64_t, double, std::string, std::vector<std::byte>>;
[[nodiscard]] inline sql_value whole(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}
[[nodiscard]] inline sql_value text_value(std::string text) {
  return text;
}
/// What somebody has typed, as a value of such a column: bytes are hexadecimal. None if it can't be one.
[[nodiscard]] std::optional<sql_value> value_from(const std::string& typed, std::string_view sql_type);

/// A column of a key, in a table of the SQL extension.
struct key_column {
  std::string name;
  std::string sql_type;
};

/// Reads only, as `sqlite3 -readonly` with `weir_sql` does, unless it is `to_edit`. One thread at a time. Errors:
/// path_error and store_error for a file that can't be used, usage_error for SQL that is wrong, io_error for what the
/// system refuses.
class store_connection {
public:
  /// Opens the file as `main`.
  explicit store_connection(const std::string& path);
  /// Opens the file as `store`, beside an empty `main` to which other files can be attached for writing.
  static store_connection beside_scratch(const std::string& path);
  /// Opens a savepoint as `main`, to change its state. Throws usage_error for a job's store.
  static store_connection to_edit(const std::string& path);

  /// The job whose store it is.
  [[nodiscard]] const std::string& job() const { return job_; }
  /// Whether it is a savepoint.
  [[nodiscard]] bool is_savepoint() const { return savepoint_; }
  /// The newest complete checkpoint; throws store_error if there is none.
  [[nodiscard]] std::int64_t newest_checkpoint();

  /// Runs one or several statements; the rows of those that have some go to the printer. Parameters are for the first.
  void run(const std::string& sql, result_printer& to, const std::vector<sql_value>& parameters = {});
  /// The same, without rows.
  void run(const std::string& sql, const std::vector<sql_value>& parameters = {});
  /// Runs one statement for each set of parameters that `next` gives, until it has none.
  void run_each(const std::string& sql, const std::function<const std::vector<cell>*()>& next);
  /// The first column of all rows.
  [[nodiscard]] std::vector<std::string> column(const std::string& sql, const std::vector<sql_value>& parameters = {});
  /// The columns of a state table's key.
  [[nodiscard]] std::vector<key_column> key_columns(const std::string& operator_name, const std::string& table);

private:
  struct closer {
    void operator()(sqlite3* connection) const;
  };
  store_connection() = default;
  void open(const std::string& path, int flags);
  void look_at(const std::string& path, const std::string& schema);
  [[noreturn]] void refuse(int code);

  std::unique_ptr<sqlite3, closer> connection_;
  std::string path_;
  std::string job_;
  bool savepoint_ = false;
};

/// A name as SQL takes it: `"a ""b"""`.
[[nodiscard]] std::string quoted_name(std::string_view name);

} // namespace weir::tool
