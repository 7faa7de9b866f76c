"""Parquet files with metadata of our own as JSON, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.errors import XstiltsError
from xstilts.execution.files import atomic_path

_META_KEY = b"xstilts"


def write_table(
    path: str | Path,
    table: pa.Table,
    meta: Mapping[str, Any],
    encodings: Mapping[str, str] | None = None,
) -> None:
    """Write Parquet atomically with `meta` as JSON in the file's own metadata.

    Args:
        encodings: columns to encodings of Parquet's; without one, values that repeat are numbered.
    """
    encoded = {**(table.schema.metadata or {}), _META_KEY: json.dumps(meta).encode()}
    chosen: dict[str, Any] = {}
    if encodings:
        numbered = [name for name in table.column_names if name not in encodings]
        chosen = {"column_encoding": dict(encodings), "use_dictionary": numbered}
    with atomic_path(path) as part:
        pq.write_table(table.replace_schema_metadata(encoded), part, compression="zstd", **chosen)


def write_stream(
    path: str | Path,
    schema: pa.Schema,
    batches: Iterable[list[dict[str, Any]]],
    meta: dict[str, Any],
) -> None:
    """`write_table` for rows that come batch by batch and are never in memory together."""
    schema = schema.with_metadata({_META_KEY: json.dumps(meta).encode()})
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for rows in batches:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def read_meta(path: str | Path) -> dict[str, Any]:
    """The metadata that `write_table` stored."""
    stored = pq.read_schema(path).metadata or {}
    return json.loads(stored.get(_META_KEY, b"{}"))


def read_table(path: str | Path, schema: pa.Schema | None = None) -> pa.Table:
    """Read Parquet; with `schema`, refuse a file that does not have exactly those columns.

    Raises:
        XstiltsError: the file's columns or types differ from `schema`.
    """
    table = pq.read_table(path)
    if schema is not None:
        expect_columns(table, schema, path, "delete the file and run the workflow again")
    return table


def expect_columns(
    table: pa.Table, schema: pa.Schema, where: str | Path, hint: str | None = None
) -> None:
    """Refuse a table that does not have exactly the columns and types of `schema`.

    Raises:
        XstiltsError: it has others.
    """
    if not table.schema.equals(schema):
        raise XstiltsError(
            f"expected the columns {schema.names}, found {table.schema.names} or other types",
            where=where,
            hint=hint,
        )
