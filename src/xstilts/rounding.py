"""How numbers are rounded where they are shown: the same on pages, in tables, text and files.

Pages are written by JavaScript too, whose `toFixed` takes of two equally near decimals the one
further from zero, and Python's `format` the even one: 39.25 would be 39.3 here and 39.2 there, as
would be 100 of the 401 accuracies of 400 items. So what is shown is rounded away from zero, after
numbers have been cut to the decimals that pages hold.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

# That numbers have in the data of a page.
DECIMALS = 6
_MINUS = "\N{MINUS SIGN}"
# `fixed` and `signed` for the script of a page.
JAVASCRIPT = f"""
const fixed = (x, decimals) =>
  (+x.toFixed({DECIMALS})).toFixed(decimals)
    .replace(/^-(?=0(\\.0*)?$)/, "").replace("-", "{_MINUS}");
const signed = (x, decimals) => {{
  const text = fixed(x, decimals);
  return text.startsWith("{_MINUS}") ? text : (+text ? "+" : "±") + text;
}};"""


def rounded(value: float, decimals: int = 1) -> float:
    """The number that is shown."""
    return float(_nearest(value, decimals)) if math.isfinite(value) else value


def fixed(value: float, decimals: int = 1) -> str:
    """A number with so many decimals and a true minus sign; nothing has no sign."""
    if not math.isfinite(value):
        return str(value)
    return str(_nearest(value, decimals)).replace("-", _MINUS)


def signed(value: float, decimals: int = 1) -> str:
    """A difference with its sign; ± where nothing of it is shown."""
    text = fixed(value, decimals)
    if text.startswith(_MINUS) or not math.isfinite(value):
        return text
    return f"{'+' if rounded(value, decimals) else '±'}{text}"


def _nearest(value: float, decimals: int) -> Decimal:
    # Of the binary number itself, as in JavaScript, not of the shortest decimal that stands for it.
    exact = Decimal(round(float(value), DECIMALS))
    # Adding nothing takes the sign off nothing.
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0
