// The script, its account, and the comparison of the account with a store that was opened again.
#include "store_faults/store_life.hpp"

#include "unit/checkpoint_store_fixture.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <algorithm>
#include <functional>

namespace store_faults {

using namespace weir;
using store_test::at;

namespace {

constexpr region_id region{0};

/// Runs a command; what it throws is counted, and the command has not happened.
template <class Command>
bool tried(account& told, Command command) {
  try {
    command();
    return true;
  } catch (const io_error&) {
  } catch (const store_error&) {
  }
  ++told.refused;
  return false;
}

void note(std::string& place, std::string what) {
  if (place.empty())
    place = std::move(what);
}

/// Some checkpoints are larger than a page.
std::string content_of(checkpoint_id id, const char* kind) {
  return kind + to_string(id) + std::string(id.value % 3 == 0 ? 40'000 : 900, '.');
}

std::string text_of(const std::vector<skipped_checkpoint>& skipped) {
  std::string all;
  for (const auto& s : skipped)
    all += " " + to_string(s.id) + ": " + s.problems.front().what + ";";
  return all;
}

/// Opens a checkpoint, writes it as a delta if the store takes one, and completes it unless it is to be aborted.
std::optional<checkpoint_id> take(checkpoint_store& store, account& told, attempt_id attempt,
                                  std::optional<checkpoint_id> parent, bool base, bool abort) {
  checkpoint_id id;
  if (!tried(told, [&] { id = store.open_checkpoint(checkpoint_trigger::interval, at(1)); }))
    return parent;
  if (id <= told.given)
    note(told.broken, "checkpoint id " + to_string(id) + " was given before");
  told.given = std::max(told.given, id);
  std::optional<write_result> result;
  std::string content;
  const auto write = [&](bool as_base) {
    content = content_of(id, as_base ? "base " : "delta ");
    told.states[id] = as_base ? content : told.states[*parent] + "," + content;
    const auto snapshot =
        as_base ? store_test::base(id, attempt, content) : store_test::delta(id, attempt, *parent, content);
    tried(told, [&] { result = store.write(snapshot, at(2)); });
  };
  write(base || !parent);
  if (result == write_result::refused_parent)
    write(true);
  if (!result) { // nobody knows whether it is there: what comes next is a base
    told.unsure = id;
    tried(told, [&] { store.fail_checkpoint(id, checkpoint_status::failed, "not written", {}, at(3)); });
    return std::nullopt;
  }
  if (result != write_result::stored && told.may_be_damaged) { // it says that it cannot
    ++told.refused;
    return std::nullopt;
  }
  if (result != write_result::stored) {
    note(told.broken, "checkpoint " + to_string(id) + " was " + std::string{to_text(*result)});
    return std::nullopt;
  }
  told.acknowledged[id] = content;
  if (abort) {
    tried(told, [&] { store.fail_checkpoint(id, checkpoint_status::aborted, "late", {}, at(3)); });
    return id;
  }
  told.tried = id;
  if (tried(told, [&] { (void)store.complete(id, store_test::expect(), at(3)); })) {
    told.completed.insert(id);
    tried(told, [&] { store.committed(id, at(4)); });
  } else {
    tried(told, [&] { store.fail_checkpoint(id, checkpoint_status::failed, "not completed", {}, at(4)); });
  }
  tried(told, [&] {
    (void)store.prune(2, at(5));
    store.maintain();
  });
  return id;
}

/// The bytes of the chunk that was made for a checkpoint.
std::string chunk_made_in(sqlite_database& database, checkpoint_id id) {
  auto query =
      database.prepare("SELECT b.bytes FROM chunks c JOIN chunk_bytes b ON b.chunk = c.id WHERE c.made_in = ?");
  if (!query.with(id).step())
    return {};
  const auto bytes = query.bytes(0);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What the tables lack of what was promised.
std::string missing_rows(const store_options& options, const account& told) {
  auto database = sqlite_database::open(options.path.string(), sqlite_access::read_only, options.vfs);
  if (const auto said = database.text("PRAGMA integrity_check"); said != "ok")
    return "integrity_check: " + said;
  for (const auto& [id, content] : told.acknowledged) {
    auto query = database.prepare("SELECT 1 FROM acknowledgements WHERE checkpoint = ?");
    if (!query.with(id).step())
      return "the acknowledgement of checkpoint " + to_string(id) + " is gone";
  }
  // A base that may be there would have made it garbage.
  if (!told.acknowledged.empty() && told.unsure < told.acknowledged.rbegin()->first)
    if (const auto& [id, content] = *told.acknowledged.rbegin(); chunk_made_in(database, id) != content)
      return "the acknowledged chunk of checkpoint " + to_string(id) + " is gone or differs";
  for (const auto id : told.failures) {
    auto query = database.prepare("SELECT 1 FROM failures WHERE id = ?");
    if (!query.with(id).step())
      return "failure " + to_string(id) + " is gone";
  }
  return {};
}

finding broke(std::string fault) {
  return {outcome::broke, std::move(fault), {}};
}

/// Whether the checkpoints of a store are the promised ones.
finding look_at_checkpoints(const checkpoint_store& store, const account& told) {
  const auto verified = store.read().newest_verified();
  finding found;
  if (!verified.skipped.empty())
    found = {outcome::fell_back, {}, text_of(verified.skipped)};
  if (!verified.skipped.empty() && !told.may_be_damaged)
    return broke("passed over:" + found.reason);
  const auto newest = verified.id.value_or(checkpoint_id{});
  if (!told.completed.empty() && newest < *told.completed.rbegin() && verified.skipped.empty())
    return broke("checkpoint " + to_string(*told.completed.rbegin()) + " was complete, and the newest is " +
                 to_string(newest));
  if (newest > told.tried)
    return broke("checkpoint " + to_string(newest) + " is complete, and nobody asked for that");
  if (!verified.id)
    return found;
  if (const auto state = told.states.find(newest);
      state == told.states.end() || store_test::contents(store.read(), newest) != state->second)
    return broke("the state of checkpoint " + to_string(newest) + " differs");
  if (!told.may_be_damaged)
    for (const auto& c : store.read().complete_checkpoints())
      if (!store.read().verify(c.id).empty() || store_test::contents(store.read(), c.id) != told.states.at(c.id))
        return broke("checkpoint " + to_string(c.id) + " is kept, and its state differs");
  return found;
}

} // namespace

std::optional<checkpoint_store> detail::begin_life(const store_options& options, account& told) {
  std::optional<checkpoint_store> store;
  if (!tried(told, [&] { store = checkpoint_store::open(options); }))
    return store;
  const bool began_before = std::exchange(told.began, true);
  if (began_before && !store->opened().resumed)
    note(told.broken, "the store began empty");
  if (began_before && store->opened().run_uuid != told.run && !told.may_be_damaged)
    note(told.broken, "the store has another run");
  told.run = store->opened().run_uuid;
  told.stopped = false;
  return store;
}

void detail::go_on(checkpoint_store& store, account& told, int checkpoints) {
  verified_checkpoint newest;
  if (!tried(told, [&] { newest = store.read().newest_verified(); }))
    return;
  if (!newest.skipped.empty() && !told.may_be_damaged)
    note(told.broken, "passed over:" + text_of(newest.skipped));
  const auto from = newest.id.value_or(checkpoint_id{});
  if (!told.completed.empty() && from < *told.completed.rbegin() && newest.skipped.empty())
    note(told.broken, "checkpoint " + to_string(*told.completed.rbegin()) + " is gone without a word");
  // What was passed over is abandoned.
  told.completed.erase(told.completed.upper_bound(from), told.completed.end());
  told.acknowledged.erase(told.acknowledged.upper_bound(from), told.acknowledged.end());
  attempt_id attempt;
  const bool begun = tried(told, [&] {
    store.group([&] {
      const std::vector<operator_record> operators{{"counts", "count", "counts", region, 1, ""}};
      store.register_plan(operators, std::vector<schema_record>{{"counts", "counts", R"({"type":"number"})"}}, 128);
      store.restore(newest.id, at(0));
      attempt = store.begin_attempt(region, at(0), newest.id);
    });
  });
  if (!begun)
    return;
  if (attempt <= told.attempt)
    note(told.broken, "attempt " + to_string(attempt) + " was given before");
  told.attempt = attempt;
  std::optional<checkpoint_id> parent = newest.id;
  for (int i = 0; i < checkpoints; ++i)
    parent = take(store, told, attempt, parent, i % 3 == 2, i % 3 == 1);
  tried(told, [&] {
    told.failures.insert(store.record_failure(
        {at(6), region, attempt, "counts", subtask_index{0}, "counts", "exception", "it was odd"}));
  });
  told.stopped = tried(told, [&] { store.end_run(run_status::stopped, at(7)); });
}

finding look_at(const store_options& options, const account& told) {
  if (!told.broken.empty())
    return broke(told.broken);
  const bool was_there = std::filesystem::exists(options.path);
  if (told.began && !was_there && !told.may_be_damaged)
    return broke("the file is gone");
  try {
    if (told.began && !told.may_be_damaged)
      if (auto missing = missing_rows(options, told); !missing.empty())
        return broke(missing);
    const auto store = checkpoint_store::open(options);
    if (store.opened().resumed != (was_there || told.began))
      return broke("the store began empty");
    auto found = look_at_checkpoints(store, told);
    if (told.began && store.opened().run_uuid != told.run)
      return broke("the store has another run");
    if (told.stopped && store.opened().status != run_status::stopped && !told.may_be_damaged)
      return broke("the end of the run is not noted");
    return found;
  } catch (const error& e) {
    return told.may_be_damaged ? finding{outcome::refused, {}, e.what()} : broke(std::string{"refused: "} + e.what());
  }
}

} // namespace store_faults
