include(GoogleTest)

# sweep_test(<name> LIBS <library>... [RANKS <n>...] [TORCH] [CHILDREN] [TIMEOUT <seconds>] [LABELS <label>...])
#
# Declares the test program <name> from <name>.cpp.
# Without options: one CTest entry per test, "Suite.Name". LABELS is unit where none is given.
# RANKS: one entry per rank count under mpirun, "<name>.np<n>", label mpi; the file has its own main.
# TORCH: one entry per file, since LibTorch takes half a second to start; label unit. The source may
#        use the precompiled header of trainer_core.
# CHILDREN: the test starts child processes; SCRIPTED_TRAINER names a trainer that misbehaves on request.
function(sweep_test name)
  cmake_parse_arguments(ARG "TORCH;CHILDREN" "TIMEOUT" "LIBS;RANKS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${name}.cpp)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} mpisweep_warnings GTest::gtest)
  if(NOT ARG_TORCH)  # the precompiled header is tied to the options it was made with
    target_compile_options(${name} PRIVATE -O0)  # compiles in half the time, and runs but once
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
    target_precompile_headers(${name} REUSE_FROM trainer_core)
    if(MPISWEEP_MKL_BY_FEATURES)  # rounds as mpisweep-trainer does
      target_link_options(${name} PRIVATE LINKER:--undefined=mkl_serv_intel_cpu_true)
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                                            ENVIRONMENT "OMP_NUM_THREADS=1;MKL_CBWR=AUTO"
                                            SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\].*\n.*\\[  PASSED  \\] 0 tests")
    return()
  endif()
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
