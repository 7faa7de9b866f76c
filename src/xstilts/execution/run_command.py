"""Commands of Snakemake that are made from the one that a user typed."""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
from collections.abc import Sequence
from functools import cache
from typing import Any

from xstilts.execution.snakemake_internals import argument_parser

# Options that say what is run, as targets do, rather than how.
_ABOUT_WHAT = ("targets", "batch", "force", "forceall", "forcerun", "omit_from", "until")
_CONFIG = ("--config", "-C")
_ANY = "a-target-of-any-name"


def command_for(targets: Sequence[str], arguments: Sequence[str]) -> str:
    """The command with which only these files are made, with the options of another command.

    Targets come first, since options such as `--config` would take them for theirs.

    Args:
        arguments: of the other command, without the program.
    """
    return shlex.join(["snakemake", *targets, *_options(tuple(arguments))])


def without_entry(key: str, arguments: Sequence[str]) -> list[str]:
    """Arguments without an entry of `--config`."""
    kept = [argument for argument in arguments if not argument.startswith(f"{key}=")]
    # An option that has lost its only entry goes too.
    following = [*kept[1:], "-"]
    return [
        argument
        for argument, after in zip(kept, following, strict=True)
        if not (argument in _CONFIG and after.startswith("-"))
    ]


def command_with(entry: str, arguments: Sequence[str]) -> str:
    """The command of a run without targets, with one more entry of `--config`."""
    options = list(_options(tuple(arguments)))
    place = next((number for number, option in enumerate(options) if option in _CONFIG), None)
    if place is None:
        options += ["--config", entry]
    else:
        # The option may be given once, and what comes later holds.
        end = place + 1
        while end < len(options) and not options[end].startswith("-"):
            end += 1
        options.insert(end, entry)
    return shlex.join(["snakemake", *options])


# Each failed job has its command, made of the same arguments.
@cache
def _options(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that say how a run is made: neither targets nor options about what is run."""
    parser = argument_parser()
    nothing = _asked_for(parser, [])
    options: list[list[str]] = []
    for place, argument in enumerate(arguments):
        if argument.startswith("-"):
            options.append([argument])
        elif options and not _is_target(parser, arguments, place):
            options[-1].append(argument)
    return tuple(
        part
        for option in options
        if option != ["--"] and _asked_for(parser, option) in (nothing, None)
        for part in option
    )


def _is_target(parser: argparse.ArgumentParser, arguments: Sequence[str], place: int) -> bool:
    """Whether something else in the place of this argument would be taken for a target."""
    asked = _asked_for(parser, [*arguments[:place], _ANY, *arguments[place + 1 :]])
    return asked is not None and _ANY in asked["targets"]


def _asked_for(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> dict[str, Any] | None:
    """What arguments ask to be run; None where the parser does not take them."""
    # An option that takes no such value says so in one way or another.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit, Exception):
        parsed = vars(parser.parse_args(list(arguments)))
        return {name: parsed[name] for name in _ABOUT_WHAT}
    return None
