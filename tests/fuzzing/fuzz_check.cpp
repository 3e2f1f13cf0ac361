#include "fuzz_check.hpp"

#include <cstdio>
#include <cstdlib>

namespace weir_fuzz {

void require(bool holds, std::string_view sentence) {
  if (holds)
    return;
  std::fprintf(stderr, "This does not hold: %.*s.\n", static_cast<int>(sentence.size()), sentence.data());
  std::abort();
}

} // namespace weir_fuzz
