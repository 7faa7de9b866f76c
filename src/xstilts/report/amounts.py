"""How times, operations, energies and sizes are written: a unit for the reader, three digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xstilts.analysis.costs import JOULES_PER_KWH
from xstilts.report.table import TableCell

_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, kw_only=True)
class AmountUnit:
    """A unit by name, and how much of the stored quantity one of it is."""

    name: str
    size: float

    def text(self, value: float) -> str:
        """The value in this unit, without the unit."""
        return digits(value / self.size)

    def cell(self, value: float | None, why: str) -> TableCell:
        """A cell of a table; `why` says why there is no value."""
        return TableCell.of(value, self.text, why)


JOULES = tuple(
    AmountUnit(name=name, size=size * JOULES_PER_KWH)
    for name, size in (("mWh", 1e-6), ("Wh", 1e-3), ("kWh", 1.0), ("MWh", 1e3))
)
FLOPS = tuple(
    AmountUnit(name=f"{prefix}FLOP", size=10.0**power)
    for prefix, power in zip(("M", "G", "T", "P", "E", "Z"), range(6, 24, 3), strict=True)
)
BYTES = (AmountUnit(name="MB", size=1e6), AmountUnit(name="GB", size=1e9))
KILOGRAMS = (
    AmountUnit(name="g", size=1e-3),
    AmountUnit(name="kg", size=1.0),
    AmountUnit(name="t", size=1e3),
)


def common_unit(units: tuple[AmountUnit, ...], values: Iterable[float | None]) -> AmountUnit:
    """The greatest unit of which the greatest value is at least one: the same for a column."""
    greatest = max((value for value in values if value is not None), default=0.0)
    return max(
        (unit for unit in units if unit.size <= greatest),
        key=lambda unit: unit.size,
        default=units[0],
    )


def digits(value: float) -> str:
    """Three significant digits, whole numbers from 100 on."""
    if value == 0:
        return "0"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if "e" in text:
        text = f"{value:.6f}".rstrip("0") if abs(value) >= 1e-6 else f"{value:.1e}"
    return text.replace("-", _MINUS)


def duration(seconds: float) -> str:
    """For instance 2 d 4 h, 3 h 5 min, 2 min 40 s or 3.2 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def duration_cell(seconds: float | None, why: str) -> TableCell:
    """A cell with a duration, sorted by its seconds."""
    return TableCell.of(seconds, duration, why)
