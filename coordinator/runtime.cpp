#include "runtime.hpp"

#include "human_text.hpp"
#include "in_flight_plan.hpp"
#include "job_control.hpp"
#include "state_fit.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace weir::inline v0 {

namespace {

/// Messages that an actor may handle before it goes to the back of the queue.
constexpr std::size_t fair_throughput = 32;

void refuse_problems(const std::string& job_name, const std::vector<graph_problem>& problems) {
  if (!problems.empty())
    throw job_error({to_text(problems), "", "", ""});
  if (job_name.empty())
    throw job_error({"a job", "a name", "none", "give it one: weir::job job{\"word-count\"}"});
}

store_options options_for_store(const job_options& options, const std::string& job, environment& env) {
  store_options store;
  store.job = job;
  store.path = options.store.empty() ? job + ".weir" : options.store;
  const bool in_memory = !options.checkpoints || options.store == store_in_memory;
  store.mode = in_memory ? store_mode::memory : options.fresh ? store_mode::fresh : store_mode::resume;
  store.now = wall_time{env.now().time_since_epoch().count()};
  store.new_run_uuid = env.uuid();
  store.savepoint = options.from_savepoint;
  store.compress = options.compress_checkpoints;
  return store;
}

std::string age_of(const checkpoint_reader& store, checkpoint_id id, processing_time now) {
  for (const complete_checkpoint& c : store.complete_checkpoints())
    if (c.id == id)
      return human_duration(
          std::max(std::chrono::microseconds{now.time_since_epoch().count() - c.completed.unix_microseconds},
                   std::chrono::microseconds{0}));
  return "?";
}

} // namespace

runtime::runtime(caf::actor_system& system, std::shared_ptr<environment> env, blocking_work blocking)
    : system_(system), env_(std::move(env)), blocking_(blocking) {}

job_handle runtime::start(const job& j, const job_options& options) {
  prepared_job prepared;
  prepared.begun = env_->monotonic();
  prepared.env = env_;
  prepared.log = log_;
  prepared.blocking = blocking_;
  prepared.options = options;
  prepared.graph = std::make_shared<const job_graph>(j.graph());
  plan_result planned = make_plan(*prepared.graph, options);
  refuse_problems(prepared.graph->job_name, planned.problems);
  const log_function say = [this](log_level level, const std::string& line) {
    if (log_)
      log_(level, line);
  };
  const std::string& name = prepared.graph->job_name;
  // The plan refers to the graph: they live and die together.
  struct graph_and_plan {
    std::shared_ptr<const job_graph> graph;
    job_plan plan;
  };
  auto both = std::make_shared<const graph_and_plan>(graph_and_plan{prepared.graph, std::move(planned.plan)});
  prepared.plan = std::shared_ptr<const job_plan>(both, &both->plan);
  const job_plan& plan = *prepared.plan;
  prepared.facts = inspect_operators(plan, options.checkpoints);

  store_options where = options_for_store(options, name, *env_);
  const bool has_file = where.mode != store_mode::memory;
  if (has_file && blocking_ == blocking_work::own_thread)
    where.pace = system_pacing(); // in a simulation nobody sleeps
  if (has_file)
    refuse_sinks_on_store(plan, where.path);
  prepared.store = std::make_shared<checkpoint_store>(checkpoint_store::open(where));
  checkpoint_store& store = *prepared.store;
  const opened_store& opened = store.opened();

  job_status status;
  status.job = name;
  status.run = opened.run_uuid;
  status.store = has_file ? where.path.string() : "";
  if (opened.resumed && opened.status == run_status::finished) {
    status.state = job_state::finished;
    status.newest_checkpoint = opened.newest_complete;
    say(log_level::info, "finished at checkpoint " +
                             (opened.newest_complete ? to_string(*opened.newest_complete) : std::string{"0"}) +
                             "; --fresh runs it again");
    auto control = std::make_shared<job_control>(status, env_);
    control->finish(job_state::finished, nullptr);
    return job_handle{std::move(control)};
  }

  try {
    resume_or_begin(prepared, status, where.now, say);
  } catch (...) {
    // A run that never began leaves nothing behind.
    if (!opened.resumed && has_file)
      checkpoint_store::take_back(std::move(*prepared.store));
    throw;
  }

  auto control = std::make_shared<job_control>(status, env_, options.compress_checkpoints);
  control->attach(spawn_coordinator(system_, std::move(prepared), control));
  return job_handle{std::move(control)};
}

void runtime::resume_or_begin(prepared_job& prepared, job_status& status, wall_time now, const log_function& say) {
  checkpoint_store& store = *prepared.store;
  const opened_store& opened = store.opened();
  const job_plan& plan = *prepared.plan;
  const job_options& options = prepared.options;
  const verified_checkpoint newest = store.read().newest_verified();
  for (const skipped_checkpoint& skipped : newest.skipped)
    say(log_level::warning,
        "checkpoint " + to_string(skipped.id) + " is damaged and passed over: " + skipped.problems.front().what);
  // All that can refuse the job comes before anything in the store changes.
  if (newest.id) {
    const std::vector<state_fit> fits = fit_state(plan, prepared.facts, store.read(), *newest.id);
    require_fit(fits, options.drop_state, *newest.id);
    for (const state_fit& fit : fits)
      if (fit.verdict == state_verdict::not_taken)
        say(log_level::warning, "the state of " + fit.operator_name + "/" + fit.table + " is dropped, " +
                                    human_count(fit.entries) + " entries");
  }
  for (const region_plan& region : plan.regions)
    prepared.regions.push_back(prepare_region(store, plan, prepared.facts, options, region.id, newest.id));
  bool in_flight = may_overtake(options);
  for (const region_preparation& region : prepared.regions)
    for (const auto& [operator_name, table] : region.stored_tables)
      in_flight = in_flight || is_in_flight_table(table);
  store.group([&] {
    store.register_plan(operator_records(plan), schema_records(plan, prepared.facts, in_flight), plan.max_parallelism);
    store.restore(newest.id, now);
    for (region_preparation& region : prepared.regions)
      region.attempt = store.begin_attempt(region.region, now, newest.id);
  });
  for (const region_preparation& region : prepared.regions)
    prepare_outputs(plan, region);
  prepared.resumed = opened.resumed;
  if (opened.put_aside)
    say(log_level::info, "the former store is now " + opened.put_aside->string());
  status.resumed_from = newest.id;
  status.newest_checkpoint = newest.id;
  const std::string place = !options.checkpoints   ? " without checkpoints"
                            : status.store.empty() ? " in memory"
                                                   : " in " + status.store;
  if (newest.id && !options.from_savepoint.empty())
    say(log_level::info, "begins with savepoint " + options.from_savepoint + ", checkpoint " + to_string(*newest.id) +
                             " of run " + opened.run_uuid.substr(0, 8) + place);
  else if (newest.id)
    say(log_level::info, "resumes run " + opened.run_uuid.substr(0, 8) + " from checkpoint " + to_string(*newest.id) +
                             ", " + age_of(store.read(), *newest.id, env_->now()) + " old, in " + status.store);
  else
    say(log_level::info, (opened.resumed ? "resumes run " : "begins run ") + opened.run_uuid.substr(0, 8) +
                             (opened.resumed ? ", which has no complete checkpoint yet," : std::string{}) + place);
}

void use_fair_scheduler(caf::actor_system_config& config, std::size_t threads) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-throughput", fair_throughput);
  if (threads != 0)
    config.set("scheduler.max-threads", threads);
}

} // namespace weir::inline v0
