#!/usr/bin/env bash
# moved_tree_test.sh BUILD FOLDER: installs what BUILD has, moves the tree, and runs a sweep from
# there. Nothing in it may point to where it was built.
set -euo pipefail

build=$1 folder=$2
root=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
tree=$folder/moved

fail() {
  echo "FAILED: $1"
  exit 1
}

rm -rf "$folder"
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/first" >/dev/null
mv "$folder/first" "$tree"

for file in bin/mpisweep share/mpisweep/configs/quickstart.yaml share/mpisweep/slurm/mpisweep.lua; do
  [[ -e $tree/$file ]] || fail "$file is missing"
done

# Paths of the system and of the site may stand there, absolute ones of the clone may not.
for program in "$tree"/bin/* "$tree"/lib/mpisweep/*.so; do
  [[ -e $program ]] || continue
  path=$(readelf -d "$program" | sed -n 's/.*(R[A-Z]*PATH).*\[\(.*\)\]/\1/p')
  [[ :$path: != *":$root"* && :$path: != *":$build"* ]] || fail "$program looks in $path"
done
for program in "$tree"/bin/*; do
  libraries=$(ldd "$program")
  if grep 'not found' <<<"$libraries"; then fail "$program lacks libraries"; fi
  if grep -F -e "$root/" -e "$build/" <<<"${libraries//"$tree"\//}"; then
    fail "$program loads what was built, not what was installed"
  fi
done
if [[ ! -e $tree/bin/mpisweep-trainer ]]; then
  echo 'no trainer was built, the rest is for one'
  exit 0
fi

cd "$folder"
"$tree/bin/mpisweep" run "$tree/share/mpisweep/configs/quickstart.yaml" --output out --ranks 2 \
  --device cpu --set epochs=2
status=$("$tree/bin/mpisweep" status out)
[[ $status == *'36/36 finished'* ]] || fail "$status"
