// The job counts two thousand numbers and takes a checkpoint every few hundred.
#include "store_faults/faulty_job.hpp"

#include "unit/checkpoint_store_fixture.hpp"

#include <weir/persistence/error.hpp>

#include <chrono>
#include <optional>
#include <thread>

namespace store_faults {

using namespace std::chrono_literals;
using weir_test::counting;
using weir_test::faulty_disk;

/// How a start went.
struct faulty_jobs::result {
  enum class end : std::uint8_t { finished, failed, refused, stuck };
  end is = end::finished;
  std::string reason;
  std::optional<weir::checkpoint_id> resumed;
  std::optional<weir::checkpoint_id> newest; ///< that was reported complete
};

faulty_jobs::faulty_jobs() : disk_("weir-job") {
  disk_.be_default();
  const store_test::temporary_folder folder{store_test::fast_place()};
  counting parts;
  parts.folder = folder.path().string();
  parts.records = 2'000;
  if (const auto good = run_once(parts); good.is != result::end::finished)
    failures_.push_back("without a fault: " + good.reason);
  for (int o = 0; o != faulty_disk::operation_kinds; ++o)
    operations_.at(static_cast<std::size_t>(o)) = disk_.count(static_cast<faulty_disk::operation>(o));
}

faulty_jobs::result faulty_jobs::run_once(const counting& parts) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  options.checkpoint_interval = 0us;
  options.checkpoint_records = 400;
  options.batch_size = 50;
  options.restart = weir::fixed_delay_restart{3, 1ms};
  result done;
  try {
    auto job = host_.jobs().start(counting_job(parts), options);
    const weir_test::job_guard guard{job};
    done.resumed = job.status().resumed_from;
    if (!job.wait_for(30s))
      return {result::end::stuck, "it does not end", {}, {}};
    const auto status = job.status();
    done.newest = status.newest_checkpoint;
    if (status.state != weir::job_state::finished) {
      done.is = result::end::failed;
      done.reason = status.failure;
    }
  } catch (const weir::error& e) {
    return {result::end::refused, e.what(), {}, {}};
  }
  return done;
}

void faulty_jobs::run(const faulty_disk::fault& fault, then what) {
  const store_test::temporary_folder folder{store_test::fast_place()};
  counting parts;
  parts.folder = folder.path().string();
  parts.records = 2'000;
  disk_.reset_counts();
  disk_.on_delay([&] {
    if (fault.what == faulty_disk::trouble::delayed)
      std::this_thread::sleep_for(1ms); // a slow disk
    if (what != then::goes_on)
      disk_.freeze();
  });
  disk_.arm(fault);
  if (what != then::goes_on) { // somewhere: mostly the end comes before the fault or long after it
    const long changes = operations(faulty_disk::operation::write) + operations(faulty_disk::operation::sync);
    disk_.arm({faulty_disk::changes(), faulty_disk::trouble::delayed, 1 + (++kills_ * 37) % changes});
  }
  const auto first = run_once(parts);
  disk_.disarm();
  disk_.on_delay({});
  const bool frozen = disk_.frozen();
  if (disk_.happened(fault.what) == 0 && !frozen)
    return; // threads take turns: this time there were not so many
  disk_.thaw();
  if (what == then::loses_power)
    disk_.lose_power(++seed_);
  if (disk_.happened(fault.what) > 0)
    ++happened_[to_text(fault.what)];
  if (frozen)
    ++happened_[what == then::loses_power ? "power lost" : "killed"];
  ++(first.is == result::end::finished ? finished_ : first.is == result::end::failed ? failed_ : refused_);
  const auto fail = [&](const std::string& fault_found) {
    failures_.push_back(fault_found + " [" + to_text(fault.what) + " at " + std::to_string(fault.nth) +
                        (fault.from_then_on ? " and from then on" : "") + ", end " +
                        std::to_string(static_cast<int>(what)) + ", seed " + std::to_string(seed_) +
                        ", last: " + disk_.last_trouble() + "; first start: " + first.reason + "]\n" + host_.log());
  };
  if (first.is == result::end::stuck)
    return fail("the job hangs");
  if (first.is != result::end::finished && first.reason.empty())
    return fail("the job fails without a reason");
  const auto second = run_once(parts);
  if (second.is != result::end::finished)
    return fail("on a good disk: " + second.reason);
  if (first.is != result::end::finished &&
      first.newest.value_or(weir::checkpoint_id{}) > second.resumed.value_or(weir::checkpoint_id{}))
    return fail("checkpoint " + to_string(*first.newest) + " was complete, and the job resumed from an older one");
  if (const auto wrong = fault_in_output(parts); !wrong.empty())
    fail(wrong);
}

std::string faulty_jobs::summary() const {
  std::string text = "jobs on faulty disks: " + std::to_string(finished_) + " finished, " + std::to_string(failed_) +
                     " failed, " + std::to_string(refused_) + " refused;";
  for (const auto& [what, n] : happened_)
    text += " " + what + " " + std::to_string(n);
  return text;
}

} // namespace store_faults
