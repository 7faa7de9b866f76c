"""What every workflow script shares: the log, threads, and how errors end.

A script is `with job(snakemake): ...`; imports of heavy libraries stand inside the block, so
that the thread settings hold for them and their messages reach the log.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xstilts.cost.meter import Meter
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.paths import cost_record
from xstilts.provenance import versions

# Importing torch and transformers makes hundreds of thousands of objects that stay. With Python's
# default of 700 the collector goes through them again and again: a tenth of a small job's time.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@contextmanager
def job(snakemake: Any, *, online: bool = False) -> Iterator[None]:
    """Run a job's body with stdout and stderr in its log file, and record what it costs.

    An `XstiltsError` ends the process with status 1 and one message, in the log and on the
    original stderr; an interruption with saved state ends it as SIGTERM would.

    Args:
        snakemake: the object that Snakemake hands to a script.
        online: the job may use the network; all others are kept off it.
    """
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(snakemake.threads)
    # Threads that wait for each other must not keep a core busy that another job could use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if snakemake.threads > 1 else "false"
    if not online:
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    log_file = Path(snakemake.log[0])
    log_file.parent.mkdir(parents=True, exist_ok=True)
    console = os.dup(2)
    with log_file.open("a", encoding="utf-8") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True
    )
    meter = _meter(snakemake)
    finished = False
    try:
        yield
        finished = True
        # At its end Python collects once more; what the libraries made need not be gone through.
        gc.freeze()
    except XstiltsError as error:
        logging.error("error: %s", error)
        _end(console, f"error in {snakemake.rule}: {error}\nlog: {log_file}\n", status=1)
    except InterruptedBySignal as error:
        logging.warning("%s", error)
        _end(console, f"{snakemake.rule}: {error}\n", status=128 + signal.SIGTERM)
    except Exception as error:
        traceback.print_exc()
        _end(console, f"{type(error).__name__}: {error}\nlog: {log_file}\n", status=1)
    finally:
        meter.stop(finished=finished)


def record(snakemake: Any) -> dict[str, Any]:
    """What made an output: the job's wildcards and parameters (with the code digest), versions."""
    return {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "params": dict(snakemake.params.items()),
        "versions": versions(),
    }


def _meter(snakemake: Any) -> Meter:
    # Snakemake tells a script where its log is, and not where its benchmark is.
    path = cost_record(snakemake.log[0])
    if path is None:
        return Meter(None, {})
    job = {"rule": snakemake.rule, "wildcards": dict(snakemake.wildcards.items())}
    return Meter(Path(path), job)


def _end(console: int, message: str, status: int) -> None:
    os.write(console, message.encode())
    sys.exit(status)
