// Tests of when sources that poll look again, if their intervals are as long as can be.
#include "record_samples.hpp"
#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/operators/follow.hpp>
#include <weir/operators/sqlite_rows.hpp>
#include <weir/operators/watch_folder.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace std::chrono_literals;
using weir_test::scratch_folder;

TEST_CASE("a source with the longest interval that there is does not look again") {
  const scratch_folder folder;
  const std::string database = folder / "rows.db";
  weir::sqlite_database::open(database, weir::sqlite_access::create)
      .exec("CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)");
  const weir::processing_time now{1'700'000'000s};
  for (const auto interval : {std::chrono::milliseconds::max(), std::chrono::milliseconds::max() / 1000 + 1ms}) {
    const auto follow = weir::follow{folder / "log"}.poll_interval(interval);
    const auto watch = weir::watch_folder{folder.path().string()}.matching("none").poll_interval(interval);
    const auto rows = weir::sqlite_rows<weir_test::point>{database, "t"}.keep_reading(interval);
    const auto next = [&](const weir::any_source& source, weir::any_collector& out) {
      const auto reader = source.open_split(source.enumerate(1).at(0), {}, now);
      CHECK(reader->read(out, 1) == weir::read_status::later);
      CHECK(reader->read(out, 1) == weir::read_status::later);
      return reader->next_at();
    };
    weir::collector<std::string> out;
    weir_test::record_list<std::string> list;
    out.connect(list, 1);
    weir::collector<weir_test::point> points;
    weir_test::record_list<weir_test::point> point_list;
    points.connect(point_list, 1);
    CHECK(next(*follow.source(), out) == weir::processing_time::max());
    CHECK(next(*watch.source(), out) == weir::processing_time::max());
    CHECK(next(*rows.source(), points) == weir::processing_time::max());
    CHECK(follow.problems().empty());
  }
}
