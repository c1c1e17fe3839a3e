# Flags of all our targets, carried by one interface target; users of the installed library get the headers and the language only.
add_library(equal_flags INTERFACE)
target_compile_features(equal_flags INTERFACE cxx_std_20)
target_include_directories(equal_flags INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
# No contraction: a*b+c is rounded twice on every compiler, so results do not depend on which one built the program.
set(options -Wall -Wextra -Wpedantic -Wshadow -Wconversion -ffp-contract=off)
if(EQUAL_WERROR)
  list(APPEND options -Werror)
endif()
target_compile_options(equal_flags INTERFACE "$<BUILD_INTERFACE:${options}>")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(equal_flags INTERFACE $<BUILD_INTERFACE:-Wno-restrict>)  # false alarms in std::string, GCC bug 105651
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_UNITY_BUILD)
  target_compile_options(equal_flags INTERFACE $<BUILD_INTERFACE:-Wno-subobject-linkage>)  # takes the sources compiled as one for headers
endif()
if(EQUAL_SANITIZE)
  target_compile_options(equal_flags INTERFACE -fsanitize=${EQUAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(equal_flags INTERFACE -fsanitize=${EQUAL_SANITIZE})
endif()
# libFuzzer's counters in all of our code, for tests/fuzz; with EQUAL_SANITIZE, or a fuzzer would see crashes only.
option(EQUAL_FUZZ "Build the fuzz targets for libFuzzer (clang)" OFF)
if(EQUAL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "EQUAL_FUZZ needs clang: cmake --preset asan")
  endif()
  target_compile_options(equal_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(equal_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
