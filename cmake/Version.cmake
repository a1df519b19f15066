# Makes mpisweep_version: link it PRIVATE to include "version.hpp" with version::kVersion and
# version::kGitCommit ("unknown" outside a clone). Every build asks Git; the header is written again,
# and what includes it compiled again, only when the answer has changed.
if(CMAKE_SCRIPT_MODE_FILE)
  set(GIT_COMMIT unknown)
  if(EXISTS ${SOURCE_DIR}/.git)
    # The clone may belong to another user, as in a container; asking for a hash runs nothing of it.
    execute_process(
      COMMAND git -c safe.directory=* -C ${SOURCE_DIR} rev-parse --short --verify HEAD
      RESULT_VARIABLE git_status
      OUTPUT_VARIABLE git_output
      ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(git_status EQUAL 0)
      set(GIT_COMMIT ${git_output})
    endif()
  endif()
  configure_file(${SOURCE_DIR}/cmake/version.hpp.in ${HEADER} @ONLY)
  return()
endif()

add_custom_target(
  mpisweep_version_header
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DHEADER=${PROJECT_BINARY_DIR}/version/version.hpp -P ${CMAKE_CURRENT_LIST_FILE}
  BYPRODUCTS ${PROJECT_BINARY_DIR}/version/version.hpp
  COMMENT "Asking Git for the commit"
  VERBATIM)
add_library(mpisweep_version INTERFACE)
target_include_directories(mpisweep_version INTERFACE ${PROJECT_BINARY_DIR}/version)
add_dependencies(mpisweep_version mpisweep_version_header)
