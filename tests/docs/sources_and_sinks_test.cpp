// The listings of docs/sources_and_sinks.md: they compile, and compose jobs without a problem.
#include <weir/operators/testing_sink.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct payment {
  std::uint64_t id = 0;
  std::string account;
  double amount = 0;
  std::chrono::sys_time<std::chrono::milliseconds> at;
  std::optional<std::string> note; // may be missing, null or empty
  WEIR_FIELDS(id, account, amount, at, note)
};

void read_csv(weir::job& job) {
  auto rows = weir::csv<payment>{"payments/*.csv.gz"}.delimiter(';').on_error(weir::bad_record::skip);
  job.source("payments", rows).sink("out", weir::json_lines_files{"payments-json"});
}

void divert_bad_lines(weir::job& job) {
  weir::side_output<weir::bad_line> bad{"bad"};
  auto payments = job.source("payments", weir::json_lines<payment>{"payments.jsonl"}.keep_bad_lines())
                      .process("good", weir::good_records<payment>{bad});
  payments.side(bad).sink("rejected", weir::csv_files{"rejected"});
  payments.sink("table", weir::sqlite_table{"payments.db", "payments"}.upsert("id"));
}

void follow_log(weir::job& job) {
  job.source("log", weir::follow{"/var/log/app.log"}.poll_interval(200ms)).sink("out", weir::text_files{"lines"});
}

void read_rows(weir::job& job) {
  auto rows = weir::sqlite_rows<payment>{"payments.db", "payments"}.order_by("id").keep_reading(1s);
  job.source("rows", rows).sink("out", weir::tcp_sink{"127.0.0.1", 4000});
}

void read_live(weir::job& job) {
  job.source("input", weir::standard_input{}).sink("out", weir::print{});
  job.source("folder", weir::watch_folder{"incoming"}.matching("*.log")).sink("lines", weir::text_files{"seen"});
  job.source("peers", weir::tcp_lines::listen(4001)).sink("received", weir::text_files{"received"});
  job.source("numbers", weir::from_range{1, 1000}).sink("numbers-out", weir::text_files{"numbers"});
}

void write_partitions(const weir::stream<payment>& payments) {
  payments.sink("by-account", weir::csv_files{"by-account"}
                                  .partition_by([](const payment& p) { return "account=" + p.account; })
                                  .roll_bytes(64 * 1024 * 1024));
}

// A sink of one's own; this one keeps its output in memory.
struct shelf {
  std::vector<std::string> visible;
  std::vector<std::pair<std::string, std::vector<std::string>>> prepared; // by its id
};

class shelf_writer final : public weir::sink_writer {
public:
  explicit shelf_writer(std::shared_ptr<shelf> to) : to_(std::move(to)) {}
  void write(weir::any_batch& records) override {
    for (const auto& record : weir::as<std::string>(records).values)
      written_.push_back(record);
  }
  std::string prepare(weir::checkpoint_id checkpoint) override {
    to_->prepared.emplace_back(to_string(checkpoint), std::exchange(written_, {}));
    return to_string(checkpoint);
  }
  void commit(const std::vector<weir::prepared_output>& prepared) override {
    for (const auto& each : prepared)
      for (auto& [id, records] : to_->prepared)
        if (id == each.id) {
          to_->visible.insert(to_->visible.end(), records.begin(), records.end());
          records.clear();
        }
  }

private:
  std::shared_ptr<shelf> to_;
  std::vector<std::string> written_;
};

class shelf_sink final : public weir::any_sink {
public:
  explicit shelf_sink(std::shared_ptr<shelf> to) : to_(std::move(to)) {}
  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return "Exactly once, as long as the process lives."; }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    auto writer = std::make_unique<shelf_writer>(to_);
    writer->commit(start.pending);
    return writer;
  }

private:
  std::shared_ptr<shelf> to_;
};

} // namespace

TEST_CASE("the listings of sources and sinks compose jobs without a problem") {
  weir::job job{"listings"};
  SECTION("csv") {
    read_csv(job);
  }
  SECTION("bad lines") {
    divert_bad_lines(job);
  }
  SECTION("follow") {
    follow_log(job);
  }
  SECTION("rows") {
    read_rows(job);
  }
  SECTION("live") {
    read_live(job);
  }
  SECTION("partitions") {
    write_partitions(job.source("payments", weir::csv<payment>{"payments.csv"}));
  }
  for (const auto& problem : job.graph().problems)
    UNSCOPED_INFO(problem.operator_name << ": " << problem.text.thing << ", " << problem.text.found);
  CHECK(job.graph().problems.empty());
}

TEST_CASE("the sink of the listings stands every crash between two steps") {
  auto output = std::make_shared<shelf>();
  weir::testing::two_phase_check<std::string> check;
  check.records = {"a", "b", "c", "d", "e", "f", "g"};
  check.make_sink = [&] {
    *output = {}; // a place of its own for each run
    return std::make_shared<shelf_sink>(output);
  };
  check.read_output = [&] { return output->visible; };
  check.expected = [&](std::size_t n) {
    return std::vector<std::string>(check.records.begin(), check.records.begin() + static_cast<std::ptrdiff_t>(n));
  };
  CHECK(weir::testing::check_two_phase_sink(check).runs > 15);
}
