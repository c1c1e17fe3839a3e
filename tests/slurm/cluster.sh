#!/usr/bin/env bash
# A real two-node Slurm on this machine, for tests: two slurmd, a slurmctld, a munged if none runs. Needs root, slurm-wlm, munge.
#   cluster.sh start DIR     then: export SLURM_CONF=DIR/slurm.conf; srun -N2 -n4 --mpi=pmix ./program
#   cluster.sh stop DIR      ends what start has started, by process id
# Partition `urgent` preempts `main` by requeue.
set -euo pipefail
usage() {
  echo "usage: $0 start|stop DIR" >&2
  exit 1
}
[ $# -eq 2 ] || usage
action=$1 dir=$(realpath -m "$2") host=$(hostname -s)

alive() { [ -e "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

start() {
  mkdir -p "$dir"/{spool/n1,spool/n2,tmp/n1,tmp/n2,state,log,run}
  cat >"$dir/slurm.conf" <<CONF
ClusterName=equaltest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
SwitchType=switch/none
SlurmdParameters=config_overrides
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
KillWait=5
InactiveLimit=0
JobRequeue=1
SchedulerParameters=sched_interval=2,sched_min_interval=500000
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmdSpoolDir=$dir/spool/%n
TmpFS=$dir/tmp/%n
StateSaveLocation=$dir/state
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=4 RealMemory=4000 Gres=gpu:4 State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=n[1-2] MaxTime=INFINITE State=UP PriorityTier=10
CONF
  touch "$dir"/gpu{0,1,2,3}
  echo "Name=gpu File=$dir/gpu[0-3]" >"$dir/gres.conf"
  if ! pgrep -x munged >/dev/null; then
    install -d -o munge -g munge /run/munge
    runuser -u munge -- /usr/sbin/munged --pid-file=/run/munge/equal-test.pid
    for _ in $(seq 50); do
      if [ -e /run/munge/equal-test.pid ]; then break; fi
      sleep 0.1
    done
    cp /run/munge/equal-test.pid "$dir/run/munged.pid"
  fi
  slurmctld -c -f "$dir/slurm.conf"
  sleep 1
  for n in n1 n2; do
    # Each with its own host name: MPI names its shared memory after it.
    unshare --uts bash -c "hostname $n; exec slurmd -N $n -f '$dir/slurm.conf'"
  done
  for _ in $(seq 60); do
    sleep 0.5
    if [ "$(SLURM_CONF=$dir/slurm.conf sinfo -h -p main -t idle -o %D)" = 2 ]; then exit 0; fi
  done
  echo "the nodes did not become idle; see $dir/log" >&2
  exit 1
}

stop() {
  SLURM_CONF=$dir/slurm.conf timeout 20 scancel --user=root --quiet || true
  sleep 1
  for name in slurmd-n1 slurmd-n2 slurmctld munged; do
    if alive "$dir/run/$name.pid"; then kill "$(cat "$dir/run/$name.pid")" || true; fi
  done
  for _ in $(seq 50); do
    left=0
    for name in slurmd-n1 slurmd-n2 slurmctld munged; do if alive "$dir/run/$name.pid"; then left=1; fi; done
    if [ "$left" = 0 ]; then exit 0; fi
    sleep 0.2
  done
  for name in slurmd-n1 slurmd-n2 slurmctld munged; do
    if alive "$dir/run/$name.pid"; then kill -KILL "$(cat "$dir/run/$name.pid")" || true; fi
  done
}

case $action in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
