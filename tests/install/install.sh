#!/usr/bin/env bash
# Installs the build tree into an empty folder and uses it as a stranger would: the program with its pages, and the library
# from another CMake project and through pkg-config. usage: install.sh BUILD SOURCE CXX [CMAKE_ARGUMENT ...]
set -euo pipefail
build=$1 source=$2 cxx=$3
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "install: $*" >&2; exit 1; }
rm -rf prefix moved by_cmake by_pkg_config
cmake --install "$build" --prefix "$PWD/prefix" > install.log || fail "cmake --install: $(tail -n 5 install.log)"
mv prefix moved  # nothing may depend on where it was installed
prefix=$PWD/moved

[ "$("$prefix/bin/equal" --version | head -n 1)" = "equal $(sed -n 's/^project(equal VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ] || fail "another version"
for file in share/man/man1/equal.1 share/bash-completion/completions/equal share/zsh/vendor-completions/_equal share/doc/equal/README.md \
    share/equal/prompts/extract.txt share/equal/configs/smoke.ini; do
  [ -s "$prefix/$file" ] || fail "$file is missing"
done
for header in "$source"/include/equal/*/*.hpp; do
  cmp -s "$header" "$prefix/include/${header#"$source"/include/}" || fail "$header is not installed"
done
printf '{"question": "What is a list?", "answer": "A row of items."}\n' > reference.jsonl
printf '{"id": "a", "text": "Lists hold items.", "qas": [{"question": "What do lists hold?", "answer": "Items."}]}\n' > docs.jsonl
rm -rf work
"$prefix/bin/equal" run --workspace work --inputs docs.jsonl --reference.files reference.jsonl --extractor replay --budget.documents 1 > run.log 2>&1 ||
  fail "the installed program: $(tail -n 5 run.log)"
grep -q 'What do lists hold' work/out/train.jsonl || fail "no pair in work/out/train.jsonl"

cmake -S "$here/consumer" -B by_cmake -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" "$@" > cmake.log 2>&1 ||
  fail "find_package(equal): $(tail -n 20 cmake.log)"
cmake --build by_cmake > build.log 2>&1 || fail "a program with find_package(equal): $(tail -n 20 build.log)"
one=$(by_cmake/consumer) || fail "the program with find_package(equal) says: $one"

mkdir by_pkg_config
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name equal.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046  # one word a flag
"$cxx" "$here/consumer/main.cpp" $(pkg-config --cflags equal) -o by_pkg_config/consumer $(pkg-config --libs equal) > pkg_config.log 2>&1 ||
  fail "a program with pkg-config: $(tail -n 20 pkg_config.log)"
two=$(by_pkg_config/consumer) || fail "the program with pkg-config says: $two"
[ "$one" = "$two" ] || fail "they differ: $one / $two"
three=$("${EQUAL_MPIEXEC:-mpirun}" -n 2 by_pkg_config/consumer) || fail "on two ranks: $three"
[ "${one#*; }" = "${three#*; }" ] || fail "two ranks differ: $one / $three"
echo "$three"
"$here/lmod.sh" "$prefix"
