#include "collector.hpp"

namespace weir::inline v0 {

any_batch::~any_batch() = default;
batch_receiver::~batch_receiver() = default;
any_collector::~any_collector() = default;

} // namespace weir::inline v0
