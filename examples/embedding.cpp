// A job inside a program that has actors: sensors feed it, a display gets its results, and an actor sees its end.
//
// embedding [folder]: ends by itself. Killed and started again, it goes on where it was.
#include <weir/caf.hpp>
#include <weir/persistence/error.hpp>
#include <weir/weir.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>

using namespace std::chrono_literals;

struct reading {
  std::string room;
  std::uint64_t number = 0;
  std::int64_t millidegrees = 0;
  WEIR_FIELDS(room, number, millidegrees)
};

struct warmest {
  std::string room;
  std::uint64_t readings = 0;
  std::int64_t millidegrees = 0;
  WEIR_FIELDS(room, readings, millidegrees)
};

/// The warmest reading of each room so far.
struct find_warmest {
  struct state {
    std::uint64_t readings = 0;
    std::int64_t millidegrees = INT64_MIN;
    WEIR_FIELDS(readings, millidegrees)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<warmest>& out) const {
    ++s.readings;
    s.millidegrees = std::max(s.millidegrees, r.millidegrees);
    out(warmest{ctx.key(), s.readings, s.millidegrees});
  }
};

constexpr std::uint64_t readings_a_sensor = 5000;

/// Reading number n of a room. A real sensor would keep its readings until they are durable.
reading measure(const std::string& room, std::uint64_t n) {
  return {room, n, static_cast<std::int64_t>(18'000 + n * 7919 % 4000)};
}

caf::behavior sensor(caf::event_based_actor* self, std::string room, caf::actor inbox) {
  auto feed = std::make_shared<weir::feeder<reading>>(self, inbox, room, [self, room](weir::feeder<reading>& to) {
    while (to.kept() < 1000 && to.next() <= readings_a_sensor)
      to.feed(measure(room, to.next()));
    if (to.durable() == readings_a_sensor)
      self->quit(); // a complete checkpoint has them all
  });
  return caf::behavior{feed->handlers().or_else([feed](const std::string&) {})};
}

/// Shows the newest result of each room. Deliveries that come again after a failure show the same.
caf::behavior display(caf::event_based_actor*, std::shared_ptr<std::map<std::string, warmest>> shown) {
  return caf::behavior{weir::on_delivery<warmest>([shown](const weir::delivery<warmest>& got) {
    for (const warmest& w : got.records)
      (*shown)[w.room] = w;
  })};
}

int run_rooms(const std::string& folder) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto shown = std::make_shared<std::map<std::string, warmest>>();

  const weir::actor_source<reading> readings{system};
  weir::job job{"rooms"};
  job.source("readings", readings)
      .key_by(&reading::room)
      .process("warmest", find_warmest{})
      .sink("display", weir::to_actor{system.spawn(display, shown)});

  weir::job_options options;
  options.store = folder + "/rooms.weir";
  options.parallelism = 2;
  options.checkpoint_interval = 50ms;
  weir::runtime jobs{system};
  weir::job_handle running = jobs.start(job, options);

  const caf::actor watched = weir::spawn_job_actor(system, running);
  self->monitor(watched);
  std::set<caf::actor_addr> sensors;
  if (running.status().state != weir::job_state::finished)
    for (const char* room : {"attic", "cellar", "kitchen"}) {
      const caf::actor one = system.spawn(sensor, room, readings.inbox());
      self->monitor(one);
      sensors.insert(one.address());
    }

  weir::job_end end;
  for (bool ended = false; !ended;)
    self->receive([&](const caf::down_msg& down) {
      if (down.source == watched.address()) {
        end = weir::how_job_ended(down.reason);
        ended = true;
      } else if (sensors.erase(down.source) == 1 && sensors.empty()) {
        readings.close(); // the job finishes when it has read them
      }
    });
  for (const auto& [room, w] : *shown)
    std::printf("%s: %.3f degrees, of %llu readings\n", room.c_str(), static_cast<double>(w.millidegrees) / 1000,
                static_cast<unsigned long long>(w.readings));
  std::printf("%s%s%s\n", std::string{weir::to_text(end.state)}.c_str(), end.why.empty() ? "" : ": ", end.why.c_str());
  return end.state == weir::job_state::finished ? 0 : 1;
}

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  if (argc > 2 || folder.starts_with('-')) {
    std::printf("usage: embedding [folder for its store]\n");
    return folder == "--help" ? 0 : 2;
  }
  try {
    return run_rooms(folder);
  } catch (const weir::error& e) { // a folder that is not there, for example
    std::fprintf(stderr, "embedding: %s\n", e.what());
    return e.exit_code();
  }
}
