#include "operator.hpp"

namespace weir::inline v0 {

any_operator::~any_operator() = default;
operator_context::~operator_context() = default;

} // namespace weir::inline v0
