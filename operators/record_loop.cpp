#include "record_loop.hpp"

#include "../persistence/error.hpp"

#include <string>

namespace weir::inline v0::detail {

void throw_no_hashes(const any_batch& in) {
  throw usage_error({"a keyed operator", std::to_string(in.size()) + " records with a key hash each",
                     std::to_string(in.hashes.size()) + " hashes", "give it a keyed edge, as key_by does"});
}

} // namespace weir::inline v0::detail
