# Compiler, linker and output settings that hold for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

set(VARVE_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, comma-separated; empty for none")
option(VARVE_FUZZ "Build the fuzz targets (needs clang)" OFF)
option(VARVE_UNITY "Compile a target's files a few at a time" OFF)
set(VARVE_UNITY_FILES 6 CACHE STRING "How many at most; 0 for all of a target")
option(VARVE_THREAD_SAFETY "Check the lock annotations of base/mutex.h (needs clang)" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# -O2 rather than -O3: the hot loops are DuckDB's, already compiled; ours do not gain from -O3 and the
# build takes longer.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

# ccache must be told that precompiled headers are safe to share, and to keep in mind what it has read of
# those half gigabytes.
find_program(VARVE_CCACHE ccache)
if(VARVE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 CCACHE_INODECACHE=1 "${VARVE_CCACHE}")
endif()

find_program(VARVE_MOLD mold)
if(VARVE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# The standard library's own checks (an empty optional, an index outside a vector) where speed does
# not matter.
add_compile_definitions($<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)

add_compile_options(
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wvla -Wundef
  -fdiagnostics-color=auto)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside inlined standard-library code that is right (GCC bugs 105329, 105651,
  # 105705); clang's build and the sanitizers look for the real ones.
  add_compile_options(
    -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds -Wno-dangling-pointer)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 18 began to mangle some template arguments in a way that GCC 12, which built Debian's
  # libraries (Abseil's Cord for one), does not.
  add_compile_options(-fclang-abi-compat=17)
endif()

if(VARVE_THREAD_SAFETY)
  add_compile_options(-Wthread-safety -Wthread-safety-reference)
endif()

if(VARVE_SANITIZE)
  # DuckDB's library is not instrumented and its type information is not shared with ours in every
  # case, so UBSan's check of virtual tables would accuse correct casts.
  add_compile_options(-fsanitize=${VARVE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VARVE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 inlines Asio's operator new for coroutines and not its operator delete, and then takes
    # them for no pair; it is silent only where the header comes from no precompiled one.
    add_compile_options(-Wno-mismatched-new-delete)
  endif()
  if(VARVE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio puts fences, which the sanitizer does not follow, beside locks, which it does.
    add_compile_options(-Wno-tsan)
  endif()
  if(VARVE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
if(VARVE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# One place for programs that are not installed, so that each finds libduckdb.so by the same relative
# path; `varve` itself goes to the top of the build folder.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/archive")

# Build tree and installed tree carry the same relative search path, so that either can be moved.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/lib:$ORIGIN/../lib:$ORIGIN/../lib/varve")
