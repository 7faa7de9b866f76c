"""What a check found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from xstilts.prediction.encoder_check.check import EncoderReport, uses

_WIDTH, _PART = 100, 15
_GIGABYTE = 1e9


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
    if report.memory:
        yield ""
        yield from _wrapped("Training takes ", _memory(report))
    yield ""
    can = uses(report)
    for name, title in (("targets", "targets"), ("recipes", "recipes")):
        yield from _wrapped(f"{title:<{_PART}}", ", ".join(can[name]) or "none")
        if can[f"no_{name}"]:
            yield from _wrapped(f"{'  not':<{_PART}}", ", ".join(can[f"no_{name}"]))
    yield ""
    yield f"{'right' if report.is_right else 'NOT RIGHT'}, in {report.seconds:.0f} s"


def _memory(report: EncoderReport) -> str:
    sizes = {
        name: report.memory[name] / _GIGABYTE
        for name in ("weights", "gradients", "optimizer", "activations")
    }
    shown = ", ".join(f"{name} {size:.2f}" for name, size in sizes.items())
    return (
        f"{sum(sizes.values()):.2f} GB in float32 ({shown}: {report.memory['batch_size']} inputs of"
        f" {report.memory['length']} tokens)"
    )


def _wrapped(label: str, text: str) -> Iterator[str]:
    """A label and a text beside it that goes on below itself."""
    yield from wrap(text, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label)) or [
        label.rstrip()
    ]
