// Reads any text as a duration and as a restart strategy, as people write them on a command line.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"

#include <weir/coordinator/duration_text.hpp>
#include <weir/coordinator/restart_strategy.hpp>

#include <optional>
#include <string>

using namespace weir_fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(as_bytes(data, size));
  const allocation_limit limit{16384 + 64 * size};
  if (const auto duration = weir::parse_duration(text)) {
    require(duration->count() >= 0, "a duration is not negative");
    require(weir::parse_duration(weir::duration_text(*duration)) == duration, "a duration that was read is written");
  }
  std::optional<weir::restart_settings> restart;
  if (accepts([&] { restart = weir::parse_restart_settings(text); })) {
    const std::string written = weir::to_text(*restart);
    require(weir::parse_restart_settings(written) == *restart, "a restart strategy that was read is written");
    require(weir::to_text(weir::parse_restart_settings(written)) == written, "equal strategies have equal text");
  }
  return 0;
}
