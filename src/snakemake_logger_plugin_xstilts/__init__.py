"""The logger that Snakemake finds under the name `xstilts` (`logger: xstilts` in a profile)."""

from xstilts.execution.terminal import LogHandler

__all__ = ["LogHandler"]
