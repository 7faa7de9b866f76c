"""Planning time with many languages: the same experiment in 40 of them and in all of its targets'.

    python benchmarks/planning_languages.py [--repeats 5]

`snakemake -n` plans two experiments in turn, each in a process of its own, that differ in the
languages of their targets alone: XTREME's 40, and all that the targets have. Files of data are
there, and empty: nothing reads them to plan. A job is for all languages of a target, so that both
have the same jobs, which is checked first; what grows with languages is that files are looked for.
The limit is one look for each split and language, some 10 microseconds. The aim is at most 1.2
times the CPU seconds, which is 0.83 times as fast.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from measure import Row, Times, compared, machine, table
from planning import BIN, ROOT, jobs_of, spent

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TARGETS, TASKS

_TARGETS = ("xnli", "panx", "sib200", "tatoeba112", "ntrex", "masakhapos", "masakhaner2")
_RECIPES = ("none", "mnli", "squad_v1", "mnli@sw")
_ENCODER = {
    "model_type": "bert",
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 16,
    "vocab_size": 1000,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
_XTREME = TARGETS["panx"].languages


def write_data(root: Path) -> None:
    """Empty files for every split of every task in every language."""
    for task in TASKS.values():
        for split, sources in task.folder.items():
            for language in {"en", *task.languages, "sw"} & LANGUAGES.keys():
                for source in sources:
                    for pattern in (*source.files, *source.common):
                        marks = {
                            "{code}": task.codes.get(language, language),
                            "{lang}": language,
                            "{to}": language,
                            "{-lang}": "" if language == "en" else f"-{language}",
                            "{iso}": LANGUAGES[language].iso639_3,
                            "{split}": split,
                        }
                        for mark, text in marks.items():
                            pattern = pattern.replace(mark, text)
                        path = root / pattern
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.touch()


def write_experiment(folder: Path, name: str, languages: set[str]) -> Path:
    """The experiment in these languages of each target; of those with none of them, in all."""
    spoken = {
        key: [code for code in TARGETS[key].languages if code in languages]
        or list(TARGETS[key].languages)
        for key in _TARGETS
    }
    values = {
        "experiment": name,
        "data_source": "folder",
        "data_root": str(folder / "data"),
        "missing_data": "leave_out",
        "encoders": {f"e{n}": {"folder": "encoder"} for n in range(2)},
        "recipes": list(_RECIPES),
        "targets": {key: {"languages": codes} for key, codes in spoken.items()},
        "seeds": [1, 2],
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(values))
    print(f"{name}: {len({code for codes in spoken.values() for code in codes})} languages")
    return path


def rows(repeats: int) -> Iterator[Row]:
    """The dry run in all languages beside that in 40."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data")
        (folder / "encoder").mkdir()
        (folder / "encoder/config.json").write_text(json.dumps(_ENCODER))
        every = set(LANGUAGES)
        files = {
            "few": write_experiment(folder, "few", set(_XTREME)),
            "all": write_experiment(folder, "all", every),
        }
        commands = {
            key: [
                *(str(BIN / "snakemake"), "--dry-run", "--quiet", "rules", "--cores", "1"),
                *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
                *("--workflow-profile", str(ROOT / "profiles/default"), "--configfile", str(path)),
            ]
            for key, path in files.items()
        }
        jobs = {key: jobs_of(spent(command, folder).output) for key, command in commands.items()}
        if jobs["few"] != jobs["all"]:
            sys.exit(f"not the same jobs: {jobs}")
        times = {key: Times() for key in commands}
        for _ in range(repeats):
            for key, command in commands.items():
                one = spent(command, folder)
                times[key].cpu.append(one.cpu)
                times[key].wall.append(one.wall)
        what = f"snakemake -n in all languages, {jobs['all']['total']:,} jobs"
        limit = "a look for each file"
        yield compared(what, times["all"], times["few"], "XTREME's 40", 1 / 1.2, limit)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(f"On {machine()}\n")
    print(table(rows(arguments.repeats)))
