"""A log handler for Snakemake that notes every job which is run, or in a dry run would be.

Snakemake finds it by its name, on the path: `--logger joblist`, with `JOBLIST` the file of JSON
lines.
"""

from __future__ import annotations

import json
import os
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Appends a line: rule, wildcards in the order of the path, files, and the reason."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = False
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        if getattr(record, "event", None) != LogEvent.JOB_INFO:
            return
        job = {
            "rule": record.rule_name,
            "wildcards": dict(record.wildcards),
            "inputs": record.input,
            "outputs": record.output,
            "reason": record.reason,
        }
        with Path(os.environ["JOBLIST"]).open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(job) + "\n")
