// The class versions with which stored bytes were written.
#pragma once

#include "type_shape.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {
namespace detail {

/// A compiler's name of a class as all compilers would write it.
[[nodiscard]] std::string plain_class_name(std::string_view compilers_name);

/// The class as which T is stored; T itself unless it wraps another.
template <class T>
struct stored_as {
  using type = T;
};

/// The name under which the class T appears in schemas.
template <class T>
const std::string& class_name() {
  static const std::string name = plain_class_name(type_name<typename stored_as<T>::type>());
  return name;
}

} // namespace detail

/// Maps a class's name to the version that its stored objects have. Few entries; a plain search.
class class_versions {
public:
  void add(std::string_view name, unsigned version) { entries_.emplace_back(name, version); }
  /// The stored version of the class, or `otherwise` if nothing was said of it.
  [[nodiscard]] unsigned find(std::string_view name, unsigned otherwise) const {
    for (const auto& [known, version] : entries_)
      if (known == name)
        return version;
    return otherwise;
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

private:
  std::vector<std::pair<std::string, unsigned>> entries_;
};

} // namespace weir::inline v0
