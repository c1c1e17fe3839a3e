# What `cmake --install` and packages hold. Component runtime: the program, its manual page and completions, configurations,
# documents. Component development: headers, one static library an area, and what finds them (CMake, pkg-config).
# The pages are made by the program itself. (Outside a launcher it starts no MPI.)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME runtime)
set(pages "${PROJECT_BINARY_DIR}/pages")
file(MAKE_DIRECTORY "${pages}")
add_custom_command(
  OUTPUT "${pages}/equal.1" "${pages}/equal.bash" "${pages}/_equal"
  COMMAND equal validate --print-manual-page > "${pages}/equal.1"
  COMMAND equal completion bash > "${pages}/equal.bash"
  COMMAND equal completion zsh > "${pages}/_equal"
  DEPENDS equal VERBATIM)
add_custom_target(equal_pages ALL DEPENDS "${pages}/equal.1")
install(FILES "${pages}/equal.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES "${pages}/equal.bash" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME equal)
install(FILES "${pages}/_equal" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions")
install(DIRECTORY configs DESTINATION "${CMAKE_INSTALL_DATADIR}/equal" PATTERN prompts EXCLUDE)
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DOCDIR}" PATTERN "*.jsonl" EXCLUDE)
install(FILES README.md LICENSE CHANGELOG.md CITATION.cff DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(DIRECTORY jobs DESTINATION "${CMAKE_INSTALL_DATADIR}/equal")
list(GET MPI_C_LIBRARIES 0 EQUAL_MPI_LIBRARY)
configure_file(tools/packaging/lmod/equal.lua.in "${PROJECT_BINARY_DIR}/equal.lua" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/equal.lua" DESTINATION "${CMAKE_INSTALL_DATADIR}/modulefiles/equal" RENAME "${PROJECT_VERSION}.lua")

# The library: every area but the program's own.
get_property(areas GLOBAL PROPERTY equal_areas)
list(REMOVE_ITEM areas cli)
list(TRANSFORM areas PREPEND equal_ OUTPUT_VARIABLE libraries)
set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/equal")
install(TARGETS ${libraries} equal_flags EXPORT equalTargets COMPONENT development
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(EXPORT equalTargets NAMESPACE equal:: DESTINATION "${package_folder}" COMPONENT development)
install(DIRECTORY include/equal DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development FILES_MATCHING PATTERN "*.hpp")
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/equalConfig.cmake.in "${PROJECT_BINARY_DIR}/equalConfig.cmake" INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/equalConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/equalConfig.cmake" "${PROJECT_BINARY_DIR}/equalConfigVersion.cmake"
  DESTINATION "${package_folder}" COMPONENT development)

# pkg-config: the areas from the highest to the lowest, then what they need. Libraries without a .pc file of their own go by path.
list(REVERSE areas)
list(TRANSFORM areas PREPEND "-lequal_" OUTPUT_VARIABLE EQUAL_PC_AREAS)
list(JOIN EQUAL_PC_AREAS " " EQUAL_PC_AREAS)
set(EQUAL_PC_REQUIRES "spdlog fmt nlohmann_json simdjson libcrypto zlib libcurl openblas libutf8proc")
get_target_property(boost Boost::program_options LOCATION)
set(EQUAL_PC_LIBRARIES ${HDF5_C_LIBRARIES} ${MPI_C_LIBRARIES} ${boost} ${CMAKE_DL_LIBS} -pthread)
if(EQUAL_HAS_ONEDNN)
  list(APPEND EQUAL_PC_LIBRARIES -ldnnl)
endif()
if(EQUAL_ZSTD)
  string(APPEND EQUAL_PC_REQUIRES " libzstd")
endif()
list(TRANSFORM EQUAL_PC_LIBRARIES REPLACE "^dl$" "-ldl")
list(JOIN EQUAL_PC_LIBRARIES " " EQUAL_PC_LIBRARIES)
# The prefix is found from where the file lies, so that an installed tree may be moved.
file(RELATIVE_PATH EQUAL_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/equal.pc.in "${PROJECT_BINARY_DIR}/equal.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/equal.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)

include(EqualPackage)
