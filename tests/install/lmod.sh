#!/usr/bin/env bash
# The module file of an installed tree under the real Lmod. usage: lmod.sh PREFIX     Installs Debian's lmod where it is missing.
set -euo pipefail
prefix=$1
"$(dirname "${BASH_SOURCE[0]}")/../../tools/install_packages" <(echo lmod) > lmod_install.log 2>&1 || { cat lmod_install.log; exit 1; }
set +u
# shellcheck source=/dev/null
source /usr/share/lmod/lmod/init/bash
module use "$prefix/share/modulefiles"
module load equal
set -u
[ "$(command -v equal)" = "$prefix/bin/equal" ] || { echo "lmod: equal is $(command -v equal)"; exit 1; }
[ -s "$EQUAL_HOME/configs/smoke.ini" ] || { echo "lmod: EQUAL_HOME = $EQUAL_HOME"; exit 1; }
pkg-config --exists equal || { echo "lmod: pkg-config does not find equal"; exit 1; }
module help equal 2>&1 | grep -q 'instruction data set' || { echo "lmod: no help"; exit 1; }
module unload equal
[ -z "${EQUAL_HOME:-}" ] || { echo "lmod: unload leaves EQUAL_HOME"; exit 1; }
echo "lmod $(module --version 2>&1 | grep -o 'Version [0-9.]*')"
