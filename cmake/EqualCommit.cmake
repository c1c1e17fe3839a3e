# cmake -DSOURCE=<dir> -DIN=<file.in> -DOUT=<file> -DEQUAL_COMMIT=<given> ... -P EqualCommit.cmake
# The commit of the sources: as given (packages), else what git says, with "+" when files differ from it, else "unknown".
if(NOT EQUAL_COMMIT)
  execute_process(COMMAND git -C "${SOURCE}" rev-parse --short=12 HEAD OUTPUT_VARIABLE EQUAL_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(EQUAL_COMMIT unknown)
  else()
    execute_process(COMMAND git -C "${SOURCE}" diff --quiet HEAD ERROR_QUIET RESULT_VARIABLE changed)
    if(changed)
      string(APPEND EQUAL_COMMIT "+")
    endif()
  endif()
endif()
configure_file("${IN}" "${OUT}" @ONLY)
