# Finds the header of xxHash, used with XXH_INLINE_ALL: nothing of it is linked.
#
# Defines the imported target xxHash::xxHash, and xxHash_FOUND, xxHash_VERSION and xxHash_INCLUDE_DIR.

find_path(xxHash_INCLUDE_DIR xxhash.h)
mark_as_advanced(xxHash_INCLUDE_DIR)

set(xxHash_VERSION "")
if(xxHash_INCLUDE_DIR)
  foreach(part IN ITEMS MAJOR MINOR RELEASE)
    file(STRINGS "${xxHash_INCLUDE_DIR}/xxhash.h" xxhash_line REGEX "^#define XXH_VERSION_${part} +[0-9]+" LIMIT_COUNT 1)
    if(xxhash_line MATCHES "([0-9]+)$")
      list(APPEND xxhash_version ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN xxhash_version "." xxHash_VERSION)
  unset(xxhash_version)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash
  REQUIRED_VARS xxHash_INCLUDE_DIR
  VERSION_VAR xxHash_VERSION
  REASON_FAILURE_MESSAGE "On Debian the package is libxxhash-dev.")

if(xxHash_FOUND AND NOT TARGET xxHash::xxHash)
  add_library(xxHash::xxHash INTERFACE IMPORTED)
  set_target_properties(xxHash::xxHash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${xxHash_INCLUDE_DIR}")
endif()
