#!/usr/bin/env bash
# snakemake 9.27.1: what its limit of jobs per timespan costs where it is never reached.
#
# Guess beforehand: with the default of 100 jobs a second, a run of one core that starts five a second
# is not affected, and has one timer at most.
# Seen: for every job that ends one threading.Timer stays: when it fires it wakes the scheduler, which
# looks at all ready jobs and starts the next timer. After 60 jobs there are more than 50, each with
# a thread, and the scheduler is woken as often a second. Without the limiter there is none. In a grid
# of 433 jobs, of which some 150 were ready at a time, Snakemake took 40 % of a core after 250 jobs
# though two jobs ran for minutes.
# Fails if the number of timers no longer grows with the jobs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1
cd "$folder"
cat >Snakefile <<'SMK'
import threading
import time

most = 0


def watch():
    global most
    while True:
        timers = sum(isinstance(thread, threading.Timer) for thread in threading.enumerate())
        most = max(most, timers)
        time.sleep(0.05)


rule all:
    input:
        expand("{jobs}/{i}", jobs=config["jobs"], i=range(int(config["jobs"]))),


rule one:
    output:
        "{jobs}/{i}",
    shell:
        "sleep 0.2; touch {output}"


onstart:
    if not config["limited"]:
        workflow.scheduler.job_rate_limiter = None
    threading.Thread(target=watch, daemon=True).start()


onsuccess:
    print("TIMERS", most)
SMK
timers() {
    "$folder/venv/bin/snakemake" --cores 1 --config "jobs=$1" "limited=$2" 2>&1 |
        sed -n 's/^TIMERS //p'
    rm -rf "$1" .snakemake
}
few=$(timers 20 True)
many=$(timers 60 True)
without=$(timers 60 False)
echo "timers at most: $few with 20 jobs, $many with 60, $without with 60 and no limiter"
((few >= 10 && many >= few + 30 && without == 0))
