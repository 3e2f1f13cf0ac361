// Tests of the connection that SQLite sinks share: what a failed sync and a loss of power leave.
#include "scratch_folder.hpp"

#include "machines/faulty_disk.hpp"
#include <weir/operators/sink_database.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

using weir_test::faulty_disk;

namespace {

std::int64_t rows_of(weir::sink_database& database) {
  std::int64_t rows = 0;
  database.use([&](weir::sqlite_database& file) { rows = file.integer("SELECT count(*) FROM t"); });
  return rows;
}

void add_row(weir::sink_database& database) {
  database.use([](weir::sqlite_database& file) { file.exec("INSERT INTO t VALUES (1)"); });
}

/// A process ends: nothing that it does any more reaches the disk.
void die(faulty_disk& disk, std::unique_ptr<weir::sink_database>& database) {
  disk.freeze();
  database.reset();
  disk.thaw();
}

} // namespace

TEST_CASE("what a sink's next process reads after a failed sync is not taken away by a loss of power") {
  std::int64_t in_doubt = 0; // how often the next process read a row whose sync had failed
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    faulty_disk disk{"sink-database-disk"};
    disk.be_default();
    const weir_test::scratch_folder folder;
    std::filesystem::create_symlink(folder / "real.db", folder / "link.db");
    const std::string path = folder / (seed % 2 == 0 ? "real.db" : "link.db");
    auto database = std::make_unique<weir::sink_database>(folder / "real.db");
    database->use([](weir::sqlite_database& file) { file.exec("CREATE TABLE t(a)"); });
    add_row(*database);
    disk.arm({faulty_disk::operation::sync, faulty_disk::trouble::fail, 1, true});
    CHECK_THROWS_AS(add_row(*database), weir::io_error);
    die(disk, database);
    disk.disarm();

    database = std::make_unique<weir::sink_database>(path);
    const std::int64_t read = rows_of(*database);
    in_doubt += read == 2 ? 1 : 0;
    add_row(*database);
    die(disk, database);
    disk.lose_power(seed);

    database = std::make_unique<weir::sink_database>(path);
    CHECK(rows_of(*database) == read + 1);
    database.reset();
  }
  CHECK(in_doubt > 0);
}
