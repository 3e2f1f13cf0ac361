// Takes control characters out.
#include "terminal_text.hpp"

#include <cstddef>

namespace weir::inline v0 {

std::string terminal_text(std::string_view text) {
  std::string clean{text};
  for (std::size_t i = 0; i != clean.size(); ++i) {
    const auto byte = static_cast<unsigned char>(clean[i]);
    if (byte < 0x20 || byte == 0x7f)
      clean[i] = ' ';
    // U+0080 to U+009F, which some terminals take for escape sequences.
    if (byte == 0xc2 && i + 1 != clean.size() && static_cast<unsigned char>(clean[i + 1]) < 0xa0)
      clean.replace(i, 2, 1, ' ');
  }
  return clean;
}

} // namespace weir::inline v0
