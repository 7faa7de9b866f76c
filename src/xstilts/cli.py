"""The command `xstilts`. Handlers import what they need, so that `--help` is instant."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from xstilts import __version__
from xstilts.errors import XstiltsError
from xstilts.graph.paths import LARGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0; 1 after an error that it has printed; and where the reader of its output has closed the pipe
    what a shell gives for SIGPIPE.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(arguments: Sequence[str] | None) -> int:
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
    except BrokenPipeError:
        raise
    except XstiltsError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    return 0


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def make_parser() -> argparse.ArgumentParser:
    """The commands of `xstilts` and their options."""
    parser = argparse.ArgumentParser(
        prog="xstilts", description="Intermediate-task training and cross-lingual transfer."
    )
    parser.add_argument("--version", action="version", version=f"xstilts {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_evaluate(commands)
    _add_plan(commands)
    _add_report(commands)
    _add_compare(commands)
    _add_check_encoder(commands)
    _add_bundle(commands)
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


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from xstilts.execution.files import write_json
    from xstilts.rounding import fixed
    from xstilts.scoring.xtreme_evaluate import evaluate_folder

    report = evaluate_folder(options.predictions, options.labels, options.languages, _say)
    if options.output is None:
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    write_json(options.output, report)
    for name, value in report.items():
        if name != "languages":
            points = value["avg_metric"] if isinstance(value, dict) else value
            print(f"{name}\t{fixed(points)}")


def _add_plan(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "plan",
        help="say what an experiment will take: cells, jobs, time, energy, disk",
        description="Say what an experiment will take, and what is left of it, from the options"
        " that Snakemake would be given. Nothing is run, loaded or downloaded.",
    )
    _add_experiment(parser)
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="what encoders run on: a GPU such as h100, a100 or rtx3090, or cpu (default: what is"
        " here; for device cuda without one, what earlier jobs ran on, or a100)",
    )
    parser.add_argument(
        "--gpus",
        type=_positive,
        metavar="N",
        help="how many of them there are (default: those here, at least one; on CPU the cores)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive,
        metavar="N",
        help="how many jobs run at a time that use no GPU (default: one a core)",
    )
    parser.add_argument(
        "--price",
        type=_price,
        metavar="P",
        help="of an hour of a GPU, or of a core where there is none, in any currency",
    )
    parser.add_argument("--json", action="store_true", help="plain data for other programs")
    parser.set_defaults(run=_plan)


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        "--configfiles",
        type=Path,
        nargs="+",
        default=[Path("config.yaml")],
        metavar="FILE",
        help="experiment (default: config.yaml); of several, later ones win",
    )
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="values over those of the file",
    )


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "report",
        help="robustness and fairness of scores that you have, for example from a paper",
        description="Write the page of robustness and fairness, its tables and its summary, from"
        " a table of scores: as far as its columns allow, and it says what they do not.",
    )
    parser.add_argument(
        "--scores",
        type=Path,
        required=True,
        metavar="FILE",
        help=".csv or .parquet with the columns target, language and value (points), and as many"
        " as there are of encoder, recipe, seed, split, condition, metric and n (items)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="a new folder, or one from an earlier report (default: FILE without its ending)",
    )
    parser.add_argument(
        "--baseline",
        default="none",
        metavar="RECIPE",
        help="the recipe that the others are compared with (default: none)",
    )
    parser.add_argument(
        "--scale",
        choices=("points", "shares"),
        help="whether values are from 0 to 100 or from 0 to 1; needed where none is above 1",
    )
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> None:
    from xstilts.report.own import report_own_scores

    output = options.output or options.scores.with_suffix("")
    for line in report_own_scores(options.scores, output, options.baseline, options.scale):
        print(line)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "compare",
        help="whether one encoder or recipe is better than another, here or in two experiments",
        description="Compare two sides on the same test items, or all sides of an experiment in"
        " groups that cannot be told apart. A side is an encoder after a recipe,"
        " EXPERIMENT[:ENCODER[:RECIPE]]: a folder of results or the name of an experiment. What is"
        " open may be left open where there is only one.",
    )
    side = "EXPERIMENT[:ENCODER[:RECIPE]]"
    parser.add_argument("a", metavar="A", help=f"{side}, for instance results/demo:tiny:mnli")
    parser.add_argument(
        "b", metavar="B", nargs="?", help="the other side (left out: all sides that A names)"
    )
    parser.add_argument("--all", action="store_true", help="order all sides that A and B name")
    parser.add_argument("--recipe", metavar="R", help="of the sides that name none")
    parser.add_argument("--targets", nargs="+", metavar="T", help="compare on these targets alone")
    parser.add_argument(
        "--languages", nargs="+", metavar="L", help="compare on these languages alone, by code"
    )
    parser.add_argument(
        "--split", choices=("test", "dev"), help="whose items (default: test where there are any)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers as plain data")
    parser.add_argument("--page", type=Path, metavar="FILE", help="an HTML page with all numbers")
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> None:
    from xstilts.report.compare_run import run_comparison

    texts = [options.a] + ([options.b] if options.b else [])
    lines = run_comparison(
        texts,
        every=options.all or not options.b,
        recipe=options.recipe,
        restriction={name: getattr(options, name) for name in ("targets", "languages", "split")},
        data=options.json,
        page=options.page,
    )
    for line in lines:
        print(line)


def _add_check_encoder(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "check-encoder",
        help="try whether an encoder is read, trained and used rightly, in about a minute",
        description="Fetch an encoder as the workflow does and try on a CPU what its jobs would do"
        " with it: weights, words and answers in 12 scripts, lengths, pooling, a few steps of"
        " training of each kind of task, precision and memory. The exit code is 1 if something"
        " is wrong.",
    )
    parser.add_argument(
        "encoder",
        metavar="NAME_OR_ID",
        nargs="?",
        help="a name of the catalogue, a hub id, a folder, or package:<package>/<folder>",
    )
    parser.add_argument("--revision", metavar="COMMIT", help="of a hub id: the full commit")
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the encoder as an experiment would have them, such as pooling=last",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="the whole catalogue in miniature: its architectures with random weights and small"
        " vocabularies, without a network",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all that was found, as data")
    parser.set_defaults(run=_check_encoder)


def _check_encoder(options: argparse.Namespace) -> None:
    if (options.encoder is None) != options.all:
        raise XstiltsError("give one encoder, or --all", where="check-encoder")
    # Bars for a dozen sentences would only be in the way; tqdm reads this as it is imported.
    os.environ.setdefault("TQDM_DISABLE", "1")
    from xstilts.config.parse import read_configuration
    from xstilts.execution.files import write_json
    from xstilts.execution.plan.memory import training_memory
    from xstilts.prediction.encoder_check.check import check_encoder
    from xstilts.prediction.encoder_check.lines import lines_of, short_lines_of
    from xstilts.prediction.encoder_check.source import source_of
    from xstilts.prediction.encoder_check.tiny import check_catalogue

    if options.all:
        reports, show = check_catalogue(training_memory), short_lines_of
    else:
        settings = read_configuration([], options.config)
        source = source_of(options.encoder, options.revision, settings)
        reports, show = iter([check_encoder(options.encoder, source, training_memory)]), lines_of
    found = []
    for report in reports:
        found.append(report)
        for line in show(report):
            print(line, flush=True)
    if options.json is not None:
        documents = [report.document() for report in found]
        write_json(options.json, documents if options.all else documents[0])
    if wrong := [report.name for report in found if not report.is_right]:
        raise XstiltsError("not right for this workflow, see above", where="; ".join(wrong))


def _add_bundle(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "bundle",
        help="pack what was run and what came out into one archive",
        description="Pack code, experiment, versions, results and digests of what was read into"
        " one archive, from which another person can check or repeat the experiment.",
    )
    _add_experiment(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="(default: <experiment>.tar.gz)"
    )
    parser.add_argument(
        "--with",
        dest="also",
        nargs="+",
        choices=LARGE,
        default=[],
        metavar="FOLDER",
        help=f"folders of the results to pack too: {', '.join(LARGE)}",
    )
    parser.set_defaults(run=_bundle)


def _bundle(options: argparse.Namespace) -> None:
    from xstilts.config.parse import parse_experiment, read_configuration
    from xstilts.execution.bundle import write_bundle
    from xstilts.graph.cells import Grid

    values = read_configuration(options.configfile, options.config)
    grid = Grid(parse_experiment(values, where=" + ".join(map(str, options.configfile))))
    output = options.output or Path(f"{grid.experiment.experiment}.tar.gz")
    for line in write_bundle(grid, values, output, options.also):
        print(line)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _price(text: str) -> float:
    price = float(text)
    if not 0 <= price < math.inf:
        raise ValueError
    return price


def _plan(options: argparse.Namespace) -> None:
    from xstilts.config.parse import parse_experiment, read_configuration
    from xstilts.execution.plan.estimate import Options
    from xstilts.execution.plan.plan import Plan
    from xstilts.graph.cells import Grid

    values = read_configuration(options.configfile, options.config)
    grid = Grid(parse_experiment(values, where=" + ".join(map(str, options.configfile))))
    given = Options(
        device=options.device, gpus=options.gpus, jobs=options.jobs, price=options.price
    )
    plan = Plan(grid, given)
    if options.json:
        print(json.dumps(plan.document(), indent=2))
        return
    for line in plan.lines():
        print(line)


if __name__ == "__main__":
    sys.exit(main())
