// Jobs of the library's operators, sources and sinks, each with the output that it must have.
#pragma once

#include "composed/composed_run.hpp"

#include <vector>

namespace composed {

/// Jobs about operators.
[[nodiscard]] std::vector<composition> operator_jobs();
/// Jobs about sources and sinks.
[[nodiscard]] std::vector<composition> io_jobs();
/// Jobs about files that others write while the job reads.
[[nodiscard]] std::vector<composition> live_file_jobs();
/// Jobs at pipes and connections.
[[nodiscard]] std::vector<composition> stream_jobs();
/// Jobs about actors of the program that a job is a part of.
[[nodiscard]] std::vector<composition> actor_jobs();

} // namespace composed
