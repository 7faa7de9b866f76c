"""Tables that are sorted, filtered and exported on a page: DataTables, through itables offline.

Cells may hold HTML, since texts are told their direction; so every text is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

import polars as pl
from itables import JavascriptFunction, to_html_datatable
from itables import options as itables_options
from itables.javascript import generate_init_offline_itables_html
from markupsafe import escape

from xstilts.analysis.tables import EVERY
from xstilts.report.plots import SIGNIFICANT, Names, significant, target_name
from xstilts.rounding import DECIMALS, JAVASCRIPT

# Columns of few values, which are ticked in a list; texts to be read, long and short; and numbers
# by how they are written.
NAME, TEXT, SHORT = "name", "text", "short"
NUMBER, CHANGE, SHARE, SHARE_CHANGE = "number", "change", "share", "share change"
RATIO, RATIO_CHANGE, P, COUNT = "ratio", "ratio change", "p", "count"

# From the number `x` to what is shown of it.
_FORMATS = {
    NUMBER: "fixed(x, 1)",
    CHANGE: "signed(x, 1)",
    SHARE: "fixed(100 * x, 1) + ' %'",
    SHARE_CHANGE: "signed(100 * x, 1)",
    RATIO: "fixed(x, 2)",
    RATIO_CHANGE: "signed(x, 2)",
    P: "x < 0.001 ? '&lt; 0.001' : x.toPrecision(2)",
    COUNT: "x.toLocaleString('en')",
}
# The interval stands small beneath its number.
_RENDER = """function (data, type, row) {
  if (type !== "display") return data === null && type === "export" ? "" : data;
  if (data === null) return '<span class="missing">–</span>';
  %s
  const said = (x) => %s;
  const [low, high] = [%s];
  return said(data) + (low == null ? "" : `<small>${said(low)} to ${said(high)}</small>`);
}"""
_EXPORT = 'function (data, type) { return data === null && type === "export" ? "" : data; }'
# More rows than this are shown page by page.
_PAGE = 12
_MENU = [10, 25, 100, {"label": "all", "value": -1}]


@dataclass(frozen=True)
class Column:
    """A column: the name in the table, its heading, its kind, and the columns of its interval."""

    name: str
    heading: str
    kind: str = NAME
    interval: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as HTML, with what stands above it."""

    anchor: str
    caption: str
    rows: int
    html: str


def library() -> str:
    """The script and style that all tables need, once a page; the browser is asked for nothing."""
    made = generate_init_offline_itables_html(itables_options.dt_bundle)
    # After the script comes what is said to readers of notebooks.
    return made[: made.rindex("</script>")] + "</script>"


def shown(
    anchor: str, caption: str, frame: pl.DataFrame, columns: Sequence[Column], names: Names
) -> Table | None:
    """A table of these columns; those that are null throughout are left out.

    None if there is no row.
    """
    if frame.is_empty():
        return None
    kept = [
        held
        for held in columns
        if frame[held.name].null_count() < len(frame)
        and not (held.name == "encoder" and frame["encoder"].n_unique() == 1)
    ]
    cells: dict[str, pl.Series] = {}
    definitions: list[dict[str, Any]] = []
    for held in kept:
        values = _cells(frame[held.name], held, names)
        definitions += _definitions(held, values, len(cells))
        cells[held.heading] = values
        for end, name in zip(("from", "to"), held.interval or (), strict=False):
            cells[f"{held.heading}, 95 % {end}"] = frame[name].round(DECIMALS)
    data = pl.DataFrame(cells)
    paged = len(data) > _PAGE
    html = to_html_datatable(
        data,
        caption=str(escape(caption)),
        connected=False,
        table_id=f"table-{anchor}",
        display_logo_when_loading=False,
        allow_html=True,
        show_dtypes=False,
        format_floats_in_python=False,
        maxBytes=0,
        maxColumns=0,
        text_in_header_can_be_selected=False,
        classes="display compact",
        style="table-layout:auto;width:100%;margin:0;caption-side:top",
        autoWidth=False,
        paging=paged,
        pageLength=_MENU[0],
        lengthMenu=_MENU,
        columnDefs=definitions,
        layout={
            "topStart": "search",
            "topEnd": {
                "buttons": [
                    {
                        "extend": "csvHtml5",
                        "text": "Data (CSV)",
                        "filename": anchor,
                        "title": None,
                        "bom": True,
                        "exportOptions": {"orthogonal": "export"},
                    }
                ]
            },
            "bottomStart": ["info", "pageLength"] if paged else "info",
            "bottomEnd": "paging" if paged else None,
        },
        language={
            "search": "Search this table:",
            "lengthMenu": "_MENU_ rows a page",
            "info": "Rows _START_ to _END_ of _TOTAL_",
            "infoFiltered": "(of _MAX_ before filtering)",
            "infoEmpty": "No rows",
            "zeroRecords": "No row is like that.",
        },
    )
    return Table(anchor=anchor, caption=caption, rows=len(data), html=html)


def _definitions(column: Column, cells: pl.Series, place: int) -> list[dict[str, Any]]:
    """How a column is shown and filtered; the ends of its interval are for the CSV alone."""
    if column.kind in (TEXT, SHORT):
        held = {"className": column.kind, "columnControl": ["searchDropdown"]}
        return [{"targets": place, **held}]
    if column.kind == NAME:
        # Left to find the values by itself, the list would sort the table once a column.
        options = [
            {"label": held or "–", "value": unescape(held)} for held in cells.dtype.categories
        ]
        held = {"columnControl": [[{"extend": "searchList", "options": options}]]}
        return [{"targets": place, "className": f"name {column.name}", **held}]
    ends = (place + 1, place + 2) if column.interval else ()
    row = ", ".join(f"row[{end}]" for end in ends)
    render = JavascriptFunction(_RENDER % (JAVASCRIPT, _FORMATS[column.kind], row))
    for_csv = JavascriptFunction(_EXPORT)
    hidden = [{"targets": end, "visible": False, "render": for_csv} for end in ends]
    return [{"targets": place, "render": render}, *hidden]


def _cells(values: pl.Series, column: Column, names: Names) -> pl.Series:
    if column.kind not in (NAME, TEXT, SHORT):
        return values.round(DECIMALS) if values.dtype.is_float() else values
    said = ["" if value is None else _say(column.name, value, names) for value in values]
    if column.kind in (TEXT, SHORT):
        return pl.Series([f'<div dir="auto">{text}</div>' if text else "" for text in said])
    order = {
        "recipe": [_say("recipe", recipe, names) for recipe in names.recipes],
        "target": [_say("target", EVERY, names)],
    }.get(column.name, [])
    held = sorted(set(said))
    first = [text for text in order if text in held]
    return pl.Series(said, dtype=pl.Enum(list(dict.fromkeys([*first, *held]))))


def _say(name: str, value: Any, names: Names) -> str:
    """A cell's text, as HTML: names as they are on the page, everything escaped."""
    match name, value:
        case "recipe", _:
            text = names.recipe(value)
        case "target", _:
            text = target_name(value)
        case "verdict", _:
            text = f"{SIGNIFICANT} {value}" if significant(value) else value
        case _, bool():
            text = "yes" if value else "no"
        case _, list():
            text = ", ".join(value)
        case _:
            text = str(value)
    # The template of itables is filled by replacing text, which no cell may hold.
    return str(escape(text)).replace("{", "&#123;")
