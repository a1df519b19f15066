# Finds the C++ part of PyTorch: the folder that holds include/ and lib/, either inside the wheel
# (.deps/torch/torch) or a LibTorch named by CMAKE_PREFIX_PATH, 2.9 or newer. Its share/cmake is as
# good a name: torch.utils.cmake_prefix_path of a PyTorch is that folder.
# Makes LibTorch::LibTorch. It needs no CUDA toolkit and links torch_cpu and c10 alone;
# libtorch_cuda is loaded at run time where there is a GPU.
# Also makes LibTorch::CUDA where LibTorch has a CUDA part and the headers of the CUDA runtime are
# found, beside the wheel or in a toolkit.
find_path(
  LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h
  HINTS ${PROJECT_SOURCE_DIR}/.deps/torch/torch
  PATH_SUFFIXES include ../../include)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${PROJECT_SOURCE_DIR}/.deps/torch/torch
             PATH_SUFFIXES lib ../../lib)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${PROJECT_SOURCE_DIR}/.deps/torch/torch
             PATH_SUFFIXES lib ../../lib)
# As CMake reads them from its cache the next time: options that differ would compile all again.
foreach(_place LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
  cmake_path(NORMAL_PATH ${_place})
endforeach()

if(LibTorch_INCLUDE_DIR)
  file(STRINGS ${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h _torch_version
       REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE "[^0-9]+" "." LibTorch_VERSION "${_torch_version}")
  string(REGEX REPLACE "^\\.+|\\.+$" "" LibTorch_VERSION "${LibTorch_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run ./dev setup, or name a LibTorch folder in CMAKE_PREFIX_PATH.")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(
    LibTorch::LibTorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR}
                                        ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  get_filename_component(_torch_lib ${LibTorch_CPU_LIBRARY} DIRECTORY)
  # libtorch_cpu finds the NVIDIA libraries beside it by its own RPATH; the linker needs to be told.
  # Those of CUDA 13 share a folder, cu13; those of CUDA 12 have one each.
  get_filename_component(_nvidia ${_torch_lib}/../../nvidia ABSOLUTE)
  file(GLOB _nvidia_lib ${_nvidia}/*/lib)
  set(_link_path ${_nvidia_lib} ${_torch_lib})
  list(JOIN _link_path : _link_path)
  target_link_libraries(
    LibTorch::LibTorch INTERFACE ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY}
                                 -Wl,-rpath-link,${_link_path} ${CMAKE_DL_LIBS})
endif()

if(LibTorch_FOUND AND NOT TARGET LibTorch::CUDA)
  list(TRANSFORM _nvidia_lib REPLACE "lib$" include OUTPUT_VARIABLE _nvidia_include)
  find_path(LibTorch_CUDA_RUNTIME_INCLUDE_DIR cuda_runtime_api.h
            HINTS ${_nvidia_include} ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES include)
  find_library(LibTorch_CUDA_RUNTIME_LIBRARY NAMES libcudart.so.13 libcudart.so.12 cudart
               HINTS ${_nvidia_lib} ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES lib64)
  find_library(LibTorch_CUDA_LIBRARY torch_cuda HINTS ${_torch_lib} NO_DEFAULT_PATH)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda HINTS ${_torch_lib} NO_DEFAULT_PATH)
  if(LibTorch_CUDA_RUNTIME_INCLUDE_DIR AND LibTorch_CUDA_RUNTIME_LIBRARY
     AND LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY
     AND EXISTS ${LibTorch_INCLUDE_DIR}/ATen/cuda/CUDAGraph.h)
    add_library(LibTorch::CUDA INTERFACE IMPORTED)
    target_include_directories(LibTorch::CUDA SYSTEM INTERFACE ${LibTorch_CUDA_RUNTIME_INCLUDE_DIR})
    # libtorch_cuda wants libraries that only machines with a GPU need to have.
    target_link_libraries(
      LibTorch::CUDA
      INTERFACE LibTorch::LibTorch ${LibTorch_CUDA_LIBRARY} ${LibTorch_C10_CUDA_LIBRARY}
                ${LibTorch_CUDA_RUNTIME_LIBRARY} -Wl,--allow-shlib-undefined)
  endif()
endif()
mark_as_advanced(
  LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_CUDA_RUNTIME_INCLUDE_DIR
  LibTorch_CUDA_RUNTIME_LIBRARY LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)
