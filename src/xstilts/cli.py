"""The command `xstilts`. Handlers import what they need, so that `--help` is instant."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from xstilts import __version__
from xstilts.errors import XstiltsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 1 after an error that it has printed."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except XstiltsError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    return 0


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts", description="Intermediate-task training and cross-lingual transfer."
    )
    parser.add_argument("--version", action="version", version=f"xstilts {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_evaluate(commands)
    return parser


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score predictions in XTREME's submission layout",
        description="Score predictions in XTREME's submission layout, with the JSON keys of "
        "XTREME's own evaluation. Tasks that have a folder on both sides are scored.",
    )
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR")
    parser.add_argument("--labels", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON report; printed where none is given"
    )
    parser.add_argument(
        "--languages",
        choices=("all", "present"),
        default="all",
        help="all: every language of XTREME's list must be there (default); "
        "present: score the languages that have a label file",
    )
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from xstilts.evaluate import evaluate_folder
    from xstilts.files import write_json

    report = evaluate_folder(options.predictions, options.labels, options.languages)
    if options.output is None:
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    write_json(options.output, report)
    for name, value in report.items():
        if name != "languages":
            points = value["avg_metric"] if isinstance(value, dict) else value
            print(f"{name}\t{points:.1f}")


if __name__ == "__main__":
    sys.exit(main())
