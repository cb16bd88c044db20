# The kinds of target. A folder names its files and what it uses, and nothing else:
#
#   varve_library(NAME log HDRS log_writer.h SRCS log_writer.cc DEPS base io model absl::status)
#   varve_program(NAME varve SRCS main.cc DEPS server_pg)                  # installed
#   varve_test(NAME log_test SRCS log_writer_test.cc DEPS log io_testing)
#   varve_fuzz(NAME log_reader_fuzz SRCS log_reader_fuzz.cc DEPS log)      # preset `fuzz` only
#   varve_bench(NAME log_bench SRCS log_bench.cc DEPS log)                 # not part of `all`
#
# In DEPS a name without `::` is one of ours (`log` is the target varve_log); anything else is passed
# to target_link_libraries as it is. A folder below a folder joins its names: io/posix is `io_posix`.
# GCC precompiles base/precompiled.h for every target, once. PCH lists headers to precompile besides, for a
# folder whose includes are slow to read. PCH_OF names the target that has made
# the same: GCC takes its file; Clang, which wants equal definitions, makes another one of PCH.
# Where VARVE_UNITY is on, several files are compiled as one, but those that ALONE lists.

# Turns the names of DEPS into targets.
function(_varve_resolve out)
  set(resolved "")
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "::" OR dep MATCHES "^-" OR dep STREQUAL "yaml-cpp")
      list(APPEND resolved "${dep}")
    else()
      list(APPEND resolved "varve::${dep}")
    endif()
  endforeach()
  set(${out} "${resolved}" PARENT_SCOPE)
endfunction()

function(_varve_parse)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;PCH_OF" "HDRS;SRCS;DEPS;PCH;LABELS;ALONE" )
  if(NOT arg_NAME)
    message(FATAL_ERROR "a target needs a NAME")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${arg_NAME}: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  _varve_resolve(deps ${arg_DEPS})
  foreach(key NAME HDRS SRCS PCH PCH_OF LABELS ALONE)
    set(arg_${key} "${arg_${key}}" PARENT_SCOPE)
  endforeach()
  set(arg_DEPS "${deps}" PARENT_SCOPE)
endfunction()

# Names what `target` has precompiled: arg_PCH, or what `carrier` has made. Compiler options have to be
# equal for that, so that libraries and tests, which are not optimised, have a carrier each.
function(_varve_precompile target carrier)
  set(common "${CMAKE_SOURCE_DIR}/src/base/precompiled.h")
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    if(arg_PCH)
      target_precompile_headers(${target} PRIVATE ${arg_PCH})
    endif()
  elseif(arg_PCH_OF)
    target_precompile_headers(${target} REUSE_FROM ${arg_PCH_OF})
  elseif(arg_PCH OR target STREQUAL carrier)
    target_precompile_headers(${target} PRIVATE ${arg_PCH} "${common}")
  elseif(NOT carrier STREQUAL "varve_base" OR "varve::base" IN_LIST arg_DEPS)
    # A library that does not use base has not its definitions, without which the file is of no use.
    target_precompile_headers(${target} REUSE_FROM ${carrier})
  endif()
endfunction()

# Compiles a few files of a target as one, which reads their headers and instantiates their templates once.
function(_varve_unite target)
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${VARVE_UNITY} UNITY_BUILD_BATCH_SIZE ${VARVE_UNITY_FILES})
  set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

function(varve_library)
  _varve_parse(${ARGN})
  set(target varve_${arg_NAME})
  if(arg_SRCS)
    add_library(${target} STATIC ${arg_SRCS} ${arg_HDRS})
    target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${arg_DEPS})
    _varve_precompile(${target} varve_base)
    _varve_unite(${target})
  else()
    add_library(${target} INTERFACE ${arg_HDRS})
    target_include_directories(${target} INTERFACE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${arg_DEPS})
  endif()
  add_library(varve::${arg_NAME} ALIAS ${target})
endfunction()

# A program that is shipped: at the top of the build folder, and in bin/ of an installed tree.
function(varve_program)
  _varve_parse(${ARGN})
  add_executable(${arg_NAME} ${arg_SRCS} ${arg_HDRS})
  target_include_directories(${arg_NAME} PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS})
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  install(TARGETS ${arg_NAME} RUNTIME DESTINATION bin)
endfunction()

# One program per folder is enough; a program that crashes fails as a whole.
function(varve_test)
  _varve_parse(${ARGN})
  add_executable(${arg_NAME} ${arg_SRCS} ${arg_HDRS})
  target_include_directories(${arg_NAME} PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} GTest::gmock_main GTest::gtest)
  # A test is compiled once and runs for a moment; what it tests is optimised as it is shipped.
  target_compile_options(${arg_NAME} PRIVATE $<$<CONFIG:Release>:-O0>)
  _varve_precompile(${arg_NAME} base_test)
  _varve_unite(${arg_NAME})
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} --gtest_brief=1)
  set(environment "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/test-results/${arg_NAME}.xml")
  if(VARVE_SANITIZE)
    set(supp "${CMAKE_SOURCE_DIR}/tools/sanitizers")
    list(APPEND environment
      "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
      "UBSAN_OPTIONS=print_stacktrace=1"
      "LSAN_OPTIONS=suppressions=${supp}/lsan.txt:print_suppressions=0"
      "TSAN_OPTIONS=suppressions=${supp}/tsan.txt:halt_on_error=1:second_deadlock_stack=1")
  endif()
  set_tests_properties(${arg_NAME} PROPERTIES
    LABELS "unit;${arg_LABELS}" TIMEOUT 600 ENVIRONMENT "${environment}")
endfunction()

add_custom_target(varve_fuzzers)

function(varve_fuzz)
  if(NOT VARVE_FUZZ)
    return()
  endif()
  _varve_parse(${ARGN})
  add_executable(${arg_NAME} ${arg_SRCS})
  target_include_directories(${arg_NAME} PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS})
  target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
  add_dependencies(varve_fuzzers ${arg_NAME})
endfunction()

add_custom_target(varve_benchmarks)

function(varve_bench)
  _varve_parse(${ARGN})
  add_executable(${arg_NAME} EXCLUDE_FROM_ALL ${arg_SRCS})
  target_include_directories(${arg_NAME} PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS})
  add_dependencies(varve_benchmarks ${arg_NAME})
endfunction()
