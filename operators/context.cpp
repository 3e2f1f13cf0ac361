#include "context.hpp"

namespace weir::inline v0::detail {

void side_ports::not_listed(const std::string& name, const std::string& operator_name) {
  throw usage_error({"operator \"" + operator_name + '"', "only side outputs that it lists",
                     "a record for side output \"" + name + '"', "add it to side_outputs() of the operator's struct"});
}

} // namespace weir::inline v0::detail
