"use strict";
{{ rounding|safe }}
// From a number to what is shown of it.
const FORMATS = {
  number: (x) => fixed(x, 1),
  change: (x) => signed(x, 1),
  share: (x) => `${fixed(100 * x, 1)} %`,
  "share-change": (x) => signed(100 * x, 1),
  ratio: (x) => fixed(x, 2),
  "ratio-change": (x) => signed(x, 2),
  p: (x) => (x < 0.001 ? "&lt; 0.001" : x.toPrecision(2)),
  count: (x) => x.toLocaleString("en"),
};
// A frame of more rows is shown page by page; other tables of more rows can be searched.
const PAGE = 12;
const MENU = [10, 25, 100, { label: "all", value: -1 }];

// Cells without a number stay last.
const known = (value) => (value === null || value === "" ? null : Number(value));
const order = (sign) => (one, other) => {
  const [a, b] = [known(one), known(other)];
  return a === null || b === null ? (a === null) - (b === null) : sign * (a - b);
};

// The interval stands small beneath its number.
function shown(said, place, ends) {
  return (data, type, row) => {
    if (type !== "display") return data === null && type === "export" ? "" : data;
    if (data === null) return '<span class="missing">–</span>';
    const [low, high] = ends.map((end) => row[place + end]);
    return said(data) + (low == null ? "" : `<small>${said(low)} to ${said(high)}</small>`);
  };
}

// Of a cell that is there already, the number is saved, not what is shown.
const saved = (place) => (data, type, row) => (type === "export" ? row[place]["@data-order"] : data);

function definition(head, place, heads, fromFrame, filtered) {
  const kind = head.dataset.kind;
  const held = { targets: place };
  if (kind === "none") return { ...held, orderable: false };
  if (kind === "end") return { ...held, visible: false, type: "known", render: shown(String, place, []) };
  if (kind in FORMATS) {
    const ends = heads[place + 1]?.dataset.kind === "end" ? [1, 2] : [];
    const render = fromFrame ? shown(FORMATS[kind], place, ends) : saved(place);
    // Of scores the highest are looked for first.
    const orderSequence = fromFrame ? ["asc", "desc", ""] : ["desc", "asc", ""];
    return { ...held, type: "known", className: "number", render, orderSequence };
  }
  if (!filtered) return held;
  if (kind !== "name") return { ...held, className: kind, columnControl: ["searchDropdown"] };
  // Left to find the values by itself, the list would sort the table once a column.
  const list = { extend: "searchList" };
  if (head.dataset.options) {
    // A label is HTML, a value is not.
    const html = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const option = (value) => ({ label: html(value) || "–", value });
    list.options = JSON.parse(head.dataset.options).map(option);
  }
  return { ...held, className: "name", columnControl: [[list]] };
}

async function startTable(table) {
  const { default: DataTable } = await window.tableLibrary;
  Object.assign(DataTable.ext.type.order, { "known-asc": order(1), "known-desc": order(-1) });
  const holder = table.closest(".table");
  const script = holder.querySelector("script");
  const data = script ? await unpacked(script) : undefined;
  const rows = data ? data.length : table.tBodies[0].rows.length;
  const filtered = Boolean(data) || rows > PAGE;
  const paged = "paged" in table.dataset || (Boolean(data) && rows > PAGE);
  const place = (head) => Number(head.dataset.column);
  const heads = [...table.querySelectorAll("th[data-column]")].sort((a, b) => place(a) - place(b));
  const name = holder.id.replace(/-table$/, "") || table.caption.textContent.trim();
  const title = ({ dataset, textContent }) => dataset.title ?? textContent.trim();
  const titles = heads.map((head) => ({ title: title(head), colspan: 1, rowspan: 1 }));
  const csv = {
    extend: "csvHtml5",
    text: "Data (CSV)",
    filename: name.replaceAll(/[^\p{L}\p{N}@+-]+/gu, "-"),
    title: null,
    bom: true,
    footer: Boolean(table.tFoot),
    exportOptions: {
      orthogonal: "export",
      // One line of headings, those that are shared within it.
      customizeData: (saved) => (saved.headerStructure = [titles]),
    },
  };
  table.classList.add("display", "compact");
  new DataTable(table, {
    ...(data ? { data, deferRender: true } : {}),
    columnDefs: heads.map((head, at) => definition(head, at, heads, Boolean(data), filtered)),
    order: [],
    autoWidth: false,
    paging: paged,
    pageLength: MENU[data ? 0 : 1],
    lengthMenu: MENU,
    layout: {
      topStart: filtered ? "search" : null,
      topEnd: filtered ? { buttons: [csv] } : null,
      bottomStart: paged ? ["info", "pageLength"] : filtered ? "info" : { buttons: [csv] },
      bottomEnd: paged ? "paging" : null,
    },
    language: {
      search: "Search this table:",
      lengthMenu: "_MENU_ rows a page",
      info: "Rows _START_ to _END_ of _TOTAL_",
      infoFiltered: "(of _MAX_ before filtering)",
      infoEmpty: "No rows",
      zeroRecords: "No row is like that.",
    },
  });
}

for (const table of document.querySelectorAll(".table > table")) {
  // What is folded away is made when it is opened.
  const fold = table.closest("details:not([open])");
  if (fold) fold.addEventListener("toggle", () => startTable(table), { once: true });
  else startInTurn(() => startTable(table));
}

// Paper has no fold: what is folded is opened for it, and closed again. A tree stays as it is.
matchMedia("print").addEventListener("change", (print) => {
  const folded = print.matches ? "details:not([open], .tree details)" : "details[data-folded]";
  document.querySelectorAll(folded).forEach((details) => {
    details.open = print.matches;
    details.toggleAttribute("data-folded", print.matches);
  });
});
// The bundle's own dark style.
const dark = matchMedia("(prefers-color-scheme: dark)");
const darken = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", darken);
darken();
