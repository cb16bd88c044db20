# Finds the DuckDB library and its C++ headers; defines the target DuckDB::DuckDB.
#
# DUCKDB_ROOT (cache variable or environment) wins; otherwise build/deps/duckdb, which tools/setup.sh
# fills. Expected there: include/duckdb.hpp, lib/libduckdb.so, and optionally third_party/ and
# extension/ from DuckDB's source.
#
# The library is linked into <build>/lib, beside the programs, because they look for it by a path that
# is relative to themselves.

set(_duckdb_default "${CMAKE_SOURCE_DIR}/build/deps/duckdb")
if(DEFINED ENV{DUCKDB_ROOT})
  set(_duckdb_default "$ENV{DUCKDB_ROOT}")
endif()
set(DUCKDB_ROOT "${_duckdb_default}" CACHE PATH "Folder with DuckDB's include/ and lib/")

find_path(DuckDB_INCLUDE_DIR duckdb.hpp PATHS "${DUCKDB_ROOT}/include" NO_DEFAULT_PATH)
find_library(DuckDB_LIBRARY duckdb PATHS "${DUCKDB_ROOT}/lib" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/setup.sh, or set DUCKDB_ROOT")

if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  get_filename_component(_duckdb_real "${DuckDB_LIBRARY}" REALPATH)
  set(_duckdb_beside "${CMAKE_BINARY_DIR}/lib/libduckdb.so")
  if("${_duckdb_real}" IS_NEWER_THAN "${_duckdb_beside}")
    file(CREATE_LINK "${_duckdb_real}" "${_duckdb_beside}" COPY_ON_ERROR)
  endif()

  # Not third_party/fmt: it is a renamed fmt whose headers would hide the real one.
  set(_duckdb_includes "${DuckDB_INCLUDE_DIR}")
  foreach(_part third_party/re2 third_party/utf8proc/include
                third_party/yyjson/include third_party/concurrentqueue third_party/fast_float
                third_party/parquet third_party/thrift
                extension/core_functions/include extension/parquet/include extension/json/include
                extension/icu/include)
    if(EXISTS "${DUCKDB_ROOT}/${_part}")
      list(APPEND _duckdb_includes "${DUCKDB_ROOT}/${_part}")
    endif()
  endforeach()

  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES
    IMPORTED_LOCATION "${_duckdb_beside}"
    IMPORTED_SONAME libduckdb.so
    INTERFACE_INCLUDE_DIRECTORIES "${_duckdb_includes}")
endif()
mark_as_advanced(DuckDB_INCLUDE_DIR DuckDB_LIBRARY)
