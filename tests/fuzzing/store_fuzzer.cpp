// Opens damaged stores, and any bytes as a store. What is handed out is what was stored; all else is refused. Where a
// store opens, life goes on in it.
#include "damaged_store.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"

#include <weir/persistence/checkpoint_reader.hpp>
#include <weir/persistence/checkpoint_store.hpp>

#include <algorithm>
#include <memory>

namespace {

using namespace weir_fuzz;

store_damager& damager() {
  static store_damager made;
  return made;
}

/// Reads all that there is. What was verified can be read.
void read_all(const weir::checkpoint_reader& reader, const store_damager::damage& damage) {
  const auto verified = reader.newest_verified();
  if (!damage.edited) {
    require(verified.id || damage.log_damaged, "a damaged store is not taken for an empty one");
    if (verified.id) {
      const auto expected = damager().contents().find(*verified.id);
      require(expected != damager().contents().end() && content_of(reader, *verified.id) == expected->second,
              "a checkpoint that verifies has the content that was stored");
    }
  } else if (verified.id) {
    static_cast<void>(content_of(reader, *verified.id));
  }
  for (const auto& each : reader.complete_checkpoints()) {
    const bool whole = reader.verify(each.id).empty();
    if (each.id == verified.id)
      require(whole, "what was verified verifies again");
    accepts([&] {
      const std::string content = content_of(reader, each.id);
      if (!damage.edited && damager().contents().contains(each.id))
        require(content == damager().contents().at(each.id), "no other content is handed out");
    });
    accepts([&] { static_cast<void>(reader.state_tables(each.id)); });
  }
  for (const auto& skipped : verified.skipped)
    require(!skipped.problems.empty() && !skipped.problems.front().what.empty(),
            "a checkpoint is passed over for a reason");
  static_cast<void>(reader.recorded_newest());
  accepts([&] { static_cast<void>(reader.schemas()); });
  accepts([&] { static_cast<void>(reader.operators()); });
  accepts([&] { static_cast<void>(reader.max_parallelism()); });
}

/// What the job does with the store that it found.
void go_on(weir::checkpoint_store& store) {
  const auto now = options_of({}).now;
  const auto verified = store.read().newest_verified();
  const std::string before = verified.id ? content_of(store.read(), *verified.id) : std::string{};
  const auto attempt = store.begin_attempt(store_region, now, verified.id);
  store.restore(verified.id, now);
  if (verified.id)
    require(content_of(store.read(), *verified.id) == before, "what is restored is what was verified");
  const auto fresh = take_checkpoint(store, attempt, "a-new-base");
  require(!verified.id || fresh > *verified.id, "ids grow");
  const auto next = take_checkpoint(store, attempt, "a-new-delta", fresh);
  while (store.prune(1, now).more) {
  }
  store.maintain();
  const auto found = store.read().newest_verified();
  require(found.id == next && found.skipped.empty(), "a checkpoint that was completed verifies");
  require(content_of(store.read(), next) == "a-new-base,a-new-delta", "and has its content");
  store.end_run(weir::run_status::stopped, now);
}

void open_and_use(const store_damager::damage& damage) {
  accepts([&] { read_all(weir::checkpoint_reader::open(damage.file), damage); });
  accepts([&] {
    auto store = weir::checkpoint_store::open(options_of(damage.file));
    require(store.opened().resumed, "a file that is there is resumed or refused");
    accepts([&] { read_all(store.read(), damage); });
    if (!damage.edited && (!damage.note_damaged || !damage.log_damaged)) {
      const auto verified = store.read().newest_verified();
      require(verified.id == damager().contents().rbegin()->first || !verified.skipped.empty(),
              "a checkpoint that was completed is there, or it is said that it is not");
    }
    go_on(store);
  });
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{as_bytes(data, size)};
  switch (input.byte()) {
  case 0:
    open_and_use(damager().make(input, left_behind::closed));
    return 0;
  case 1:
    open_and_use(damager().make(input, left_behind::crashed));
    return 0;
  case 2:
    open_and_use(damager().write(as_text(input.rest())));
    return 0;
  default:
    return -1;
  }
}
