// weir_diff(job, operator, from, to, table): what changed in a job's state between two checkpoints.
#pragma once

#include "checkpoint_cache.hpp"
#include "state_difference.hpp"
#include "virtual_table.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The table behind `weir_diff`. A null operator stands for all.
class difference_function {
public:
  difference_function(const sql_session& session, std::span<const char* const>) : session_(session) {}

  [[nodiscard]] std::string declaration() const;
  [[nodiscard]] bool plan(sqlite3_index_info& info) const;

  class cursor {
  public:
    explicit cursor(const difference_function& of) : session_(of.session_) {}
    void filter(const given_values& given);
    [[nodiscard]] bool next();
    void column(sqlite3_context* context, int number);
    [[nodiscard]] std::int64_t row_id() const;

  private:
    struct pair_of_tables {
      std::string_view operator_name;
      std::string_view table;
      std::span<const chunk_row> before;
      std::span<const chunk_row> after;
    };
    void value(sqlite3_context* context, const state_entry& of, int number);

    sql_session session_;
    open_store store_;
    std::optional<store_view> view_;
    std::optional<schema_decoders> schemas_;
    std::shared_ptr<const checkpoint_chunks> before_;
    std::shared_ptr<const checkpoint_chunks> after_;
    std::vector<pair_of_tables> tables_;
    std::uint64_t first_row_ = 0;
    std::size_t table_ = 0;
    std::optional<state_difference> difference_;
    std::size_t change_ = 0;
  };

private:
  sql_session session_;
};

} // namespace weir::inline v0
