// WEIR_FIELDS and WEIR_FIELD: what a user writes into a class so that it can be stored.
#pragma once

#include "access.hpp"

#include <boost/core/nvp.hpp>

#include <cstddef>

namespace weir::inline v0::detail {

/// Splits "a, b, c" into C strings, for archives that want one name a field.
template <std::size_t Size>
class split_names {
public:
  explicit split_names(const char (&text)[Size]) {
    for (std::size_t i = 0; i < Size; ++i)
      text_[i] = text[i] == ',' || text[i] == ' ' ? '\0' : text[i];
  }
  /// The next name; valid as long as this object.
  const char* next() {
    while (at_ < Size && text_[at_] == '\0')
      ++at_;
    const char* name = text_ + at_;
    while (at_ < Size && text_[at_] != '\0')
      ++at_;
    return name;
  }

private:
  char text_[Size] = {};
  std::size_t at_ = 0;
};

/// Hands all fields to `archive` at once if it is one of ours, else one by one with their names.
template <class Archive, std::size_t Size, class... Fields>
inline void visit_fields(Archive& archive, const char (&names)[Size], Fields&... fields) {
  if constexpr (requires { archive.fields(names, fields...); }) {
    archive.fields(names, fields...);
  } else {
    [[maybe_unused]] split_names<Size> each{names};
    (static_cast<void>(archive & boost::serialization::make_nvp(each.next(), fields)), ...);
  }
}

} // namespace weir::inline v0::detail

/// Written inside a class: stores the members named, in this order, with their names. Any number of them, also none.
/// The class stays an aggregate. Classes defined inside a function cannot have it (C++ allows them no templates).
#define WEIR_FIELDS(...)                                                                                               \
  friend class ::weir::access;                                                                                         \
  constexpr auto weir_field_types() const {                                                                            \
    return ::weir::detail::field_types_of(__VA_ARGS__);                                                                \
  }                                                                                                                    \
  template <class WeirArchive>                                                                                         \
  void serialize(WeirArchive& weir_archive, unsigned int) {                                                            \
    ::weir::detail::visit_fields(weir_archive, #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__);                               \
  }

/// One named member, for a hand-written `serialize`: `ar & WEIR_FIELD(a); if (version > 0) ar & WEIR_FIELD(b);`
#define WEIR_FIELD(member) ::boost::serialization::make_nvp(#member, member)
