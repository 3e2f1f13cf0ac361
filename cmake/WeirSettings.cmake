# weir_compile_settings(target): language, warnings, sanitizers and paths, the same for everything that is built here.

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
endif()

function(weir_compile_settings target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<BOOL:${WEIR_WERROR}>:-Werror>
    # No binary names the folder that it was built in; places in the source read "examples/word_count.cpp".
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
  if(WEIR_SANITIZE)
    target_compile_options(${target} PRIVATE
      "-fsanitize=${WEIR_SANITIZE}" -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE "-fsanitize=${WEIR_SANITIZE}")
  endif()
  if(WEIR_BUILD_FUZZERS)
    # The fuzzers see which code their inputs reach; what is undefined ends them, as does an index out of range.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link -fno-sanitize-recover=all)
    target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  endif()
  if(WEIR_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ warns of std::atomic_thread_fence under this sanitizer, in headers that are not ours.
    target_compile_options(${target} PRIVATE -Wno-tsan)
  endif()
endfunction()
