#!/usr/bin/env bash
# Two hosts on one machine: network namespaces joined by a veth pair, each with its own host name. Needs root and iproute2.
#   netns.sh up NAME | netns.sh down NAME | netns.sh cut NAME | netns.sh mend NAME
#   netns.sh on NAME a|b COMMAND ...        runs it on one of the hosts; a is 10.77.0.1, b is 10.77.0.2
# As Open MPI's rsh agent (`mpirun --mca plm_rsh_agent "netns.sh agent NAME"`): called with a host's address and a command.
set -euo pipefail
what=$1 name=$2
shift 2
on() {
  local host=$1
  shift
  # shellcheck disable=SC2016 # the inner shell expands them
  exec ip netns exec "$name-$host" unshare --uts bash -c 'hostname "$0"; exec "$@"' "host-$host" "$@"
}
case $what in
  up)
    for h in a b; do ip netns add "$name-$h"; done
    ip link add "$name-a" netns "$name-a" type veth peer name "$name-b" netns "$name-b"
    n=1
    for h in a b; do
      ip -n "$name-$h" address add "10.77.0.$n/24" dev "$name-$h"
      ip -n "$name-$h" link set "$name-$h" up
      ip -n "$name-$h" link set lo up
      n=$((n + 1))
    done
    ;;
  down) for h in a b; do ip netns delete "$name-$h" 2>/dev/null || true; done ;;
  cut) ip -n "$name-b" link set "$name-b" down ;;
  mend) ip -n "$name-b" link set "$name-b" up ;;
  on) on "$@" ;;
  agent)
    case $1 in
      10.77.0.1) host=a ;;
      10.77.0.2) host=b ;;
      *) echo "no such host: $1" >&2 && exit 1 ;;
    esac
    shift
    on "$host" bash -c "$*"
    ;;
esac
