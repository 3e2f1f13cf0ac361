#include "context.hpp"

namespace weir::inline v0::detail {

void side_ports::not_listed(const std::string& name, const std::string& operator_name) {
  throw usage_error({"operator \"" + operator_name + '"', "only side outputs that it lists",
                     "a record for side output \"" + name + '"', "add it to side_outputs() of the operator's struct"});
}

void throw_no_timers(const std::string& operator_name) {
  throw usage_error({"operator \"" + operator_name + '"', "a struct with an on_timer", "a timer, and no on_timer",
                     "give the struct `void on_timer(weir::processing_time at, state&, weir::keyed_context<K>&, "
                     "weir::collector<Out>&) const`"});
}

} // namespace weir::inline v0::detail
