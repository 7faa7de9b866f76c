"""The command line of a run of Snakemake, with other targets: to be pasted into a shell."""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
from collections.abc import Sequence

from snakemake.cli import get_argument_parser

# Options that say what is run, as targets do, rather than how.
_ABOUT_WHAT = {"batch", "force", "forceall", "forcerun", "omit_from", "until"}
_CONFIG = ("--config", "-C")
_ANY = "a-target-of-any-name"


def command_for(targets: Sequence[str], arguments: Sequence[str]) -> str:
    """The command with which only these files are made, with the options of another command.

    Targets come first, since options such as `--config` would take them for theirs.

    Args:
        arguments: of the other command, without the program.
    """
    return shlex.join(["snakemake", *targets, *_options(arguments)])


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
    options = _options(arguments)
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


def _options(arguments: Sequence[str]) -> list[str]:
    """The arguments that say how a run is made: neither targets nor options about what is run."""
    parser = get_argument_parser()
    rest = [
        argument
        for place, argument in enumerate(arguments)
        if argument != "--" and not _is_target(parser, arguments, place)
    ]
    names = parser._option_string_actions
    kept: list[str] = []
    keeps = True
    for argument in rest:
        if argument.startswith("-"):
            action = names.get(argument.partition("=")[0]) or names.get(argument[:2])
            keeps = action is None or action.dest not in _ABOUT_WHAT
        if keeps:
            kept.append(argument)
    return kept


def _is_target(parser: argparse.ArgumentParser, arguments: Sequence[str], place: int) -> bool:
    """Whether something else in the place of this argument would be taken for a target."""
    changed = [*arguments[:place], _ANY, *arguments[place + 1 :]]
    # An option that takes no such value says so in one way or another.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit, Exception):
        return not arguments[place].startswith("-") and _ANY in parser.parse_args(changed).targets
    return False
