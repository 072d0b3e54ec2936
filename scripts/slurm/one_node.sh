#!/usr/bin/env bash
# A SLURM of one node on this machine, to try sweeps and preemption on. Needs root and slurm-wlm (with munge).
#
#   scripts/slurm/one_node.sh start FOLDER [CPUS]    files, keys and logs lie in FOLDER
#   export SLURM_CONF=FOLDER/slurm.conf              for sbatch, squeue, asap ... hydra/launcher=slurm
#   scripts/slurm/one_node.sh stop FOLDER
set -euo pipefail

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[[ $# -ge 2 ]] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
for program in munged slurmctld slurmd scontrol; do
    command -v "$program" >/dev/null || { echo "$program is not installed: apt-get install slurm-wlm munge" >&2; exit 3; }
done
[[ $(id -u) == 0 ]] || { echo "slurmd starts other users' jobs: run this as root" >&2; exit 3; }

configure() {
    local host cpus memory
    host=$(hostname -s) cpus=${1:-$(nproc)}
    memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    # Own ports: another SLURM may run on this machine.
    local port=$((20000 + $$ % 20000))
    cat >"$folder/slurm.conf" <<CONF
ClusterName=one_node
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,bf_interval=1,requeue_setup_env_fail
MpiDefault=none
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=30
MinJobAge=3600
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

start() {
    mkdir -p "$folder/state" "$folder/spool"
    configure "${1:-}"
    if [[ ! -s $folder/munge.key ]]; then
        dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 status=none
    fi
    chmod 600 "$folder/munge.key"
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
        --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" --seed-file="$folder/munge.seed"
    export SLURM_CONF=$folder/slurm.conf
    slurmctld -c
    slurmd
    for _ in $(seq 60); do
        if [[ $(sinfo --noheader --format=%t 2>/dev/null) == idle ]]; then
            echo "SLURM runs: export SLURM_CONF=$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    echo "the node does not become idle:" >&2
    sinfo >&2 || true
    tail -n 20 "$folder"/slurm*.log >&2 || true
    stop
    exit 1
}

stop() {
    local name pid
    for name in slurmd slurmctld munge; do
        pid=$(cat "$folder/$name.pid" 2>/dev/null || true)
        [[ -n $pid ]] && kill "$pid" 2>/dev/null || true
    done
    # A job that was requeued may leave its stepd, which waits for a slurmd that is gone. Only ours: by their files.
    for pid in $(pgrep -x slurmstepd || true); do
        if ls -l "/proc/$pid/fd" "/proc/$pid/cwd" 2>/dev/null | grep -qF "$folder/"; then
            kill -9 "$pid" 2>/dev/null || true
        fi
    done
}

case $action in
    start) start "${3:-}" ;;
    stop) stop ;;
    *) usage ;;
esac
