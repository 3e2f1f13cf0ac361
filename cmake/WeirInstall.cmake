# What `cmake --install` puts where: the library, the public headers, the CMake package and weir.pc.

include(CMakePackageConfigHelpers)

set(weir_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
set(weir_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(TARGETS weir EXPORT weirTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# Public are the headers in the root and all that they include; which these are is found when they are installed.
install(CODE "set(weir_source_dir \"${PROJECT_SOURCE_DIR}\")
set(weir_include_dir \"${CMAKE_INSTALL_INCLUDEDIR}/weir\")")
install(SCRIPT "${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake")

install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/weirConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/weirConfig.cmake" INSTALL_DESTINATION "${weir_cmake_dir}"
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# No promise of a stable ABI: a program is built against the version that it asks for.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weirConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/weirConfig.cmake" "${PROJECT_BINARY_DIR}/weirConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindxxHash.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindLibCSV.cmake"
        DESTINATION "${weir_cmake_dir}")

# weir.pc finds its prefix from its own place, so that the tree can be moved.
file(RELATIVE_PATH weir_pc_prefix "/prefix/${weir_pkgconfig_dir}" "/prefix")
string(REGEX REPLACE "/$" "" weir_pc_prefix "${weir_pc_prefix}")
set(weir_pc_cflags "$<$<BOOL:${WEIR_FAILPOINTS}>: -DWEIR_FAILPOINTS>")
configure_file("${PROJECT_SOURCE_DIR}/cmake/weir.pc.in" "${PROJECT_BINARY_DIR}/weir.pc.conf" @ONLY)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/weir.pc" INPUT "${PROJECT_BINARY_DIR}/weir.pc.conf")
install(FILES "${PROJECT_BINARY_DIR}/weir.pc" DESTINATION "${weir_pkgconfig_dir}")
