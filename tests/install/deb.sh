#!/usr/bin/env bash
# Makes the Debian package of the program from the build tree, installs it in a bare Debian made with debootstrap, and runs the smoke job
# there under mpirun. As root. The bare system is kept in the cache; packages come from where this machine's apt gets its own.
# usage: deb.sh BUILD SOURCE     (in an empty folder)
set -euo pipefail
build=$1 source=$2
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
(cd "$build" && cpack -G DEB -D CPACK_COMPONENTS_ALL=runtime -B "$OLDPWD/packages") > cpack.log 2>&1 || fail "cpack: $(tail -n 5 cpack.log)"
mkdir root
tar -C root -xf "$bare"
cp packages/equal_*.deb root/tmp/equal.deb
cp /etc/resolv.conf root/etc/ 2>/dev/null || true
cat > root/tmp/try.sh <<'SH'
set -eu
export DEBIAN_FRONTEND=noninteractive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
apt-get update -qq
apt-get install -y -qq --no-install-recommends /tmp/equal.deb > /tmp/install.log 2>&1 || { tail -n 20 /tmp/install.log; exit 1; }
equal --version --verbose
test -s /usr/share/man/man1/equal.1 || test -s /usr/share/man/man1/equal.1.gz || test ! -d /usr/share/man/man1
cd /tmp
i=0
while [ $i -lt 200 ]; do
  printf '{"id": "d%d", "text": "Stone %d lies on hill %d.", "qas": [{"question": "Where does stone %d lie?", "answer": "On hill %d."}]}\n' $i $i $i $i $i
  i=$((i + 1))
done > docs.jsonl
printf '{"question": "Where does stone %d lie?", "answer": "On hill 3."}\n' 1 2 3 4 > reference.jsonl
mpirun --oversubscribe -n 3 equal run --config /usr/share/equal/configs/smoke.ini --workspace w --inputs docs.jsonl --reference.files reference.jsonl
test "$(wc -l < w/out/train.jsonl)" -ge 15
SH
unshare --mount sh -c 'mount -t proc proc root/proc && mount --rbind /dev root/dev && exec chroot root /bin/sh /tmp/try.sh' > try.log 2>&1 ||
  fail "in the bare system: $(tail -n 20 try.log)"
grep -E '^(equal|commit|MPI|HDF5)|data set' try.log
ls packages
rm -rf root
