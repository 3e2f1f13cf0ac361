// A stranger's program with an actor system of its own: three meters feed a job, one of them dies, and a ledger gets
// the results. Killed and started again it goes on, and the ledger stays exact.
//
// caf_stranger <folder> <readings of each meter>
#include <weir/caf.hpp>
#include <weir/weir.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct reading {
  std::string meter;
  std::uint64_t number = 0;
  std::uint64_t watts = 0;
  WEIR_FIELDS(meter, number, watts)
};

struct total {
  std::string meter;
  std::uint64_t readings = 0;
  std::uint64_t sum = 0;
  WEIR_FIELDS(meter, readings, sum)
};

/// Sums up the readings of each meter.
struct summing {
  struct state {
    std::uint64_t readings = 0;
    std::uint64_t sum = 0;
    WEIR_FIELDS(readings, sum)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<total>& out) const {
    ++s.readings;
    s.sum += r.watts;
    out(total{ctx.key(), s.readings, s.sum});
  }
};

using halfway_atom = caf::atom_constant<caf::atom("halfway")>;
using done_atom = caf::atom_constant<caf::atom("done")>;

/// A meter: reading number n of it is always the same.
caf::behavior meter(caf::event_based_actor* self, std::string name, std::uint64_t count, caf::actor inbox,
                    caf::actor parent) {
  auto feed =
      std::make_shared<weir::feeder<reading>>(self, inbox, name, [=, told = false](weir::feeder<reading>& to) mutable {
        while (to.kept() < 300 && to.next() <= count)
          to.feed({name, to.next(), to.next() % 100});
        if (!told && to.next() > count / 2) {
          told = true;
          self->send(parent, halfway_atom::value, name);
        }
        if (to.durable() == count) {
          self->send(parent, done_atom::value, name);
          self->quit();
        }
      });
  return caf::behavior{feed->handlers().or_else([feed](const std::string&) {})};
}

/// Writes each delivery to a file of its own, whose name is what identifies it: one that comes again changes nothing.
caf::behavior ledger(caf::event_based_actor*, std::filesystem::path folder) {
  return caf::behavior{weir::on_delivery<total>([folder](const weir::delivery<total>& got) {
    const std::string name = std::to_string(got.id.subtask) + "-" + std::to_string(got.id.checkpoint);
    {
      std::ofstream file(folder / (name + ".part"));
      for (const total& t : got.records)
        file << t.meter << ' ' << t.readings << ' ' << t.sum << '\n';
    }
    std::filesystem::rename(folder / (name + ".part"), folder / (name + ".txt"));
  })};
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3)
    return 2;
  const std::filesystem::path folder = argv[1];
  const std::uint64_t count = std::stoull(argv[2]);
  std::filesystem::create_directories(folder / "ledger");

  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};

  const weir::actor_source<reading> readings{system};
  weir::job job{"meters"};
  job.source("readings", readings)
      .key_by(&reading::meter)
      .process("totals", summing{})
      .sink("ledger", weir::to_actor{system.spawn(ledger, folder / "ledger")});
  weir::job_options options;
  options.store = (folder / "meters.weir").string();
  options.parallelism = 2;
  options.checkpoint_interval = 20ms;

  weir::runtime jobs{system};
  weir::job_handle running = jobs.start(job, options);
  if (running.status().state != weir::job_state::finished) {
    caf::actor victim = system.spawn(meter, "a", count, readings.inbox(), self);
    system.spawn(meter, "b", count, readings.inbox(), self);
    system.spawn(meter, "c", count, readings.inbox(), self);
    for (std::set<std::string> done; done.size() != 3;)
      self->receive(
          [&](halfway_atom, const std::string& name) {
            if (name != "a" || !victim)
              return;
            // The successor goes on behind what is durable of the dead one.
            caf::anon_send_exit(victim, caf::exit_reason::kill);
            victim = nullptr;
            self->monitor(system.spawn(meter, "a", count, readings.inbox(), self));
          },
          [&](done_atom, const std::string& name) { done.insert(name); }, [](const caf::down_msg&) {});
    readings.close();
  }
  const weir::job_status status = running.wait();
  std::printf("%s after %llu checkpoints\n", std::string{weir::to_text(status.state)}.c_str(),
              static_cast<unsigned long long>(status.checkpoints));
}
