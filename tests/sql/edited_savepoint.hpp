// Savepoints that tests edit: made of state that is given, and looked at again.
#pragma once

#include "made_store.hpp"
#include "sql_connection.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sql_test {

/// The savepoint of a job with this state at this parallelism, in a new folder of this name.
std::filesystem::path savepoint_of(const char* name, const std::vector<weir::schema_record>& schemas,
                                   const std::vector<made_table>& tables, std::uint32_t parallelism = 2,
                                   bool compress = false);

/// What is wrong with it, as a job's start finds it: a line each.
std::vector<std::string> problems(const std::filesystem::path& savepoint);

/// What its chunks are: a line each, without their ids. Equal state gives equal lines.
std::vector<std::string> chunks(const std::filesystem::path& savepoint);

} // namespace sql_test
