# Finds the C++ Actor Framework, whose packages ship no CMake configuration.
#
#   find_package(CAF 0.17 REQUIRED COMPONENTS core io openssl)
#
# Defines the imported targets CAF::core, CAF::io and CAF::openssl for the components that were asked for
# (all that exist, if none was named), and CAF_FOUND, CAF_VERSION, CAF_INCLUDE_DIR and CAF_<component>_LIBRARY.

find_path(CAF_INCLUDE_DIR caf/actor_system.hpp)
mark_as_advanced(CAF_INCLUDE_DIR)

set(CAF_VERSION "")
foreach(header IN ITEMS caf/config.hpp caf/detail/build_config.hpp)
  if(NOT CAF_VERSION AND CAF_INCLUDE_DIR AND EXISTS "${CAF_INCLUDE_DIR}/${header}")
    file(STRINGS "${CAF_INCLUDE_DIR}/${header}" caf_version_line REGEX "^#define CAF_VERSION [0-9]+" LIMIT_COUNT 1)
    if(caf_version_line MATCHES "([0-9]+)$") # major * 10000 + minor * 100 + patch
      math(EXPR caf_major "${CMAKE_MATCH_1} / 10000")
      math(EXPR caf_minor "${CMAKE_MATCH_1} / 100 % 100")
      math(EXPR caf_patch "${CMAKE_MATCH_1} % 100")
      set(CAF_VERSION "${caf_major}.${caf_minor}.${caf_patch}")
    endif()
  endif()
endforeach()

set(caf_components ${CAF_FIND_COMPONENTS})
if(NOT caf_components)
  set(caf_components core io openssl)
endif()

foreach(component IN LISTS caf_components)
  find_library(CAF_${component}_LIBRARY NAMES caf_${component})
  mark_as_advanced(CAF_${component}_LIBRARY)
  if(CAF_INCLUDE_DIR AND CAF_${component}_LIBRARY)
    set(CAF_${component}_FOUND TRUE)
  else()
    set(CAF_${component}_FOUND FALSE)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF
  REQUIRED_VARS CAF_core_LIBRARY CAF_INCLUDE_DIR
  VERSION_VAR CAF_VERSION
  HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE "On Debian the package is libcaf-dev.")

if(CAF_FOUND)
  find_package(Threads QUIET)
  foreach(component IN LISTS caf_components)
    if(CAF_${component}_FOUND AND NOT TARGET CAF::${component})
      add_library(CAF::${component} UNKNOWN IMPORTED)
      set_target_properties(CAF::${component} PROPERTIES
        IMPORTED_LOCATION "${CAF_${component}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}")
      if(component STREQUAL "core")
        set_target_properties(CAF::core PROPERTIES INTERFACE_LINK_LIBRARIES Threads::Threads)
      elseif(component STREQUAL "openssl")
        set_target_properties(CAF::openssl PROPERTIES INTERFACE_LINK_LIBRARIES "CAF::io;CAF::core")
      else()
        set_target_properties(CAF::${component} PROPERTIES INTERFACE_LINK_LIBRARIES CAF::core)
      endif()
    endif()
  endforeach()
endif()
