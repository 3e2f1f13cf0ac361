// A disk that fails or is locked while a savepoint is written, and while a store begins with one.
#include "machines/faulty_disk.hpp"
#include "unit/checkpoint_store_fixture.hpp"

#include <weir/persistence/checkpoint_reader.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/savepoint.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

using namespace store_test;
using weir::checkpoint_id;
using weir::checkpoint_store;
using weir_test::faulty_disk;

namespace {

/// A store with a complete checkpoint.
void make_store(const std::filesystem::path& path) {
  checkpoint_store store = checkpoint_store::open(options_for(path));
  const weir::attempt_id attempt = store.begin_attempt(weir::region_id{0}, at(0), std::nullopt);
  const checkpoint_id id = store.open_checkpoint(weir::checkpoint_trigger::interval, at(1));
  REQUIRE(store.write(snapshot_of(id, attempt, 0, 1), at(2)) == weir::write_result::stored);
  static_cast<void>(store.complete(id, expect(1), at(3)));
}

/// Does the work with the nth operation of a kind in trouble, for every n. After each, `made` is whole, or is not
/// there. Returns how often the work failed.
int sweep(faulty_disk& disk, const std::filesystem::path& made, weir::store_kind kind,
          const std::function<void()>& work) {
  int failed = 0;
  using operation = faulty_disk::operation;
  using trouble = faulty_disk::trouble;
  for (const auto& [of, what] :
       {std::pair{operation::lock, trouble::delayed}, std::pair{operation::lock, trouble::fail},
        std::pair{operation::write, trouble::fail}, std::pair{operation::write, trouble::full},
        std::pair{operation::sync, trouble::fail}, std::pair{operation::truncate, trouble::fail},
        std::pair{operation::remove, trouble::fail}, std::pair{operation::open, trouble::fail}})
    for (const bool from_then_on : {false, true})
      for (long nth = 1, struck = 1; struck != 0; ++nth) {
        const long fault = disk.arm({of, what, nth, from_then_on});
        try {
          work();
        } catch (const weir::error&) {
          ++failed;
        }
        struck = disk.struck(fault);
        CAPTURE(disk.last_trouble(), nth, from_then_on);
        disk.disarm();
        std::error_code none;
        if (std::filesystem::exists(made, none))
          CHECK(weir::checkpoint_reader::open(made, kind).newest_verified().id == checkpoint_id{1});
        for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock", ".creating", ".creating-wal",
                                   ".creating-shm", ".creating-journal", ".creating.lock"})
          std::filesystem::remove(made.string() + suffix, none);
      }
  return failed;
}

} // namespace

TEST_CASE("whatever the disk does, a savepoint and the store that begins with it are whole, or are not there") {
  const temporary_folder folder{fast_place()};
  make_store(folder / "job.weir");
  faulty_disk disk{"savepoints"};
  disk.be_default();
  disk.remember_unsynced(false);
  const std::filesystem::path written = folder / "written.save";
  CHECK(sweep(disk, written, weir::store_kind::savepoint, [&] {
          static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, written.string(), at(9)));
        }) > 50);
  static_cast<void>(weir::write_savepoint(folder / "job.weir", std::nullopt, folder / "good.save", at(9)));
  const std::filesystem::path begun = folder / "begun.weir";
  CHECK(sweep(disk, begun, weir::store_kind::store, [&] {
          weir::store_options options = options_for(begun);
          options.savepoint = folder / "good.save";
          static_cast<void>(checkpoint_store::open(options));
        }) > 50);
}
