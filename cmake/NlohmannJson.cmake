# Makes nlohmann_json::nlohmann_json, from the package's CMake files or, without these, from its
# headers in a folder that CMAKE_PREFIX_PATH or CMAKE_INCLUDE_PATH names.
find_package(nlohmann_json 3.11 QUIET)
if(nlohmann_json_FOUND)
  return()
endif()

find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)
# One of these tells the version.
file(GLOB _headers ${NLOHMANN_JSON_INCLUDE_DIR}/nlohmann/json.hpp
     ${NLOHMANN_JSON_INCLUDE_DIR}/nlohmann/detail/abi_macros.hpp)
set(_version "")
foreach(_header ${_headers})
  file(STRINGS ${_header} _lines REGEX "define NLOHMANN_JSON_VERSION_(MAJOR|MINOR|PATCH) ")
  list(APPEND _version ${_lines})
endforeach()
string(REGEX REPLACE "[^0-9]+" "." _version "${_version}")
string(REGEX REPLACE "^\\.+|\\.+$" "" _version "${_version}")
if(_version VERSION_LESS 3.11)
  message(FATAL_ERROR "nlohmann_json in ${NLOHMANN_JSON_INCLUDE_DIR} is too old (${_version}), "
                      "3.11 is needed")
endif()
message(STATUS "Found nlohmann_json: ${NLOHMANN_JSON_INCLUDE_DIR} (version ${_version})")
add_library(nlohmann_json::nlohmann_json INTERFACE IMPORTED)
target_include_directories(nlohmann_json::nlohmann_json INTERFACE ${NLOHMANN_JSON_INCLUDE_DIR})
