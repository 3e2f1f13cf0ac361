#include "split_operator.hpp"

#include "function_partitioner.hpp"

namespace weir::inline v0::detail {

void throw_split_index(const std::string& operator_name, std::size_t parts, std::string index) {
  throw error({"operator \"" + operator_name + '"', "an index from 0 to " + std::to_string(parts - 1),
               std::move(index) + " from its function",
               "give split the number of streams that the function divides into"});
}

void throw_partition_index(std::size_t parallelism, std::string index) {
  throw error({"the function given to partition_by", "an index from 0 to " + std::to_string(parallelism - 1),
               std::move(index), "let it return a number below the parallelism that it is given"});
}

std::string split_part_name(std::size_t part) {
  return "part-" + std::to_string(part);
}

} // namespace weir::inline v0::detail
