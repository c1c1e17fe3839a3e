# equal_register(KIND NAME FILE), KIND one of encoder, policy, reward, extractor: FILE of the calling area defines
# make_<NAME>_<KIND>(); NAME becomes a choice of the settings, of completion and of the pages. One line registers one
# (docs/extending.md).
function(equal_register kind name file)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME area)
  get_target_property(sources equal_${area} SOURCES)
  if(NOT "${CMAKE_CURRENT_SOURCE_DIR}/${file}" IN_LIST sources)
    target_sources(equal_${area} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  endif()
  set_property(GLOBAL APPEND PROPERTY equal_registered_${kind} ${name})
endfunction()

# After all areas: the names as lists for the compiler, equal/base/registered.hpp.
function(equal_write_registered)
  foreach(kind IN ITEMS encoder policy reward extractor)
    get_property(names GLOBAL PROPERTY equal_registered_${kind})
    list(TRANSFORM names REPLACE "(.+)" "X(\\1)" OUTPUT_VARIABLE EQUAL_${kind})
    list(JOIN EQUAL_${kind} " " EQUAL_${kind})
  endforeach()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/registered.hpp.in" "${PROJECT_BINARY_DIR}/include/equal/base/registered.hpp" @ONLY)
endfunction()
