#include "edited_savepoint.hpp"

#include <weir/persistence/checkpoint_reader.hpp>
#include <weir/persistence/savepoint.hpp>

namespace sql_test {

std::filesystem::path savepoint_of(const char* name, const std::vector<weir::schema_record>& schemas,
                                   const std::vector<made_table>& tables, std::uint32_t parallelism, bool compress) {
  const auto folder = std::filesystem::current_path() / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  made_store store{folder / "made.weir"};
  store.plan(schemas, parallelism);
  store.checkpoint(tables);
  const auto path = folder / "made.save";
  static_cast<void>(
      weir::write_savepoint(folder / "made.weir", {}, path.string(), weir::wall_time{1'700'000'000'000'000}, compress));
  return path;
}

std::vector<std::string> problems(const std::filesystem::path& savepoint) {
  const auto reader = weir::checkpoint_reader::open(savepoint, weir::store_kind::savepoint);
  std::vector<std::string> found;
  for (const auto& checkpoint : reader.complete_checkpoints())
    for (const auto& problem : reader.verify(checkpoint.id))
      found.push_back(problem.what);
  if (!reader.newest_verified().id)
    found.emplace_back("no checkpoint");
  return found;
}

std::vector<std::string> chunks(const std::filesystem::path& savepoint) {
  return sql_connection{savepoint}.rows(
      "SELECT operator, table_name, subtask, parallelism, made_in, kind, key_group_first, key_group_last, entries, "
      "length, checksum, schema, created_in FROM chunks ORDER BY operator, table_name, subtask, id");
}

} // namespace sql_test
