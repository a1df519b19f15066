#!/usr/bin/env bash
# trainer_alone_test.sh BUILD FOLDER: the preset `trainer` is configured where nothing is found that
# only mpisweep needs, with the compiler and the libraries of BUILD. Nothing is built.
set -euo pipefail

build=$1 folder=$2

fail() {
  echo "FAILED: $1"
  exit 1
}

cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

# configure OPTION...
configure() {
  cmake -S "$(cached CMAKE_HOME_DIRECTORY)" -B "$folder" --preset trainer \
    -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" \
    -DCMAKE_PREFIX_PATH="$(cached CMAKE_PREFIX_PATH);$torch/share/cmake" "$@" 2>&1
}

if ! type -P ninja >/dev/null; then
  echo 'skipped: there is no ninja, which the presets ask for'
  exit 77
fi

torch=$(dirname "$(cached LibTorch_INCLUDE_DIR)")
hidden=()
for package in CLI11 HDF5 MPI fmt nlohmann_json spdlog yaml-cpp; do
  hidden+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done

rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT
for has_no_gtest in OFF ON; do
  configure "${hidden[@]}" -DCMAKE_DISABLE_FIND_PACKAGE_GTest=$has_no_gtest
  for target in mpisweep-trainer bench/one_at_a_time bench/step_speed; do
    grep -q "^build $target:" "$folder/build.ninja" || fail "$target would not be built"
  done
done

if answer=$(configure -DMPISWEEP_TRAINER=OFF); then fail 'neither program, and no error'; fi
[[ $answer == *'nothing to build'* ]] || fail "$answer"
