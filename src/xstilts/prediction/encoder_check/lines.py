"""What a check found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from xstilts.prediction.encoder_check.check import EncoderReport, uses

_WIDTH, _PART = 100, 15


def lines_of(report: EncoderReport) -> Iterator[str]:
    """The report of one encoder."""
    yield report.name
    for finding in report.findings:
        label = f"{finding.status:<9}{finding.part:<{_PART}}"
        yield from _wrapped(label, finding.text)
    if report.scripts:
        yield ""
        yield f"{'script':<12}{'subwords a word':>16}{'unknown':>9}{'exact answers':>15}"
        for each in report.scripts:
            exact = f"{each.answers_exact} of {each.words}"
            yield (
                f"{each.script:<12}{each.fertility:>16.1f}{100 * each.unknown:>7.0f} %{exact:>15}"
            )
        yield ""
        can = uses(report)
        for name in ("targets", "recipes"):
            yield from _wrapped(f"{name:<{_PART}}", ", ".join(can[name]) or "none")
            if can[f"no_{name}"]:
                yield from _wrapped(f"{'  not':<{_PART}}", ", ".join(can[f"no_{name}"]))
    yield ""
    yield f"{'right' if report.is_right else 'NOT RIGHT'}, in {report.seconds:.0f} s"


def short_lines_of(report: EncoderReport) -> Iterator[str]:
    """One line for an encoder, and one for each part that is not simply right."""
    yield from _wrapped(f"{'right' if report.is_right else 'NOT RIGHT':<11}", report.name)
    for finding in report.findings:
        if finding.status != "ok":
            yield from _wrapped(f"  {finding.status:<9}{finding.part:<{_PART}}", finding.text)


def _wrapped(label: str, text: str) -> Iterator[str]:
    """A label and a text beside it that goes on below itself."""
    yield from wrap(text, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label)) or [
        label.rstrip()
    ]
