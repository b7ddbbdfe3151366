# SPDX-License-Identifier: Apache-2.0
# What every target has in common, and the three kinds of target: a room, a plugin, a test.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
# -O2 where nothing else is asked for; kernels ask for -O3 themselves, tests for -O1 because most of their time is compiling.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)  # a build tree may be moved
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# What a module that is loaded at run time may not have: symbols that nobody defines. Sanitizers define theirs in the program.
set(RLX_NO_UNDEFINED -Wl,--no-undefined)
if(RLX_SANITIZE)
  set(RLX_NO_UNDEFINED)
endif()

add_library(rlx_flags INTERFACE)
target_compile_options(rlx_flags INTERFACE -Wall -Wextra -Wpedantic $<$<BOOL:${RLX_WARNINGS_ARE_ERRORS}>:-Werror>)
if(RLX_SANITIZE)
  # Targets with the property RLX_PLAIN are linked with the sanitizer, but not watched themselves.
  target_compile_options(rlx_flags INTERFACE -fno-omit-frame-pointer
    "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:RLX_PLAIN>>>:-fsanitize=${RLX_SANITIZE};-fno-sanitize-recover=all>")
  target_link_options(rlx_flags INTERFACE -fsanitize=${RLX_SANITIZE})
  target_compile_definitions(rlx_flags INTERFACE RLX_SANITIZED)
endif()

# rlx_watch_what_is_tested(TARGET): sources of tests take most of the time of a build with AddressSanitizer, and are not what
# it is there for. Threads are watched on both sides.
function(rlx_watch_what_is_tested target)
  if(RLX_SANITIZE MATCHES address)
    set_target_properties(${target} PROPERTIES RLX_PLAIN ON)
  endif()
endfunction()

# rlx_short_build(TARGET KIND): standard headers parsed once for all targets of a kind (room or test; not of an other
# one), and six sources of a target compiled as one: half the time of a build from nothing. ccache cannot look through
# either, so both are off where it is used. A source inside another one looks like a header to the warning of subobjects;
# g++ 12 forgets that a precompiled std::string is a system header and warns of bounds inside it.
set(short_by_default ON)
if(CMAKE_CXX_COMPILER_LAUNCHER OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(short_by_default OFF)
endif()
option(RLX_SHORT_BUILD "Parse standard headers once, compile sources together" ${short_by_default})
function(rlx_short_build target kind)
  if(NOT RLX_SHORT_BUILD)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  if(kind STREQUAL "other")
    return()
  endif()
  target_compile_options(${target} PRIVATE -Wno-subobject-linkage -Wno-array-bounds -Wno-restrict -Wno-stringop-overread -Wno-stringop-overflow)
  if(TARGET rlx_headers_${kind})
    target_precompile_headers(${target} REUSE_FROM rlx_headers_${kind})
    return()
  endif()
  if(kind STREQUAL "test")
    add_executable(rlx_headers_test EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/no_program.cpp)
    target_compile_options(rlx_headers_test PRIVATE $<$<CONFIG:Release>:-O1>)
    rlx_watch_what_is_tested(rlx_headers_test)
    target_link_libraries(rlx_headers_test PRIVATE rlx_flags GTest::gtest tl::expected)
  else()
    add_library(rlx_headers_room OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/no_program.cpp)
    target_link_libraries(rlx_headers_room PRIVATE rlx_flags tl::expected)
  endif()
  target_precompile_headers(rlx_headers_${kind} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/standard_headers.h)
  if(kind STREQUAL "test")
    target_precompile_headers(rlx_headers_test PRIVATE <gtest/gtest.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM rlx_headers_${kind})
endfunction()

# rlx_apart(SOURCE...): sources whose private names another one of their target has too; each is compiled alone.
function(rlx_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# rlx_room(NAME SOURCES ... LINKS ...): one static library of the core, target rlx_NAME, included from the project's root.
function(rlx_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
  add_library(rlx_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(rlx_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include)
  target_link_libraries(rlx_${name} PRIVATE rlx_flags PUBLIC rlx_plugin_api)
  rlx_short_build(rlx_${name} room)
  if(ROOM_LINKS)
    target_link_libraries(rlx_${name} ${ROOM_LINKS})
  endif()
endfunction()

# rlx_plugin(NAME SOURCES ... LINKS ...): a backend as a shared library in lib/rlx/plugins that exports one symbol.
function(rlx_plugin name)
  cmake_parse_arguments(PLUGIN "" "OUTPUT_DIRECTORY" "SOURCES;LINKS" ${ARGN})
  if(NOT PLUGIN_OUTPUT_DIRECTORY)
    set(PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/rlx/plugins)
  endif()
  add_library(${name} MODULE ${PLUGIN_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PLUGIN_OUTPUT_DIRECTORY})
  target_link_libraries(${name} PRIVATE rlx_flags rlx_plugin_api ${PLUGIN_LINKS})
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/plugin_api/plugin.map -Wl,--build-id=sha1 ${RLX_NO_UNDEFINED})
endfunction()

# rlx_test(NAME SOURCES ... LINKS ... LABELS ...): one GoogleTest program, one ctest entry per case.
function(rlx_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINKS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include)
  target_link_libraries(${name} PRIVATE rlx_flags ${TEST_LINKS} GTest::gtest_main)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  rlx_watch_what_is_tested(${name})
  rlx_short_build(${name} test)
  if(NOT TEST_LABELS)
    set(TEST_LABELS quick)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT 300)
endfunction()
