#!/usr/bin/env bash
# Completion and manual page hold every command and setting. usage: pages.sh EQUAL
set -euo pipefail
equal=$1
fail() { echo "pages: $1" >&2; exit 1; }

# shellcheck source=/dev/null
source <("$equal" completion bash)
compopt() { :; }  # only known while readline asks
complete_words() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _equal
  echo "${COMPREPLY[*]}"
}
[ "$(complete_words equal clu)" = cluster ] || fail "'equal clu' completes to '$(complete_words equal clu)'"
[ "$(complete_words equal cluster --cluster.k)" = --cluster.k ] || fail "no setting of cluster is completed"
[ -z "$(complete_words equal cluster --chat.model)" ] || fail "a setting of chat is completed for cluster"
[ "$(complete_words equal embed --encoder.kind st)" = static ] || fail "the choices of encoder.kind are not completed"
zsh=$("$equal" completion zsh)
[[ $zsh == *"'--encoder.kind["* ]] || fail "zsh: encoder.kind is missing"
if "$equal" completion tcsh 2>/dev/null; then fail "a completion for tcsh"; fi

page=$("$equal" validate --print-manual-page)
# shellcheck disable=SC2016  # the backticks are those of the page
settings=$("$equal" validate --print-configuration-page | grep -o '^| `[a-z_0-9.]*`' | tr -d '|` ' | sort -u)
[ "$(wc -w <<<"$settings")" -gt 80 ] || fail "the configuration page lists too few settings to compare with"
for name in $settings; do
  grep -qF -- ".B \\-\\-$name" <<<"$page" || fail "the manual page lacks $name"
done
