"""What all benchmarks share: two programs in turn, the ratio of their times, and the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.execution.devices import cores, cpu_model

_FLAGS = ("amx_bf16", "avx512_bf16")


@dataclass
class Times:
    """CPU and wall seconds of each round of one program."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    `cpu` and `wall`: how many times as fast ours is as the peer, (median, least, most) of the
    rounds. `aim` is the ratio that is aimed at, None where it holds on other machines alone;
    `limit` what bounds it, in words.
    """

    what: str
    peer: str
    ours_seconds: float
    cpu: tuple[float, float, float]
    wall: tuple[float, float, float]
    aim: float | None
    limit: str


def in_turn(
    programs: Mapping[str, Callable[[], Any]], rounds: int, *, warm_up: bool = True
) -> dict[str, Times]:
    """Run all programs once for each round, in turn, after a round that is not measured."""
    found = {name: Times() for name in programs}
    for number in range(rounds + warm_up):
        for name, program in programs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            program()
            if number >= warm_up:
                found[name].cpu.append(time.process_time() - cpu)
                found[name].wall.append(time.perf_counter() - wall)
    return found


def compared(what: str, ours: Times, peer: Times, name: str, aim: float | None, limit: str) -> Row:
    """The row of ours beside a peer, round by round."""
    return Row(
        what=what,
        peer=name,
        ours_seconds=statistics.median(ours.cpu),
        cpu=_ratio(ours.cpu, peer.cpu),
        wall=_ratio(ours.wall, peer.wall),
        aim=aim,
        limit=limit,
    )


def _ratio(ours: Sequence[float], peer: Sequence[float]) -> tuple[float, float, float]:
    ratios = [other / own for own, other in zip(ours, peer, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def multiplies_in_bfloat16(info: Path = Path("/proc/cpuinfo")) -> str:
    """Which of x86-64's instructions for bfloat16 this processor has: AMX, AVX-512 or none."""
    flags = set(info.read_text().split()) if info.is_file() else set()
    return next((flag for flag in _FLAGS if flag in flags), "none")


def machine() -> str:
    """This machine in words."""
    return f"{cpu_model()}, {cores()} cores, bfloat16: {multiplies_in_bfloat16()}"


def table(rows: Iterable[Row]) -> str:
    """Rows as a table in Markdown."""
    lines = [
        "| what | against | ours, CPU s | times as fast, CPU | wall | aim | limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cpu, wall = (
            f"{each[0]:.2f} ({each[1]:.2f} to {each[2]:.2f})" for each in (row.cpu, row.wall)
        )
        aim = "" if row.aim is None else f"{row.aim:g}"
        cells = [row.what, row.peer, f"{row.ours_seconds:.2f}", cpu, wall, aim, row.limit]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
