// The parts of state tables that need no template.
#include "any_state_table.hpp"

#include "../persistence/error.hpp"
#include "../persistence/schema.hpp"

#include <utility>

namespace weir::inline v0 {

any_state_table::any_state_table(std::string name) : name_(std::move(name)) {}

any_state_table::~any_state_table() = default;

void any_state_table::expect_stored_schema(std::string_view stored_schema_json) {
  const table_schema current = table_schema_from_json(schema_json());
  const table_schema stored = table_schema_from_json(stored_schema_json);
  if (const schema_match match = compatible(stored, current); !match)
    throw store_error{{"state table \"" + name_ + "\"", "the types with which it was stored", match.why_not,
                       "give the class back its stored fields, or raise its BOOST_CLASS_VERSION and read both forms in "
                       "its serialize"}};
  versions_ = stored_versions(stored, current);
}

void any_state_table::throw_not_owned(std::uint64_t hash) const {
  throw usage_error{{"state table \"" + name_ + "\"", "a key of a key group that this subtask owns",
                     "one with the hash " + std::to_string(hash),
                     "key the stream by the function by which its state is looked up"}};
}

void any_state_table::throw_wrong_use(const char* expected, const char* found) const {
  throw usage_error{{"state table \"" + name_ + "\"", expected, found, "call its functions in their order"}};
}

void any_state_table::throw_damaged(std::string expected, std::string found) const {
  throw damaged_error{{"chunk of state table \"" + name_ + "\"", std::move(expected), std::move(found),
                       "restore from another checkpoint"}};
}

} // namespace weir::inline v0
