"""What is used of Snakemake that its documentation does not promise, all in one place.

A `workflow` is what a Snakefile knows by that name. Where another version of Snakemake lacks what
is used, each function says so; what it has to do is shown in its test.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from xstilts.errors import XstiltsError

# The last version that all of this was tried with.
_TRIED = "9.27.1"

# What the beginning that Snakemake writes before each script imports.
IMPORTED_BY_SCRIPTS = ("snakemake.logging", "snakemake.iocontainers")


@contextmanager
def _as_tried() -> Iterator[None]:
    try:
        yield
    except (AttributeError, ImportError, TypeError) as error:
        raise XstiltsError(
            f"version {importlib.metadata.version('snakemake')} differs within from version"
            f" {_TRIED}: {error}",
            where="snakemake",
            hint=f"pip install snakemake=={_TRIED}, or a newer version of xstilts",
        ) from error


@_as_tried()
def is_main_process(workflow: Any) -> bool:
    """Whether this process plans and starts jobs, rather than being one."""
    return workflow.is_main_process


@_as_tried()
def is_job_elsewhere(workflow: Any) -> bool:
    """Whether this process is a job that a batch system or a cloud has started."""
    return workflow.remote_exec


@_as_tried()
def runs_elsewhere(workflow: Any) -> bool:
    """Whether jobs run on other machines than the one that starts them."""
    return workflow.remote_exec or not workflow.local_exec


@_as_tried()
def limit_of(workflow: Any, resource: str) -> int | None:
    """How much of a resource the run may use at a time (`--resources`); None if nobody said."""
    limit = workflow.global_resources.get(resource)
    return None if limit is None else limit.value


@_as_tried()
def names_configfiles(workflow: Any) -> bool:
    """Whether the user's command names configuration files (`--configfile`)."""
    return bool(workflow.overwrite_configfiles)


@_as_tried()
def configfiles(workflow: Any) -> list[str]:
    """The configuration files that have been read so far."""
    return list(map(str, workflow.configfiles))


@_as_tried()
def deploys(workflow: Any) -> frozenset[str]:
    """What Snakemake is to deploy for jobs (`--sdm`): conda, apptainer, env-modules."""
    return frozenset(map(str, workflow.deployment_settings.deployment_method))


@_as_tried()
def argument_parser() -> argparse.ArgumentParser:
    """The parser of Snakemake's command line, with the options of its plugins."""
    from snakemake.cli import get_argument_parser

    return get_argument_parser()


@_as_tried()
def params_of(rules: Any, rule: str, wildcards: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a job by name, where those that are functions take wildcards alone.

    Args:
        rules: as a Snakefile knows them.
    """
    from snakemake.iocontainers import Wildcards

    at = Wildcards(fromdict=dict(wildcards))
    given = getattr(rules, rule).params.items()
    return {name: value(at) if callable(value) else value for name, value in given}


@_as_tried()
def note_signatures(workflow: Any) -> None:
    """Note what the functions of all rules take, which Snakemake asks several times for each job.

    Python answers at once where a function says so itself (`__signature__`).
    """
    for rule in workflow.rules:
        resources = (resource._evaluator for resource in rule.resources.values())
        for function in filter(inspect.isfunction, (*rule.params, *resources)):
            function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]


@_as_tried()
def lift_job_limit(workflow: Any) -> None:
    """Let the scheduler look at its jobs when one has ended, and at no other time.

    With a limit on submissions (`--max-jobs-per-timespan`), and there is always one, it leaves a
    timer with a thread behind for each job that ends, as long as jobs are ready.
    """
    scheduler = workflow.scheduler
    # Where there is none any more, say so.
    _ = scheduler.job_rate_limiter
    scheduler.job_rate_limiter = None


def without_where_to_look(message: str) -> str:
    """What a batch system's plugin says of a failed job, without where else to look, in its words.

    The logs that it means are not named, and a list of failures names the job's.
    """
    return message.split("For further error details")[0]


class Notes:
    """Snakemake's notes of what made which file, before it opens them itself.

    They lie in `.snakemake` of the working directory, unless the workflow names a data base.
    """

    @_as_tried()
    def __init__(self, workflow: Any = None) -> None:
        from snakemake.persistence.db import DbPersistence
        from snakemake.persistence.file import FilePersistence
        from snakemake.settings.enums import PersistenceBackend

        settings = getattr(workflow, "workflow_settings", None)
        self._notes: Any
        if settings is not None and settings.persistence_backend == PersistenceBackend.DB:
            url = settings.persistence_backend_db_url
            self._notes = DbPersistence(**({"db_url": url} if url else {}))
        else:
            self._notes = FilePersistence()
        self._is_files = isinstance(self._notes, FilePersistence)

    @_as_tried()
    def unknown(self, paths: Sequence[str]) -> set[str]:
        """Those of which there is no note, but for what a job is writing, or was when it ended."""
        notes = self._notes
        if self._is_files:
            # There are tens of thousands, so none is opened.
            folder = notes._metadata_path
            held = {f"{place}/{name}" for place, _, names in os.walk(folder) for name in names}
            found = {path for path in paths if notes._record_path(folder, path) not in held}
        else:
            found = {path for path in paths if notes._read_record(path) is None}
        return found - notes._filter_incomplete_keys(found)

    @_as_tried()
    def add(
        self,
        path: str,
        *,
        rule: str,
        params: Iterable[Any],
        inputs: Iterable[str],
        sha256: Mapping[str, str],
    ) -> None:
        """Note of a file what made it.

        Args:
            inputs: a file as often as the job reads it.
            sha256: of those inputs that are files and there, what they held.
        """
        from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord

        record = MetadataRecord(
            rule=rule,
            input=sorted(inputs),
            params=sorted(map(repr, params)),
            incomplete=False,
            record_format_version=RECORD_FORMAT_VERSION,
            input_checksums={name: f"sha256:{digest}" for name, digest in sha256.items()},
        )
        self._notes._write_record(path, record)
