# The page at /ui, as a C++ source that the server links: web/build.mjs bundles and writes it.
#
#   varve_web_bundle(bundle)                      # sets `bundle` to the path of the source
#   varve_library(NAME server_http SRCS ${bundle} ...)

find_program(VARVE_NODE NAMES node nodejs DOC "Node.js, which bundles the page at /ui")

function(varve_web_bundle out)
  set(web "${CMAKE_SOURCE_DIR}/web")
  if(NOT VARVE_NODE OR NOT EXISTS "${web}/node_modules/esbuild/package.json")
    message(FATAL_ERROR "the page at /ui is bundled with Node.js and packages in ${web}: run `make setup`")
  endif()
  set(bundle "${CMAKE_CURRENT_BINARY_DIR}/ui_bundle.cc")
  add_custom_command(
    OUTPUT "${bundle}"
    COMMAND "${VARVE_NODE}" "${web}/build.mjs" "${bundle}" "${bundle}.d"
    DEPENDS "${web}/build.mjs" "${web}/package-lock.json"
    DEPFILE "${bundle}.d"
    COMMENT "Bundling the page at /ui"
    VERBATIM)
  set(${out} "${bundle}" PARENT_SCOPE)
endfunction()
