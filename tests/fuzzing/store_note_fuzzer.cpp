// Reads any text as the note that a store leaves in its lock file, with its own checksum and with the right one.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"

#include <weir/persistence/checkpoint_manifest.hpp>
#include <weir/persistence/store_note.hpp>

#include <string>

namespace {

using namespace weir_fuzz;

void read_note(std::string_view text) {
  const auto note = weir::store_note_from(text);
  if (!note)
    return;
  const std::string written = weir::to_text(*note);
  require(weir::store_note_from(written) == note, "a note that was read is written");
  for (std::size_t i = 0; i < written.size(); ++i) {
    std::string damaged = written;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    require(!weir::store_note_from(damaged), "a note that is damaged is none");
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = as_bytes(data, size);
  const allocation_limit limit{4096 + 16 * size};
  read_note(as_text(bytes));
  read_note(std::string{as_text(bytes)} + " " + std::to_string(weir::checksum_of_bytes(bytes)));
  return 0;
}
