include(GoogleTest)

# Most tests run but once, in no time.
add_library(unoptimized INTERFACE)
target_compile_options(unoptimized INTERFACE -O0)

# What most tests include, compiled once; such a header is tied to the options it was made with.
add_library(test_headers OBJECT headers.cpp)
target_link_libraries(test_headers PRIVATE protocol GTest::gtest mpisweep_warnings unoptimized)
target_precompile_headers(test_headers PRIVATE <gtest/gtest.h> <nlohmann/json.hpp> <filesystem>
                          <fstream>)
if(MPISWEEP_TRAINER)
  add_library(torch_test_headers OBJECT headers.cpp)
  target_link_libraries(torch_test_headers PRIVATE trainer_core GTest::gtest mpisweep_warnings
                                                   unoptimized)
  target_precompile_headers(torch_test_headers PRIVATE <gtest/gtest.h>
                            ${PROJECT_SOURCE_DIR}/trainer/torch.hpp <nlohmann/json.hpp>)
endif()

# sweep_test(<name> LIBS <library>... [FILES <file>...] [RANKS <n>...] [TORCH [OPTIMIZED]] [CHILDREN]
#            [TIMEOUT <seconds>] [LABELS <label>...])
#
# Declares the test program <name> from <name>.cpp.
# FILES: from these instead, as a program for each would take longer to compile than to write. With
# CMAKE_UNITY_BUILD each six of them are compiled together, so that their helpers want different names.
# Without options: one CTest entry per test, "Suite.Name". LABELS is unit where none is given.
# RANKS: one entry per rank count under mpirun, "<name>.np<n>", label mpi; the file has its own main.
# TORCH: one entry per file, since LibTorch takes half a second to start; label unit.
# OPTIMIZED: of those with TORCH, what computes long enough itself; others compile in half the time.
# CHILDREN: the test starts child processes; SCRIPTED_TRAINER names a trainer that misbehaves on request.
function(sweep_test name)
  cmake_parse_arguments(ARG "TORCH;OPTIMIZED;CHILDREN" "TIMEOUT" "FILES;LIBS;RANKS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_FILES)
    set(ARG_FILES ${name}.cpp)
  endif()
  add_executable(${name} ${ARG_FILES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                                           UNITY_BUILD_BATCH_SIZE 6)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} mpisweep_warnings GTest::gtest)
  if(ARG_OPTIMIZED)
    target_precompile_headers(${name} REUSE_FROM trainer_core)
  elseif(ARG_TORCH)
    target_link_libraries(${name} PRIVATE unoptimized)
    target_precompile_headers(${name} REUSE_FROM torch_test_headers)
  else()
    target_link_libraries(${name} PRIVATE unoptimized)
    target_precompile_headers(${name} REUSE_FROM test_headers)
  endif()
  if(ARG_RANKS)
    foreach(ranks ${ARG_RANKS})
      add_test(NAME ${name}.np${ranks}
               COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n ${ranks}
                       $<TARGET_FILE:${name}>)
      set_tests_properties(
        ${name}.np${ranks}
        PROPERTIES LABELS "mpi;${ARG_LABELS}" PROCESSORS ${ranks} TIMEOUT ${ARG_TIMEOUT}
                   ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
    endforeach()
    return()
  endif()
  if(ARG_CHILDREN)
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/test_main_with_children.cpp)
    target_compile_definitions(${name} PRIVATE SCRIPTED_TRAINER="$<TARGET_FILE:scripted_trainer>")
    add_dependencies(${name} scripted_trainer)
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
  endif()
  if(ARG_TORCH)
    if(MPISWEEP_MKL_BY_FEATURES)  # rounds as mpisweep-trainer does
      target_link_options(${name} PRIVATE LINKER:--undefined=mkl_serv_intel_cpu_true)
    endif()
    foreach(file ${ARG_FILES})
      cmake_path(GET file STEM test)
      filter_of(${file} filter)
      add_test(NAME ${test} COMMAND ${name} --gtest_filter=${filter})
      set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                                              ENVIRONMENT "OMP_NUM_THREADS=1;MKL_CBWR=AUTO"
                                              SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\].*\n.*\\[  PASSED  \\] 0 tests")
    endforeach()
    return()
  endif()
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# filter_of(<file> <variable>): GoogleTest's filter for the suites of a file.
function(filter_of file variable)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} tests REGEX "^(TYPED_)?TEST(_F|_P)?\\(")
  if(NOT tests)
    message(FATAL_ERROR "${file}: no test found")  # an empty filter would pass
  endif()
  list(TRANSFORM tests REPLACE "^TYPED_TEST\\(([A-Za-z0-9]+).*" "\\1/*")
  list(TRANSFORM tests REPLACE "^TEST[_FP]*\\(([A-Za-z0-9]+).*" "\\1.*:*/\\1.*")  # also with parameters
  list(REMOVE_DUPLICATES tests)
  list(JOIN tests : filter)
  set(${variable} ${filter} PARENT_SCOPE)
endfunction()
