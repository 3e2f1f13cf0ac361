// Makes a savepoint whose state is a CSV file's.
#include "commands.hpp"

#include "../error.hpp"
#include "../savepoint.hpp"
#include "csv_rows.hpp"
#include "store_connection.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace weir::tool {

namespace {

std::string text_literal(const std::string& text) {
  std::string made = "'";
  for (const char c : text)
    made += c == '\'' ? "''" : std::string(1, c);
  return made + "'";
}

/// A blob's, which CSV has in hexadecimal. False if the text is none.
bool to_bytes(std::string& text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (digit(text[i]) < 0 || digit(text[i + 1]) < 0)
      return false;
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  if (text.size() % 2 != 0)
    return false;
  text = std::move(bytes);
  return true;
}

/// Inserts the rows of the file; how many there were.
std::uint64_t insert_rows(store_connection& open, const std::string& table, csv_rows& rows, const std::string& csv) {
  const std::vector<std::string> known = open.column("SELECT name FROM pragma_table_info(?)", {text_value(table)});
  const std::vector<std::string> blobs =
      open.column("SELECT name FROM pragma_table_info(?) WHERE type = 'BLOB'", {text_value(table)});
  std::string listed;
  for (const std::string& name : known)
    listed += (listed.empty() ? "" : ", ") + name;
  std::string sql;
  std::string values;
  std::vector<bool> in_bytes;
  for (const std::string& name : rows.names()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw usage_error({"the column \"" + name + "\"", "one of the state's: " + listed, "another", "rename it"});
    sql += (sql.empty() ? "" : ", ") + quoted_name(name);
    values += values.empty() ? "?" : ", ?";
    in_bytes.push_back(std::find(blobs.begin(), blobs.end(), name) != blobs.end());
  }
  std::vector<cell> cells(rows.names().size());
  std::uint64_t count = 0;
  const auto next = [&]() -> const std::vector<cell>* {
    const auto* row = rows.next();
    if (row == nullptr)
      return nullptr;
    ++count;
    for (std::size_t i = 0; i != cells.size(); ++i) {
      const std::optional<std::string>& field = (*row)[i];
      cells[i] = {field ? cell::kind::text : cell::kind::null, field.value_or("")};
      if (field && in_bytes[i]) {
        if (!to_bytes(cells[i].text))
          throw usage_error({rows.names()[i], "bytes in hexadecimal", *field, ""});
        cells[i].what = cell::kind::bytes;
      }
    }
    return &cells;
  };
  try {
    open.run_each("INSERT INTO temp." + quoted_name(table) + " (" + sql + ") VALUES (" + values + ")", next);
  } catch (const usage_error& problem) {
    throw usage_error({"row " + std::to_string(rows.number()) + " of " + csv, "", problem.what(), ""});
  }
  return count;
}

} // namespace

void import_state(const std::string& savepoint, const std::string& csv, const std::string& to,
                  const import_choice& choice) {
  csv_rows rows{csv};
  std::uint64_t count = 0;
  edit_copy(savepoint, to, [&](const std::string& draft) {
    store_connection open = store_connection::to_edit(draft);
    const auto make_table = [&](const std::string& name, const std::string& operator_name, const std::string& table) {
      open.run("CREATE VIRTUAL TABLE temp." + quoted_name(name) + " USING weir_table(" + text_literal(open.job()) +
               ", " + text_literal(operator_name) + (table.empty() ? "" : ", " + text_literal(table)) + ")");
    };
    make_table(choice.operator_name, choice.operator_name, choice.table);
    const std::vector<std::string> sources =
        open.column("SELECT DISTINCT operator FROM main.chunks WHERE table_name = 'splits'");
    for (std::size_t i = 0; choice.anew && i != sources.size(); ++i)
      make_table("positions " + std::to_string(i), sources[i], "splits");
    open.run("BEGIN");
    if (!choice.keep)
      open.run("DELETE FROM temp." + quoted_name(choice.operator_name));
    for (std::size_t i = 0; choice.anew && i != sources.size(); ++i)
      open.run("DELETE FROM temp." + quoted_name("positions " + std::to_string(i)));
    count = insert_rows(open, choice.operator_name, rows, csv);
    open.run("COMMIT");
  });
  std::printf("%s: %llu entries of %s from %s\n", to.c_str(), static_cast<unsigned long long>(count),
              choice.operator_name.c_str(), csv.c_str());
}

} // namespace weir::tool
