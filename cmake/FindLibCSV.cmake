# Finds libcsv, which ships no CMake configuration.
#
# Defines the imported target LibCSV::LibCSV, and LibCSV_FOUND, LibCSV_VERSION, LibCSV_INCLUDE_DIR and LibCSV_LIBRARY.

find_path(LibCSV_INCLUDE_DIR csv.h)
find_library(LibCSV_LIBRARY NAMES csv)
mark_as_advanced(LibCSV_INCLUDE_DIR LibCSV_LIBRARY)

set(LibCSV_VERSION "")
if(LibCSV_INCLUDE_DIR)
  foreach(part IN ITEMS MAJOR MINOR RELEASE)
    file(STRINGS "${LibCSV_INCLUDE_DIR}/csv.h" libcsv_line REGEX "^#define CSV_${part} +[0-9]+" LIMIT_COUNT 1)
    if(libcsv_line MATCHES "([0-9]+)$")
      list(APPEND libcsv_version ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN libcsv_version "." LibCSV_VERSION)
  unset(libcsv_version)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibCSV
  REQUIRED_VARS LibCSV_LIBRARY LibCSV_INCLUDE_DIR
  VERSION_VAR LibCSV_VERSION
  REASON_FAILURE_MESSAGE "On Debian the package is libcsv-dev.")

if(LibCSV_FOUND AND NOT TARGET LibCSV::LibCSV)
  add_library(LibCSV::LibCSV UNKNOWN IMPORTED)
  set_target_properties(LibCSV::LibCSV PROPERTIES
    IMPORTED_LOCATION "${LibCSV_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibCSV_INCLUDE_DIR}")
endif()
