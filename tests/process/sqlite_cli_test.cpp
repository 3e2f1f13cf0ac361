// The stock sqlite3 program reads a store while its job runs and after, and cannot change it.
#include "process/counting_process.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::child_process;
using weir_test::program_result;
using weir_test::run_program;
using weir_test::scratch_folder;

namespace {

class store_reader {
public:
  explicit store_reader(const scratch_folder& folder) : folder_(folder), store_(folder / "counting.weir") {}

  [[nodiscard]] program_result sqlite(const std::vector<std::string>& options, const std::string& sql) const {
    std::vector<std::string> command{"/usr/bin/sqlite3"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(store_);
    command.push_back(sql);
    return run_program(command, folder_ / "sqlite3");
  }
  /// What `sqlite3 -readonly` prints, which must say nothing on stderr.
  [[nodiscard]] std::string read(const std::string& sql) const {
    const auto result = sqlite({"-readonly", "-cmd", ".timeout 10000"}, sql);
    INFO(sql << ": " << result.err);
    CHECK(result.code == 0);
    CHECK(result.err == "");
    return result.out;
  }
  [[nodiscard]] std::size_t lines(const std::string& sql) const {
    const std::string out = read(sql);
    return static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
  }

private:
  const scratch_folder& folder_;
  std::string store_;
};

void look_at_everything(const store_reader& store) {
  CHECK(store.lines("SELECT * FROM job_overview") == 1);
  CHECK(store.lines("SELECT id, \"trigger\", status, started, duration_ms, bytes FROM checkpoint_overview"
                    " WHERE status = 'complete' AND duration_ms > 0 AND started LIKE '20__-__-__ __:__:__.___'") >= 2);
  CHECK(store.lines("SELECT * FROM checkpoint_overview WHERE status = 'complete' AND bytes > 0") >= 1);
  CHECK(store.lines("SELECT task, subtask, acknowledged, after_ms, start_delay_ms, alignment_ms, wait_ms, encode_ms,"
                    " write_ms, bytes FROM acknowledgement_overview WHERE after_ms >= 0 AND start_delay_ms >= 0 AND"
                    " alignment_ms >= 0 AND wait_ms >= 0 AND encode_ms >= 0 AND write_ms >= 0") >= 4);
  // Everyone of a complete checkpoint has acknowledged.
  CHECK(store.read("SELECT count(*) FROM checkpoint_overview c WHERE c.status = 'complete' AND c.subtasks <> (SELECT"
                   " count(*) FROM acknowledgement_overview a WHERE a.checkpoint = c.id) AND EXISTS (SELECT 1 FROM"
                   " acknowledgement_overview a WHERE a.checkpoint = c.id)") == "0\n");
  CHECK(store.lines("SELECT * FROM failure_overview") == 1);
  CHECK(store.lines(
            "SELECT time, message FROM failure_overview WHERE operator = 'fragile' AND message LIKE '%once%'") == 1);
  CHECK(store.lines("SELECT * FROM recovery_overview WHERE detected_ms <= stopped_ms AND stopped_ms <= respawned_ms AND"
                    " respawned_ms <= loaded_ms AND loaded_ms <= first_output_ms AND message LIKE '%once%'") == 1);
  CHECK(store.lines("SELECT * FROM state_overview WHERE operator = 'counts'") == 1);
  CHECK(store.read("PRAGMA integrity_check") == "ok\n");
  CHECK(store.read("PRAGMA foreign_key_check").empty());
}

} // namespace

TEST_CASE("sqlite3 shows a store while its job runs and after, and changes nothing in it") {
  if (!std::filesystem::exists("/usr/bin/sqlite3")) {
    WARN("not tried: there is no /usr/bin/sqlite3");
    return;
  }
  const scratch_folder folder;
  const store_reader store{folder};
  weir_test::counting parts;
  parts.folder = folder.path().string();
  parts.records = 200'000;
  {
    child_process job{counting_command(parts, {"--rate", "20000", "--fail-once-at", "1000"}), folder / "job"};
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    const auto seen = [&] {
      return std::filesystem::exists(counting_store(parts)) &&
             store.sqlite({"-readonly"},
                          "SELECT 'ready' WHERE EXISTS (SELECT 1 FROM recoveries WHERE first_output_us > 0)"
                          " AND (SELECT count(*) FROM checkpoints WHERE status = 'complete') >= 3")
                     .out == "ready\n";
    };
    while (!seen()) {
      INFO(job.standard_error());
      REQUIRE_FALSE(job.wait_for(20ms));
      REQUIRE(std::chrono::steady_clock::now() < deadline);
    }
    look_at_everything(store);
    // Even a connection that could write leaves the store as it is, and the job alone.
    for (const std::string sql : {"DELETE FROM chunks", "UPDATE checkpoints SET status = 'failed'", "DELETE FROM runs",
                                  "INSERT INTO failures (run, time, kind, message) VALUES (1, 1, 'x', 'y')"}) {
      const auto refused = store.sqlite({"-cmd", ".timeout 10000"}, sql);
      CHECK(refused.code != 0);
      CHECK(refused.err != "");
    }
    CHECK(store.sqlite({"-cmd", ".timeout 10000"}, "SELECT count(*) FROM runs").out == "1\n");
    REQUIRE_FALSE(job.wait_for(0us));
    job.signal(SIGTERM);
    const auto end = job.wait_for(30s);
    INFO(job.standard_error());
    REQUIRE(end);
    CHECK(end->code == 0);
  }
  look_at_everything(store);
  CHECK(store.read("SELECT status FROM job_overview") == "stopped\n");
  CHECK(store.sqlite({}, "DELETE FROM chunk_bytes").code != 0);
  CHECK(store.sqlite({}, "UPDATE runs SET status = 'finished'").code != 0);
  const auto again = run_program(counting_command(parts), folder / "again");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(fault_in_output(parts) == "");
}
