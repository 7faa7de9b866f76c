"""The reference in `docs/`: keys of the experiment file, columns of tables, the catalogue.

`python -m xstilts.report.reference FOLDER` (`make docs`) writes them, and the glossary.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from xstilts.analysis import tables
from xstilts.config.encoders.catalogue import Catalogue, CatalogueEntry, catalogue
from xstilts.config.experiment import Experiment
from xstilts.data import schemas
from xstilts.execution.files import write_text
from xstilts.report.glossary import glossary_markdown

_MADE = "<!-- Made by xstilts.report.reference; a test asserts that it is up to date. -->"
_NAME = "<name>"
# In a docstring: its name, and all until the next one.
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_WORDS = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    NoneType: "null",
    Any: "any value",
}
# Tables of results: where they lie, and what they are called in `schemas`.
_RESULTS = {
    "scores.parquet": "SCORES",
    "baselines.parquet": "BASELINES",
    "runs.parquet": "RUNS",
    "overlap/": "OVERLAP",
    "curves/": "CURVES",
    "costs.parquet": "COSTS",
    "cell_costs.parquet": "CELL_COSTS",
}

# Tables of findings whose constant is not called as they are.
_NAMED_OTHERWISE = {"languages": "LANGUAGE_TABLE"}


def keys_markdown() -> str:
    """The text of `docs/keys.md`: every key of the experiment file, its type and default."""
    lines = [
        "# Keys of the experiment file",
        "",
        _MADE,
        "",
        "`<name>` stands for any name that is given. A key without a default must be set, where"
        " what it belongs to is used at all.",
    ]
    for path, model in _models("", Experiment):
        held = getattr(model, "settings", model)
        # Levels of settings say with those what they are about.
        said = [_paragraphs(held)] if held.__doc__ else []
        if held is not model:
            levels = ", ".join(
                f"`{name}`" if name == "default" else f"`{name}.{_NAME}`"
                for name in model.model_fields
            )
            said.append(f"Set at the levels {levels}, of which the later wins, key by key:")
        lines += ["", f"## {path or 'The file'}", "", " ".join(said), ""]
        lines += ["| key | type | default |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_type_of(field.annotation)} | {_default_of(field)} |"
            for name, field in held.model_fields.items()
        ]
    return "\n".join(lines) + "\n"


def columns_markdown() -> str:
    """The text of `docs/columns.md`: every table of results with its columns."""
    lines = ["# Columns of the tables", "", _MADE]
    for file, name in _RESULTS.items():
        lines += _table(f"`{file}`", getattr(schemas, name), _said_of(schemas, name))
    for group, folder in (("PREDICTIONS", "predictions/"), ("DATA", "data/")):
        for kind, schema in getattr(schemas, group).items():
            lines += _table(f"`{folder}`: {kind}", schema, "")
    for name, held in tables.TABLES.items():
        lines += _table(
            f"`findings/{name}.parquet`",
            held,
            _said_of(tables, _NAMED_OTHERWISE.get(name, name.upper())),
        )
    return "\n".join(lines) + "\n"


def catalogue_markdown() -> str:
    """The text of `docs/catalogue.md`: every encoder, and how far what is said is verified."""
    known = catalogue()
    lines = [
        "# The catalogue of encoders",
        "",
        _MADE,
        "",
        "Each is named in an experiment as [encoders.md](encoders.md#encoders-by-name) shows. No"
        " file of the hub's was loaded to make this table. **run**: it was, and run; **read**: seen"
        " on a page or in a file of the hub's or of its authors'; **inferred**: follows from"
        " something that was read; **unknown**: nobody looked. Licences were not verified in this"
        " way: read them before you hand anything on.",
        "",
        "## Where they lie",
        "",
        *_head("name", "hub", "commit with safetensors", "licence", "commit", "weights"),
    ]
    for name, each in known.encoders.items():
        commit = f"`{each.revision}`" if each.revision else "not known: write `revision`"
        licence = f"{each.licence or 'not known'}{', gated' if each.gated else ''}"
        lines += _row(
            f"`{name}`",
            f"`{each.hub}`",
            commit,
            licence,
            each.verified.revision,
            each.verified.weights,
        )
    lines += [
        "",
        "A pin that is wrong shows when the encoder is fetched, before anything trains: a commit"
        " that is not there, or whose files hold no safetensors, ends the job `fetch_encoder` with"
        " an error that names repository and commit. What was fetched, with its digests, is in the"
        " provenance of every result. Where the sizes here are wrong, those that the plan prints"
        " change once the encoder lies in the Hugging Face cache.",
        "",
        "## Sizes and tokenizers",
        "",
        "Millions of parameters without heads and pooler; the longest input in subword tokens.",
        "",
        *_head(
            "name",
            "architecture",
            "hidden",
            "layers",
            "vocabulary",
            "parameters",
            "longest",
            "tokenizer",
            "sizes",
            "tokenizer is",
        ),
    ]
    for name, each in known.encoders.items():
        lines += _row(
            f"`{name}`",
            *_sizes(each),
            f"{each.longest:,}",
            each.tokenizer,
            each.verified.config,
            each.verified.tokenizer,
        )
    lines += [
        "",
        "## What they are used with",
        "",
        "`pooling` is for the heads of pairs and choices. By depth: no choice is published; as deep"
        " as layer 14 of XLM-R Large's 24.",
        "",
        *_head(
            "name", "pooling", "retrieval", "from", "retrieval is", "pretraining text", "text is"
        ),
    ]
    for name, each in known.encoders.items():
        settings = ", ".join(f"{key}: {json.dumps(value)}" for key, value in each.retrieval.items())
        lines += _row(
            f"`{name}`",
            each.pooling,
            f"`{settings}`",
            each.retrieval_source,
            each.verified.retrieval,
            _corpus(known, each),
            each.verified.corpus,
        )
    lines += ["", "## Notes", ""]
    lines += [f"- `{name}`: {each.note}" for name, each in known.encoders.items() if each.note]
    lines += ["", "## What they were pretrained on", ""]
    for corpus in known.corpora.values():
        amounts = f", by language in {corpus.unit}" if corpus.amounts is not None else ""
        lines.append(
            f"- {corpus.title}{amounts}. Of the real languages here it has:"
            f" {' '.join(sorted(corpus.languages))}."
        )
    lines += ["", "## What is refused", "", *_head("hub", "why", "instead")]
    for hub, refusal in known.refused.items():
        lines += _row(f"`{hub}`", refusal.why, f"`{refusal.instead}`")
    return "\n".join(lines) + "\n"


def _head(*names: str) -> list[str]:
    """The head of a table."""
    return [*_row(*names), f"|{'---|' * len(names)}"]


def _row(*cells: str) -> list[str]:
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"]


def _sizes(entry: CatalogueEntry) -> tuple[str, ...]:
    config = entry.config
    if config is None:
        return ("not known",) * 5
    numbers = (entry.hidden, entry.layers, config["vocab_size"])
    parameters = "not known" if entry.parameters is None else f"{entry.parameters / 1e6:,.1f}"
    return config["model_type"], *(f"{number:,}" for number in numbers), parameters


def _corpus(known: Catalogue, entry: CatalogueEntry) -> str:
    return "not known" if entry.corpus is None else known.corpora[entry.corpus].title


def _models(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A model and those within it, each with the keys that lead to it."""
    yield path, model
    for name, field in model.model_fields.items():
        here = f"{path}.{name}".lstrip(".")
        for inner, is_named in _inside(field.annotation):
            yield from _models(f"{here}.{_NAME}" if is_named else here, inner)


