"use strict";
// Each figure draws the view that its selects choose; a view's key is the places of the choices.
const CONFIG = {
  responsive: true,
  displaylogo: false,
  // A page of results sends nothing anywhere.
  showSendToCloud: false,
  plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

function field(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(columns, view) {
  const rows = view.data.flatMap(({ customdata = [], meta = [] }) =>
    customdata
      // A heat map holds its rows in a grid, with nothing where a cell is empty.
      .flatMap((row) => (row.some(Array.isArray) ? row.filter(Boolean) : [row]))
      // What all rows of a trace have in common stands first, and is held once.
      .map((row) => [...meta, ...row]));
  return [columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Plotly reads what it is given as HTML; the CSV has it as it is.
function escaped(value) {
  if (Array.isArray(value)) return value.map(escaped);
  return typeof value === "string" ? value.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : value;
}

function start(figure) {
  const { columns, template, views } = JSON.parse(figure.querySelector("script").textContent);
  const [plot, note, button] = [".plot", ".note", ".csv"].map((name) => figure.querySelector(name));
  const selects = [...figure.querySelectorAll("select")];
  const chosen = () => views[selects.map((select) => select.value).join("-")];

  function draw() {
    const view = chosen();
    plot.hidden = button.disabled = !view;
    note.textContent = view ? view.note : "There are no numbers for this choice.";
    if (!view) return;
    const data = view.data.map((trace) => ({
      ...trace,
      customdata: escaped(trace.customdata),
      meta: escaped(trace.meta),
    }));
    // Plotly writes into the layout that it is given.
    const layout = { ...structuredClone(view.layout), template };
    const toImageButtonOptions = { format: "svg", filename: figure.dataset.name };
    Plotly.react(plot, data, layout, { ...CONFIG, toImageButtonOptions });
  }

  selects.forEach((select) => select.addEventListener("change", draw));
  button.addEventListener("click", () => save(`${figure.dataset.name}.csv`, csv(columns, chosen())));
  draw();
}

document.querySelectorAll("figure").forEach(start);
