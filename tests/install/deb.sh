#!/usr/bin/env bash
# Makes the Debian package of the program from the build tree, installs it in a bare Debian made with debootstrap, and runs the smoke job
# there under mpirun. As root. The bare system is kept in the cache; packages come from where this machine's apt gets its own.
# usage: deb.sh BUILD SOURCE [library]     (in an empty folder)
#   library   the package of the library too: manual page, completion and tests/install/consumer, all in the bare system
set -euo pipefail
build=$1 source=$2 library=${3:-}
fail() { echo "deb: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "debootstrap wants root"
"$source/tools/install_packages" <(echo debootstrap) > install.log 2>&1 || fail "$(tail -n 3 install.log)"
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016  # apt's own variables
mirror=${EQUAL_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY)' | awk -v s="$suite" '$2 == s && $3 == "Packages" { print $1; exit }')}
[ -n "$mirror" ] || fail "no mirror of $suite; set EQUAL_DEBIAN_MIRROR"
bare=${XDG_CACHE_HOME:-$HOME/.cache}/equal/debian-$suite.tar
if [ ! -f "$bare" ]; then
  rm -rf bare
  debootstrap --variant=minbase "$suite" bare "$mirror" > debootstrap.log 2>&1 || fail "debootstrap: $(tail -n 5 debootstrap.log)"
  mkdir -p "$(dirname "$bare")"
  tar -C bare -cf "$bare.$$" . && mv "$bare.$$" "$bare"
  rm -rf bare
fi

rm -rf packages root
# Without the Parquet module: its Arrow may come from Python, which is no Debian package.
(cd "$build" && cpack -G DEB -D CPACK_COMPONENTS_ALL="runtime${library:+;development}" -B "$OLDPWD/packages") > cpack.log 2>&1 ||
  fail "cpack: $(tail -n 5 cpack.log)"
mkdir root
tar -C root -xf "$bare"
cp packages/*.deb root/tmp
cp /etc/resolv.conf root/etc/ 2>/dev/null || true
cat > root/tmp/install.sh <<'SH'
apt-get install -y -qq --no-install-recommends "$@" > /tmp/install.log 2>&1 || { tail -n 20 /tmp/install.log; exit 1; }
SH
cat > root/tmp/program.sh <<'SH'
set -eu
cd /tmp
apt-get update -qq
sh install.sh ./equal_*.deb
equal --version --verbose
test -s /usr/share/man/man1/equal.1 || test -s /usr/share/man/man1/equal.1.gz || test ! -d /usr/share/man/man1
i=0
while [ $i -lt 200 ]; do
  printf '{"id": "d%d", "text": "Stone %d lies on hill %d.", "qas": [{"question": "Where does stone %d lie?", "answer": "On hill %d."}]}\n' $i $i $i $i $i
  i=$((i + 1))
done > docs.jsonl
printf '{"question": "Where does stone %d lie?", "answer": "On hill 3."}\n' 1 2 3 4 > reference.jsonl
mpirun -n 3 equal run --config /usr/share/equal/configs/smoke.ini --workspace w --inputs docs.jsonl --reference.files reference.jsonl
test "$(wc -l < w/out/train.jsonl)" -ge 15
SH
cat > root/tmp/library.sh <<'SH'
set -eu
cd /tmp
sh install.sh ./libequal-dev_*.deb man-db bash bash-completion g++ cmake make
man -P cat equal > equal.txt
grep -q "turns a huge" equal.txt
echo "man equal: $(wc -l < equal.txt) lines"
completed=$(bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader equal; COMP_WORDS=(equal clu); COMP_CWORD=1; _equal; echo "${COMPREPLY[@]}"')
echo "completion: equal clu -> $completed"
test "$completed" = cluster
cmake -S consumer -B by_cmake > cmake.log 2>&1 || { tail -n 20 cmake.log; exit 1; }
cmake --build by_cmake > build.log 2>&1 || { tail -n 20 build.log; exit 1; }
echo "find_package(equal): $(by_cmake/consumer)"
c++ -std=c++20 $(pkg-config --cflags equal) consumer/main.cpp -o by_pkg_config $(pkg-config --libs equal)
echo "pkg-config equal: $(mpirun -n 2 ./by_pkg_config)"
SH
inside() {
  local environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_hwloc_base_binding_policy=none)
  unshare --mount sh -c "mount -t proc proc root/proc && mount --rbind /dev root/dev && exec chroot root env -i ${environment[*]} sh /tmp/$1.sh" \
    > "$1.log" 2>&1 || fail "in the bare system: $(tail -n 20 "$1.log")"
}
inside program
grep -E '^(equal|commit|MPI|HDF5)|data set' program.log
if [ -n "$library" ]; then
  cp -r "$source/tests/install/consumer" root/tmp
  inside library
  grep -E '^(man|completion|find_package|pkg-config)' library.log
fi
(cd packages && ls -- *.deb)
rm -rf root
