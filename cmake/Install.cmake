# What `cmake --install BUILD --prefix P` puts where. The tree may be moved: programs find what came
# with them by their own place.
#   P/bin                 mpisweep, mpisweep-trainer
#   P/lib/mpisweep        the CUDA part of the trainer, and LibTorch if it is that of .deps
#   P/share/mpisweep      configs/, slurm/
# Libraries of the site (MPI, HDF5, a LibTorch that CMAKE_PREFIX_PATH names) stay where they are.
include(GNUInstallDirs)
set(MPISWEEP_PRIVATE_LIBDIR lib/mpisweep)

if(MPISWEEP_SWEEP)
  install(TARGETS mpisweep RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_target_properties(mpisweep PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(DIRECTORY configs slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/mpisweep
          USE_SOURCE_PERMISSIONS)
endif()

if(NOT MPISWEEP_TRAINER)
  return()
endif()

# Of paths in the source tree, as those in .deps are, INSTALL_RPATH_USE_LINK_PATH keeps none.
install(TARGETS mpisweep-trainer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set_target_properties(
  mpisweep-trainer
  PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/mpisweep:$ORIGIN/../lib/mpisweep/torch/lib"
             INSTALL_RPATH_USE_LINK_PATH ON)
if(TARGET mpisweep-trainer-cuda)
  install(TARGETS mpisweep-trainer-cuda LIBRARY DESTINATION ${MPISWEEP_PRIVATE_LIBDIR})
  set_target_properties(
    mpisweep-trainer-cuda PROPERTIES INSTALL_RPATH "$ORIGIN/torch/lib:$ORIGIN/nvidia/cu13/lib"
                                     INSTALL_RPATH_USE_LINK_PATH ON)
endif()

# The libraries of the wheels find each other by the places that they have there. The CUDA part is
# left out where what it needs is (./dev setup --cuda).
set(wheels ${PROJECT_SOURCE_DIR}/.deps/torch)
string(FIND "${LibTorch_CPU_LIBRARY}" "${wheels}/" place)
if(place EQUAL 0)
  if(EXISTS ${wheels}/nvidia/cudnn)
    set(is_left_out "")
  else()
    set(is_left_out "|torch_cuda|torch_cuda_linalg|torch_nvshmem|c10_cuda")
  endif()
  install(
    DIRECTORY ${wheels}/torch/lib/
    DESTINATION ${MPISWEEP_PRIVATE_LIBDIR}/torch/lib
    FILES_MATCHING
    PATTERN "*.so*"
    REGEX "/libshm" EXCLUDE
    REGEX "/lib(torch_python${is_left_out})\\.so" EXCLUDE)
  install(
    DIRECTORY ${wheels}/nvidia
    DESTINATION ${MPISWEEP_PRIVATE_LIBDIR}
    FILES_MATCHING
    PATTERN "*.so*"
    REGEX "/(include|bin|share|src)$" EXCLUDE
    REGEX "/lib(checkpoint|nvperf_host|nvperf_target|pcsamplingutil)\\.so" EXCLUDE)
endif()
