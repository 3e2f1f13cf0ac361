// What collections in a state refuse.
#include "entries_of_key.hpp"
#include "state_collections.hpp"

#include "../persistence/error.hpp"

#include <cctype>
#include <string>

namespace weir::inline v0::detail {

void throw_unbound(const char* what) {
  throw usage_error{{what, "to be used in the call that was given the state it is a member of, such as process",
                     "one that belongs to no key: a copy, or one outside of such a call",
                     "use it through the state, and within the call; copy its entries if they are needed later"}};
}

void throw_no_element(std::size_t index, std::size_t size) {
  throw usage_error{{"element " + std::to_string(index) + " of a list_state",
                     "an index below its size of " + std::to_string(size), std::to_string(index),
                     "ask for size() or empty() first"}};
}

std::string collection_table_name(const std::string& table, std::string_view member) {
  bool good = !member.empty() && std::isdigit(static_cast<unsigned char>(member.front())) == 0;
  for (const char each : member)
    good = good && (std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_');
  if (!good)
    throw usage_error{{"a map_state or list_state", "a member that WEIR_FIELDS knows by its name",
                       "\"" + std::string{member} + "\"", "write the member's name alone into WEIR_FIELDS"}};
  return table + "." + std::string{member};
}

} // namespace weir::inline v0::detail
