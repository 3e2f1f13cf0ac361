// Jobs of the library's operators, sources and sinks, each with the output that it must have.
#pragma once

#include "composed/composed_run.hpp"

#include <vector>

namespace composed {

/// Jobs about operators.
[[nodiscard]] std::vector<composition> operator_jobs();
/// Jobs about sources and sinks.
[[nodiscard]] std::vector<composition> io_jobs();

} // namespace composed
