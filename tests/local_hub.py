"""The hub's data sets as local folders in its layout, which `datasets.load_dataset` reads alike."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset, Features

from xstilts.config.tasks import TASKS, HubSource, Task
from xstilts.data.build import build_part
from xstilts.data.schemas import DATA
from xstilts.graph.locate import Unit


class Hub:
    """A local folder for each repository, each with the configs given to `add`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.configs: dict[str, dict[str, set[str]]] = {}

    def add(
        self,
        repo: str,
        config: str,
        split: str,
        features: dict[str, Any],
        rows: list[dict[str, Any]],
        form: str = "parquet",
    ) -> None:
        """Add a split, as Parquet, as JSON lines or as a table with tabs (`tsv`)."""
        columns = {name: [row[name] for row in rows] for name in features}
        folder = self.root / repo
        (folder / config).mkdir(parents=True, exist_ok=True)
        path = folder / config / f"{split}-00000-of-00001.{form}"
        if form == "tsv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t", lineterminator="\n")
                writer.writerows([list(features), *([row[n] for n in features] for row in rows)])
        else:
            dataset = Dataset.from_dict(columns, features=Features(features))
            (dataset.to_parquet if form == "parquet" else dataset.to_json)(path)
        self.configs.setdefault(repo, {}).setdefault(config, set()).add(split)
        card = {
            "configs": [
                {
                    "config_name": name,
                    "data_files": [
                        {"split": part, "path": f"{name}/{part}-*"} for part in sorted(parts)
                    ],
                }
                for name, parts in self.configs[repo].items()
            ]
        }
        (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")

    def task(self, key: str) -> Task:
        """The task with its repositories replaced by the local folders."""
        task = TASKS[key]
        return dataclasses.replace(
            task,
            hub=self._here(task.hub),
            hub_translated=self._here(task.hub_translated),
        )

    def _here(self, hub: dict[str, tuple[HubSource, ...]]) -> dict[str, tuple[HubSource, ...]]:
        return {
            split: tuple(
                dataclasses.replace(source, repo=str(self.root / source.repo), revision="")
                for source in sources
            )
            for split, sources in hub.items()
        }

    def build(
        self, key: str, part: Any, split: str, *languages: str, **limits: int
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The rows of a part and its metadata."""
        units = [Unit(split, language) for language in languages]
        table, meta = build_part(self.task(key), part, units, source="hub", limits=limits)
        assert table.schema.equals(DATA[TASKS[key].kind])
        return table.to_pylist(), meta
