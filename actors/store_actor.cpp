#include "store_actor.hpp"

#include "../persistence/failpoint.hpp"
#include "actor_messages.hpp"
#include "dispatch.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

/// What CAF calls the actor.
struct store_name {
  static inline const char* name = "weir.store";
};

class store_keeper {
public:
  store_keeper(std::shared_ptr<checkpoint_store> store, std::shared_ptr<environment> env)
      : store_(std::move(store)), env_(std::move(env)) {}

  void add(store_snapshot snapshot) {
    waiting_.push_back(std::move(snapshot));
    arrived_.push_back(env_->monotonic());
  }

  /// Writes all that waits as one transaction. If that fails, none of it was stored, and all are told.
  void write_all() {
    if (waiting_.empty())
      return;
    auto snapshots = std::exchange(waiting_, {});
    auto arrived = std::exchange(arrived_, {});
    std::vector<write_result> results;
    try {
      WEIR_FAILPOINT("store_actor.write.before");
      const wall_time now = wall_time_of(*env_);
      store_->group([&] {
        results.clear();
        for (const store_snapshot& s : snapshots)
          results.push_back(store_->write(s.snapshot, now));
      });
      WEIR_FAILPOINT("store_actor.write.after");
    } catch (const std::exception& e) {
      for (const store_snapshot& s : snapshots)
        post(s.from, store_failed{e.what()});
      return;
    }
    for (std::size_t i = 0; i != snapshots.size(); ++i)
      post(snapshots[i].from,
           snapshot_stored{snapshots[i].snapshot.checkpoint, results[i], env_->monotonic() - arrived[i]});
  }

  void load(const load_request& request) {
    try {
      WEIR_FAILPOINT("store_actor.load.before");
      state_part part = load_part(request);
      WEIR_FAILPOINT("store_actor.load.after");
      post(request.from, std::move(part));
    } catch (const std::exception& e) {
      post(request.from, store_failed{e.what()});
    }
  }

  /// Writes what waits, and closes the store.
  void close() {
    write_all();
    WEIR_FAILPOINT("store_actor.close.before");
    store_.reset();
    WEIR_FAILPOINT("store_actor.close.after");
  }

private:
  state_part load_part(const load_request& request) {
    state_part part;
    part.at = request.at;
    if (request.at == load_position{})
      for (const table_to_load& table : request.tables) {
        const chunk_amount amount =
            store_->read().amount_of(request.checkpoint, table.operator_name, table.table, wanted(request, table));
        part.whole.entries += amount.entries;
        part.whole.bytes += amount.bytes;
      }
    auto pieces = std::make_shared<std::vector<state_piece>>();
    std::size_t bytes = 0;
    load_position at = request.at;
    for (; !part.next && at.table < request.tables.size(); at = {at.table + 1, 0}) {
      if (bytes != 0 && bytes >= request.part_bytes)
        part.next = at;
      else
        part.next = load_pieces(request, at, *pieces, bytes);
    }
    part.pieces = std::move(pieces);
    return part;
  }

  /// Takes pieces of one table, until there are enough. Returns where to go on in it, if it has more.
  std::optional<load_position> load_pieces(const load_request& request, load_position at,
                                           std::vector<state_piece>& pieces, std::size_t& bytes) {
    const table_to_load& table = request.tables[at.table];
    std::optional<std::int64_t> told;
    const auto next = store_->read().for_each_chunk_from(at.chunk, request.checkpoint, table.operator_name, table.table,
                                                         wanted(request, table), [&](const stored_chunk& chunk) {
                                                           state_piece& piece = pieces.emplace_back();
                                                           piece.table = table.index;
                                                           if (chunk.schema && chunk.schema != told) {
                                                             told = chunk.schema;
                                                             piece.schema = schema_json(*told);
                                                           }
                                                           piece.entries = chunk.entries;
                                                           piece.bytes.assign(chunk.bytes.begin(), chunk.bytes.end());
                                                           bytes += chunk.bytes.size();
                                                           return bytes < request.part_bytes;
                                                         });
    return next ? std::optional{load_position{at.table, *next}} : std::nullopt;
  }

  [[nodiscard]] std::string schema_json(std::int64_t id) const {
    for (stored_schema& schema : store_->read().schemas())
      if (schema.id == id)
        return std::move(schema.record.json);
    return {};
  }

  /// The entries of a list are dealt out by the subtasks themselves: everyone reads all.
  [[nodiscard]] static key_group_range wanted(const load_request& request, const table_to_load& table) {
    return table.distributed_by == distribution::list ? key_group_range{0, UINT32_MAX} : request.groups;
  }

  std::shared_ptr<checkpoint_store> store_;
  std::shared_ptr<environment> env_;
  std::vector<store_snapshot> waiting_;
  std::vector<monotonic_time> arrived_;
};

} // namespace

caf::actor spawn_store(caf::actor_system& system, blocking_work how, std::shared_ptr<checkpoint_store> store,
                       std::shared_ptr<environment> env) {
  auto keeper = std::make_shared<store_keeper>(std::move(store), std::move(env));
  auto body = [keeper](caf::stateful_actor<store_name>* self) -> caf::behavior {
    auto write_asked = std::make_shared<bool>(false);
    return {[=](store_snapshot& snapshot) {
              keeper->add(std::move(snapshot));
              // Behind what is in the mailbox now, so that all of it is written together.
              if (!std::exchange(*write_asked, true))
                post(caf::actor_cast<caf::actor>(self), do_step{});
            },
            [=](do_step) {
              *write_asked = false;
              keeper->write_all();
            },
            [=](const load_request& request) {
              keeper->write_all();
              keeper->load(request);
            },
            [=](const run_there& there) {
              keeper->write_all();
              (*there.work)();
            },
            [=](stop_subtask) {
              keeper->close();
              self->quit();
            }};
  };
  if (how == blocking_work::own_thread)
    return system.spawn<caf::detached>(std::move(body));
  return system.spawn(std::move(body));
}

void post_work(const caf::actor& to, std::function<void()> work) {
  post(to, run_there{std::make_shared<std::function<void()>>(std::move(work))});
}

} // namespace weir::inline v0