def _inside(annotation: Any) -> Iterator[tuple[type[BaseModel], bool]]:
    """Models that a value holds, and whether each stands under a name of its own."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, False
        return
    is_mapping = get_origin(annotation) is dict
    for part in get_args(annotation):
        for model, is_named in _inside(part):
            yield model, is_named or is_mapping


def _paragraphs(model: type[BaseModel]) -> str:
    """What the class says of itself, and of its attributes in a list."""
    text, _, attributes = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")
    listed = [
        f"- `{name}`: {' '.join(said.split())}" for name, said in _ATTRIBUTE.findall(attributes)
    ]
    return "\n".join([" ".join(text.split()), *([""] if listed else []), *listed])


def _type_of(annotation: Any) -> str:
    """A type in the words of YAML."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_of(parts[0])
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in parts)
    if origin in (Union, UnionType):
        return " or ".join(map(_type_of, parts))
    if origin is tuple:
        return f"list of {_type_of(parts[0])}"
    if origin is dict:
        return f"names, each with {_type_of(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys, below"
    return _WORDS[annotation]


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, Mapping) and any(isinstance(each, BaseModel) for each in value.values()):
        value = tuple(value)
    return f"`{json.dumps(value)}`"


def _table(heading: str, schema: Any, said: str) -> list[str]:
    """A table's section; `schema` is that of Arrow, or names to types of polars."""
    columns = (
        schema.items()
        if isinstance(schema, Mapping)
        else ((each.name, each.type) for each in schema)
    )
    rows = [f"| `{name}` | `{kind}` |" for name, kind in columns]
    head = ["", f"## {heading}", "", *([said, ""] if said else [])]
    return [*head, "| column | type |", "|---|---|", *rows]


def _said_of(module: ModuleType, name: str) -> str:
    """The comment above an assignment."""
    source = inspect.getsource(module)
    lines = source.split("\n")
    for node in ast.parse(source).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(getattr(each, "id", None) == name for each in targets):
            start = node.lineno - 1
            first = start
            while lines[first - 1].startswith("#"):
                first -= 1
            return " ".join(line.removeprefix("#").strip() for line in lines[first:start])
    raise ValueError(f"{module.__name__} has no {name}")


def _main(folder: str) -> None:
    write_text(Path(folder, "keys.md"), keys_markdown())
    write_text(Path(folder, "columns.md"), columns_markdown())
    write_text(Path(folder, "catalogue.md"), catalogue_markdown())
    write_text(Path(folder, "glossary.md"), glossary_markdown())


if __name__ == "__main__":
    _main(*sys.argv[1:])
