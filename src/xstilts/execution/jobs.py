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

from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.cost.meter import Meter
from xstilts.execution.devices import take_device
from xstilts.execution.disk_errors import disk_trouble
from xstilts.execution.log import JobLog, redact
from xstilts.execution.provenance import versions
from xstilts.execution.warm import end_as, run_warm
from xstilts.graph.paths import log_place

# Importing torch and transformers makes hundreds of thousands of objects that stay. With Python's
# default of 700 the collector goes through them again and again: a tenth of a small job's time.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class Notes:
    """What others want to know of a job's outputs without reading them.

    Amounts that it is called with are in the record of what the job costs (`Meter.note`), as is
    `hardware`. `facts` become part of the provenance of those outputs that cannot hold it
    themselves.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.facts: dict[str, Any] = {}

    def __call__(self, **amounts: int) -> None:
        """Note amounts by name."""
        self._meter.note(**amounts)

    def hardware(self, *, precision: str) -> None:
        """Note the precision that encoders were computed in, such as `bfloat16`."""
        self._meter.computed_in(precision)


@contextmanager
def job(snakemake: Any, *, online: bool = False) -> Iterator[Notes]:
    """Run a job's body with stdout and stderr in its log file, and record what it costs.

    A job that asks for a GPU waits for one of its own (`xstilts.execution.devices`). An
    `XstiltsError`, or trouble with a disk, ends the process with status 1 and one message, in the
    log and on the original stderr; an interruption with saved state ends it as SIGTERM would.
    Credentials are hidden in both.

    Args:
        snakemake: the object that Snakemake hands to a script.
        online: the job may use the network; all others are kept off it.

    Yields:
        What notes are given to.
    """
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(snakemake.threads)
    # Threads that wait for each other must not keep a core busy that another job could use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if snakemake.threads > 1 else "false"
    if not online:
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
        _go_on_warm(snakemake)
    output = _open_log(snakemake)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True
    )
    meter = Meter(None, {})
    finished, said = False, None
    try:
        take_device(_gpus_asked_for(snakemake), say=output.warn)
        # Not before: what others use of the device in the meantime is no cost of this job.
        meter = _meter(snakemake)
        notes = Notes(meter)
        yield notes
        _leave_provenance(snakemake, notes.facts)
        finished = True
        # At its end Python collects once more; what the libraries made need not be gone through.
        gc.freeze()
    except InterruptedBySignal as error:
        said = str(error)
        output.to_console(f"{snakemake.rule}: {said}\n")
        logging.warning("%s", error)
        sys.exit(128 + signal.SIGTERM)
    except Exception as error:
        trouble = disk_trouble(error) or error
        said = (
            str(trouble)
            if isinstance(trouble, XstiltsError)
            else f"{type(error).__name__}: {error}"
        )
        # The console first: the log may lie on a disk that is full.
        if isinstance(trouble, XstiltsError):
            output.to_console(f"error in {snakemake.rule}: {trouble}\nlog: {output.path}\n")
            logging.error("error: %s", trouble)
        else:
            output.to_console(f"{type(error).__name__}: {error}\nlog: {output.path}\n")
            traceback.print_exc()
        sys.exit(1)
    finally:
        meter.stop(finished=finished, error=None if said is None else redact(said))


def _go_on_warm(snakemake: Any) -> None:
    """Run the job in a copy of a process that has imported PyTorch, and end; or do nothing."""
    if _gpus_asked_for(snakemake):
        return
    imports_torch = _computes(snakemake) or snakemake.rule == "tokenise"
    status = run_warm(snakemake.threads, starts=imports_torch)
    if status is not None:
        end_as(status)


def record(snakemake: Any) -> dict[str, Any]:
    """What made an output: rule, wildcards, parameters (with the code digest) and versions.

    And what `xstilts.execution.provenance.made_by` says.
    """
    # Not before a job's body: it imports what thread settings are for.
    from xstilts.execution.provenance import made_by

    place = log_place(snakemake.log[0])
    experiment, rule = (place.experiment, place.rule) if place else (None, snakemake.rule)
    wildcards, params = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    return {
        "experiment": experiment,
        "rule": rule,
        "wildcards": wildcards,
        "params": params,
        "versions": versions(),
        **made_by(
            rule=rule,
            params=params,
            wildcards=wildcards,
            inputs=snakemake.input,
            threads=snakemake.threads,
            computes=_computes(snakemake),
        ),
    }


def _leave_provenance(snakemake: Any, facts: dict[str, Any]) -> None:
    """Note what made those outputs that cannot hold it themselves, and `facts` about them."""
    if log_place(snakemake.log[0]) is None:
        return
    from xstilts.execution.provenance import write_provenance

    outputs = [path for path in map(str, snakemake.output) if not path.endswith(".parquet")]
    if outputs:
        write_provenance(outputs, {**record(snakemake), **facts})


def _meter(snakemake: Any) -> Meter:
    # Snakemake tells a script where its log is, and not where its benchmark is.
    place = log_place(snakemake.log[0])
    if place is None:
        return Meter(None, {})
    job = {"rule": place.rule, "wildcards": dict(snakemake.wildcards.items())}
    return Meter(Path(place.record), job)


def _open_log(snakemake: Any) -> JobLog:
    try:
        return JobLog(Path(snakemake.log[0]))
    except OSError as error:
        sys.exit(f"error in {snakemake.rule}: {disk_trouble(error) or error}")


def _computes(snakemake: Any) -> bool:
    return getattr(getattr(snakemake, "resources", None), "device", None) is not None


def _gpus_asked_for(snakemake: Any) -> int:
    return int(getattr(getattr(snakemake, "resources", None), "gpu", 0))
