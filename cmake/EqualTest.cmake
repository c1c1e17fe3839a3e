# equal_add_test(NAME x SOURCES ... [LINK equal::area ...] [RANKS 1 2 3 4] [LABELS ...] [TIMEOUT s])
# One binary; one CTest entry without RANKS (label unit), or one per rank count under mpirun (label mpi).
# Each entry runs in its own scratch folder and with one BLAS thread.
find_package(GTest REQUIRED)

set(EQUAL_TEST_ENVIRONMENT
  OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=0)

function(equal_add_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LINK;RANKS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(target test_${ARG_NAME})
  add_executable(${target} ${ARG_SOURCES})
  if(ARG_RANKS)
    target_link_libraries(${target} PRIVATE equal_test_mpi_main)
  else()
    target_link_libraries(${target} PRIVATE GTest::gtest_main)
  endif()
  target_link_libraries(${target} PRIVATE equal_test_support ${ARG_LINK} GTest::gmock GTest::gtest)
  if(NOT ARG_RANKS)
    equal_register_test(${ARG_NAME} COMMAND $<TARGET_FILE:${target}> LABELS unit ${ARG_LABELS}
      TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT ${ARG_ENVIRONMENT})
  endif()
  foreach(ranks IN LISTS ARG_RANKS)
    equal_register_test(${ARG_NAME}.np${ranks} LABELS mpi ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${ranks}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}>
      ENVIRONMENT ${ARG_ENVIRONMENT})
  endforeach()
endfunction()

# equal_register_test(NAME COMMAND ... LABELS ... [TIMEOUT s] [PROCESSORS n] [ENVIRONMENT A=B ...]): also for scripts.
function(equal_register_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;PROCESSORS" "COMMAND;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_PROCESSORS)
    set(ARG_PROCESSORS 1)
  endif()
  if(EQUAL_SANITIZE)
    math(EXPR ARG_TIMEOUT "4 * ${ARG_TIMEOUT}")
  endif()
  set(scratch "${CMAKE_BINARY_DIR}/scratch/${name}")
  file(MAKE_DIRECTORY "${scratch}")
  add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY "${scratch}")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${ARG_PROCESSORS}
    ENVIRONMENT "${EQUAL_TEST_ENVIRONMENT};EQUAL_SOURCE_DIR=${PROJECT_SOURCE_DIR};EQUAL_BINARY_DIR=${CMAKE_BINARY_DIR};EQUAL_MPIEXEC=${MPIEXEC_EXECUTABLE};${ARG_ENVIRONMENT}")
endfunction()
