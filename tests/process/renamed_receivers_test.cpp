// Operators that were renamed between two starts of a run, while a checkpoint has batches that were on their way to
// them.
#include "process/actor_host.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/generator.hpp>
#include <weir/operators/job.hpp>
#include <weir/operators/text_files.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <semaphore>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
using Catch::Contains;
using weir_test::actor_host;
using weir_test::database;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t records = 20'000;

/// Numbers as text, by an operator of this name that has no state.
weir::job texts_of_numbers(const fs::path& folder, const std::function<void()>& on_record, const std::string& name,
                           const std::string& former_name = {}) {
  weir::job job{"texts"};
  job.source("numbers", weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }}, {.parallelism = 1})
      .rebalance()
      .map(name,
           [on_record](std::uint64_t n) {
             on_record();
             return std::to_string(n);
           },
           {.renamed_from = former_name})
      .sink("files", weir::text_files{(folder / "files").string()});
  return job;
}

/// What is wrong with the files of a job that has finished; empty: nothing.
std::string fault_in_files(const fs::path& folder) {
  std::map<std::string, int> lines;
  for (const auto& file : fs::recursive_directory_iterator(folder / "files"))
    if (file.is_regular_file() && file.path().filename().string().front() != '.') {
      std::istringstream text{scratch_folder::read(file.path().string())};
      for (std::string line; std::getline(text, line);)
        ++lines[line];
    }
  for (std::uint64_t n = 0; n != records; ++n)
    if (const int there = lines[std::to_string(n)]; there != 1)
      return std::to_string(n) + " is there " + std::to_string(there) + " times";
  return lines.size() == records ? "" : "there are lines that nobody wrote";
}

} // namespace

TEST_CASE("records on their way to a renamed operator are refused without its former name, and come with it") {
  const scratch_folder folder;
  weir::job_options options;
  options.store = folder / "texts.weir";
  options.parallelism = 2;
  options.batch_size = 256;
  options.checkpoint_interval = 20ms;
  options.unaligned = true;
  {
    // Each record takes a permit. They become rare, so that batches wait wherever they can.
    std::counting_semaphore<> permits{1024};
    actor_host host{4}; // the operator waits on two of its threads
    weir::job_handle running = host.jobs().start(texts_of_numbers(
                                                     folder.path(), [&] { permits.acquire(); }, "texts"),
                                                 options);
    const job_guard guard{running};
    const auto in_flight = [&] {
      permits.release(4);
      return running.status().checkpoints > 3 &&
             database{options.store}.integer("SELECT count(*) FROM chunks WHERE table_name LIKE 'in-flight-to-texts%' "
                                             "AND dropped_in IS NULL") > 0;
    };
    const bool found = eventually(running, in_flight);
    running.cancel();
    permits.release(records);
    REQUIRE(running.wait_for(30s));
    INFO(host.log());
    REQUIRE(found);
  }

  actor_host host;
  options.drop_state = true;
  CHECK_THROWS_WITH(host.jobs().start(texts_of_numbers(
                                          folder.path(), [] {}, "lines"),
                                      options),
                    Contains("records on their way to operator \"texts\"") && Contains("{.renamed_from = \"texts\"}") &&
                        Contains("start the former program once more"));
  options.drop_state = false;
  weir::job_handle running = host.jobs().start(texts_of_numbers(
                                                   folder.path(), [] {}, "lines", "texts"),
                                               options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(fault_in_files(folder.path()) == "");
}
