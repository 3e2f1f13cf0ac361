// A job's plans for people and programs: as text, JSON and Mermaid.
#pragma once

#include "plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// How a plan is written.
enum class explain_format : std::uint8_t { text, json, mermaid };

[[nodiscard]] std::string_view to_text(explain_format);
/// None for a word that is none of the three.
[[nodiscard]] std::optional<explain_format> explain_format_from(std::string_view);

/// The logical plan (operators and edges) and the physical one (tasks, channels, regions) of a job.
[[nodiscard]] std::string explain(const job_plan& plan, explain_format format);

/// A record type's name as a person would write it: `std::string`, not what the standard library calls it inside.
[[nodiscard]] std::string readable_type(std::string_view name);

} // namespace weir::inline v0
