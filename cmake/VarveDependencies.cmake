# Every library from outside, found once. docs/DEPENDENCIES.md says why each is here and which folder
# may include it.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)                # fmt::fmt
find_package(spdlog REQUIRED)             # spdlog::spdlog
find_package(absl REQUIRED)               # absl::status absl::statusor ...
find_package(Boost 1.81 REQUIRED)         # Boost::headers (Asio, Beast)
find_package(CURL 7.85 REQUIRED)          # CURL::libcurl
find_package(OpenSSL 3 REQUIRED)          # OpenSSL::Crypto
find_package(pugixml REQUIRED)            # pugixml::pugixml
find_package(Snappy REQUIRED)             # Snappy::snappy
find_package(simdjson REQUIRED)           # simdjson::simdjson
find_package(nlohmann_json REQUIRED)      # nlohmann_json::nlohmann_json
find_package(CLI11 REQUIRED)              # CLI11::CLI11
find_package(yaml-cpp REQUIRED)           # yaml-cpp
find_package(GTest REQUIRED)              # GTest::gmock_main
find_package(benchmark REQUIRED)          # benchmark::benchmark
find_package(ZLIB REQUIRED)               # ZLIB::ZLIB
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)      # PkgConfig::zstd
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)        # PkgConfig::lz4
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)  # PkgConfig::xxhash
find_package(DuckDB REQUIRED)             # DuckDB::DuckDB

# PostgreSQL 15's own grammar; the package ships no CMake or pkg-config file.
find_path(PgQuery_INCLUDE_DIR pg_query.h REQUIRED)
find_library(PgQuery_LIBRARY pg_query REQUIRED)
add_library(PgQuery::PgQuery UNKNOWN IMPORTED)
set_target_properties(PgQuery::PgQuery PROPERTIES
  IMPORTED_LOCATION "${PgQuery_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${PgQuery_INCLUDE_DIR}")
mark_as_advanced(PgQuery_INCLUDE_DIR PgQuery_LIBRARY)
