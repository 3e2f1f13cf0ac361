// How fast SQL reads decoded state: sql_bench [keys] [rounds] [weir_sql.so]
#include <weir/weir.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// Counts each key twice: as a base only, or with checkpoints on the way, so that deltas lie upon it.
template <class Key>
void make_store(const std::string& path, std::uint64_t keys, bool deltas,
                const std::function<Key(std::uint64_t)>& key_of) {
  const std::uint64_t records = keys * 2;
  auto numbers = weir::generator<Key>{records, [=](std::uint64_t i) { return key_of(mixed(i % keys)); }};
  if (deltas)
    numbers = std::move(numbers).rate(static_cast<double>(records) / 3); // so that it takes three seconds
  weir::job job{"bench"};
  job.source("numbers", std::move(numbers))
      .key_by(std::identity{})
      .count("counts")
      .sink("nowhere", weir::callback{[](const weir::counted<Key>&) {}});
  const char* arguments[] = {
      "bench", "--store", path.c_str(), "--log-level", "off", "--checkpoint-interval", deltas ? "250ms" : "0"};
  if (weir::run(job, 7, arguments) != 0)
    throw std::runtime_error("the job failed");
}

class connection {
public:
  connection(const std::string& path, const std::string& extension) {
    if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK)
      fail();
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
    if (sqlite3_load_extension(handle_, extension.c_str(), nullptr, nullptr) != SQLITE_OK)
      fail();
    run("SELECT weir_views('bench')");
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { sqlite3_close(handle_); }

  /// The first column of the first row; all rows are read.
  std::int64_t run(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      fail();
    std::int64_t first = 0;
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
      first = sqlite3_column_int64(statement, 0);
    while (result == SQLITE_ROW)
      result = sqlite3_step(statement);
    if (result != SQLITE_DONE)
      fail();
    sqlite3_finalize(statement);
    return first;
  }

private:
  [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(handle_)); }
  sqlite3* handle_ = nullptr;
};

void measure(connection& store, const char* what, const std::string& sql, std::uint64_t rows, int rounds) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    store.run(sql);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  if (rows > 1)
    std::printf("%-28s %9.2f ms %8.2f M rows/s\n", what, best * 1e3, static_cast<double>(rows) / best / 1e6);
  else
    std::printf("%-28s %9.2f ms\n", what, best * 1e3);
}

void measure_all(const std::string& path, const std::string& extension, const char* keys_are, std::uint64_t keys,
                 int rounds, const std::string& one_key) {
  connection store{path, extension};
  std::printf(
      "%llu keys, %s, %lld entries of deltas; best of %d\n", static_cast<unsigned long long>(keys), keys_are,
      static_cast<long long>(store.run("SELECT sum(delta_entries) FROM state_overview WHERE operator = 'counts'")),
      rounds);
  if (static_cast<std::uint64_t>(store.run("SELECT count(*) FROM counts_state")) != keys)
    throw std::runtime_error("the store has another number of keys");
  measure(store, "count(*)", "SELECT count(*) FROM counts_state", keys, rounds);
  measure(store, "count(*), sum(count)", "SELECT count(*), sum(count) FROM counts_state", keys, rounds);
  measure(store, "max(key), sum(count)", "SELECT max(key), sum(count) FROM counts_state", keys, rounds);
  measure(store, "ten largest", "SELECT key, count FROM counts_state ORDER BY count DESC LIMIT 10", keys, rounds);
  measure(store, "weir_state, count(*)", "SELECT count(*) FROM weir_state('bench', 'counts')", keys, rounds);
  measure(store, "weir_state, sum(value->>…)",
          "SELECT count(*), sum(value ->> 'count') FROM weir_state('bench', 'counts')", keys, rounds);
  measure(store, "one key", "SELECT count FROM counts_state WHERE key = " + one_key, 1, rounds);
}

} // namespace

int main(int argc, char** argv) {
  try {
    const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
    const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib/weir_sql.so";
    const std::string extension = argc > 3 ? argv[3] : beside.string();
    std::string folder = (std::filesystem::temp_directory_path() / "weir-sql-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
      throw std::runtime_error("no temporary folder");
    const auto number = [](std::uint64_t n) { return n >> 1; };
    const std::string one_number = std::to_string(number(mixed(keys / 2)));
    make_store<std::uint64_t>(folder + "/numbers.weir", keys, false, number);
    measure_all(folder + "/numbers.weir", extension, "u64", keys, rounds, one_number);
    make_store<std::uint64_t>(folder + "/deltas.weir", keys, true, number);
    measure_all(folder + "/deltas.weir", extension, "u64, with deltas", keys, rounds, one_number);
    make_store<std::string>(folder + "/texts.weir", keys, false, [](std::uint64_t n) { return std::to_string(n); });
    measure_all(folder + "/texts.weir", extension, "text", keys, rounds, "'" + std::to_string(mixed(keys / 2)) + "'");
    std::filesystem::remove_all(folder);
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "sql_bench: %s\n", problem.what());
    return 1;
  }
}
