#!/usr/bin/env bash
# statsmodels 0.15.0: what one call of multipletests costs in a process that holds much.
#
# Guess beforehand: adjusting 20 p-values takes some 50 microseconds, whatever else is in memory.
# Seen: every call runs a full garbage collection (`gc.collect()`), even with the collector switched
# off, so it takes longer the more objects the process holds: on a busy machine 55 ms with nothing
# but the imports and 124 ms with a million small lists more, for 20 numbers. A report that adjusts
# thousands of small families spends most of its time there. The adjusted values themselves are
# right. Fails if the collection is gone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import gc
import time

import statsmodels
from statsmodels.stats.multitest import multipletests

p_values = [0.001 * (1 + number) for number in range(20)]
multipletests(p_values, method="holm")
gc.disable()
full = []
gc.callbacks.append(
    lambda phase, info: full.append(info["generation"]) if phase == "start" else None
)


def milliseconds(calls: int = 5) -> float:
    start = time.process_time()
    for _ in range(calls):
        multipletests(p_values, method="holm")
    return 1000 * (time.process_time() - start) / calls


few = milliseconds()
held = [[number] for number in range(1_000_000)]
many = milliseconds()
print(f"statsmodels {statsmodels.__version__}, Holm over 20 p-values, collector switched off")
print(f"full collections in 10 calls: {full.count(2)}")
print(f"CPU a call: {few:.1f} ms in a small process, {many:.1f} ms with {len(held):,} lists more")
assert full.count(2) == 10, "no collection at every call any more"
PY
