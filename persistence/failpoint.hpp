// Failpoints: named steps of the protocol at which a test kills, stops or fails the process.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#ifdef WEIR_FAILPOINTS
#include "failpoint_names.hpp"
/// Says that a step has been reached. Only in .cpp files; nothing at all in a build without failpoints.
#define WEIR_FAILPOINT(name) ::weir::failpoints::reach(::weir::failpoints::index_of(name))
#else
#define WEIR_FAILPOINT(name) static_cast<void>(0)
#endif

/// What happens at a failpoint: the handler that a test has set is called; without one the environment variable
/// WEIR_FAILPOINT is obeyed, `name:nth:action`. When that name is reached for the nth time, counted from 1, the process
/// sends itself SIGKILL (`kill`) or SIGSTOP (`stop`), or io_error is thrown (`throw`).
namespace weir::inline v0::failpoints {

/// Called with the name, on the thread that reaches it; may throw what the step itself might throw.
using handler = std::function<void(std::string_view name)>;

/// Whether this library has failpoints.
[[nodiscard]] bool compiled() noexcept;

/// The names of all that there are; none in a library without.
[[nodiscard]] std::span<const std::string_view> names() noexcept;

/// Sets the process's handler, or with an empty one removes it. Any thread. Calls that have begun go on.
void set_handler(handler to_call);

/// What WEIR_FAILPOINT calls. A relaxed load and no more while there is neither handler nor variable. Throws what the
/// handler throws, io_error for `throw`, usage_error for a variable that cannot be obeyed.
void reach(std::size_t index);

} // namespace weir::inline v0::failpoints
