#include "job.hpp"

namespace weir::inline v0 {

job::job(std::string name, call_site where) : builder_(std::make_shared<graph_builder>(std::move(name), where)) {}

job::job(job&&) noexcept = default;
job& job::operator=(job&&) noexcept = default;
job::~job() = default;

stream_origin job::add_source(graph_node node) {
  node.kind = operator_kind::source;
  node.stateful = true;
  node.input_count = 0;
  return {builder_, builder_->add(std::move(node))};
}

} // namespace weir::inline v0
