// weir_state(job, operator, table): the decoded state of a job, a row an entry.
#pragma once

#include "checkpoint_cache.hpp"
#include "table_scan.hpp"
#include "virtual_table.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The table behind `weir_state`. Without an operator or a table it has those of all; `checkpoint = n` chooses the
/// checkpoint, which is the newest otherwise; `key = …` reads only what can have that key.
class state_function {
public:
  state_function(const sql_session& session, std::span<const char* const>) : session_(session) {}

  [[nodiscard]] std::string declaration() const;
  [[nodiscard]] bool plan(sqlite3_index_info& info) const;

  class cursor {
  public:
    explicit cursor(const state_function& of) : session_(of.session_) {}
    void filter(const given_values& given);
    [[nodiscard]] bool next();
    void column(sqlite3_context* context, int number);
    [[nodiscard]] std::int64_t row_id() const;

  private:
    sql_session session_;
    open_store store_;
    std::optional<store_view> view_;
    std::optional<schema_decoders> schemas_;
    std::shared_ptr<const checkpoint_chunks> checkpoint_;
    std::uint64_t first_row_ = 0;
    std::vector<table_chunks> tables_;
    std::size_t table_ = 0;
    std::vector<wanted_column> wanted_key_;
    std::string wanted_key_bytes_;
    std::optional<table_scan> scan_;
  };

private:
  sql_session session_;
};

/// The word for a kind of entry.
[[nodiscard]] std::string_view to_text(entry_kind kind);

} // namespace weir::inline v0
