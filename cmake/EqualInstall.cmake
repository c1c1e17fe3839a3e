# What `cmake --install` and packages hold: the program, its manual page and completions, configurations, documents.
# The pages are made by the program itself. (Outside a launcher it starts no MPI.)
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

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME equal)
set(CPACK_PACKAGE_CONTACT "the equal developers <equal@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin")
include(CPack)
