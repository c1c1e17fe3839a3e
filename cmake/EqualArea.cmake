# equal_add_area(NAME SOURCES a.cpp ... LINK equal::base ...)
# One static library target per area: sources in src/<area>/, public headers in include/equal/<area>/.
function(equal_add_area name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(equal_${name} STATIC ${ARG_SOURCES})
  add_library(equal::${name} ALIAS equal_${name})
  target_link_libraries(equal_${name} PUBLIC equal_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
