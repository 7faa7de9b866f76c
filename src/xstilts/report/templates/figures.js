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

// A label of a figure as text.
function plain(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent;
}

// The first name that is a text, else that begins with it, has it as its code, or has it somewhere.
function named(names, text) {
  const options = [...names.options];
  const sought = text.toLowerCase();
  const fits = [
    (name) => name === sought,
    (name) => name.includes(`(${sought})`),
    (name) => name.startsWith(sought),
    (name) => name.includes(sought),
  ];
  const found = (fit) => options.find(({ value }) => fit(value.toLowerCase()));
  return sought ? fits.map(found).find(Boolean) : undefined;
}

async function start(figure) {
  const { columns, template, views } = await unpacked(figure.querySelector("script"));
  const [plot, note, button] = [".plot", ".note", ".csv"].map((name) => figure.querySelector(name));
  const [find, names] = ["input[type=search]", "datalist"].map((name) => figure.querySelector(name));
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
    return Plotly.react(plot, data, layout, { ...CONFIG, toImageButtonOptions });
  }

  // Opens the family of what is looked for, and points at its row.
  async function look() {
    const found = named(names, find.value.trim());
    if (!found) {
      if (find.value.trim()) note.textContent = "No language or family is called so.";
      return;
    }
    selects.at(-1).value = found.dataset.place;
    await draw();
    const language = found.value.slice(0, found.value.lastIndexOf(","));
    const { ticktext, tickvals } = plot.layout.yaxis;
    const row = ticktext.findIndex((text) => plain(text) === language);
    if (row < 0) return;
    await Plotly.relayout(plot, { "yaxis.ticktext": ticktext.with(row, `▸ <b>${ticktext[row]}</b>`) });
    plot.querySelectorAll(".ytick text")[row]?.scrollIntoView({ block: "center" });
  }

  selects.forEach((select) => select.addEventListener("change", draw));
  find?.addEventListener("change", look);
  button.addEventListener("click", () => save(`${figure.dataset.name}.csv`, csv(columns, chosen())));
  draw();
}

for (const figure of document.querySelectorAll("figure")) {
  startInTurn(() => start(figure));
}

// A tree unfolds by itself; a script looks for languages in it, and saves it.
function startTree(tree) {
  const [controls, find, button] = [".controls", "input", ".csv"].map((name) => tree.querySelector(name));
  controls.hidden = false;
  const nameOf = (line) => line.querySelector(".name").textContent.toLowerCase();
  const show = (line, sought, above = false) => {
    const folds = line.matches("details");
    const fits = above || nameOf(line).includes(sought);
    const inner = folds ? [...line.children].filter((child) => !child.matches("summary")) : [];
    const found = inner.map((child) => show(child, sought, fits)).some(Boolean);
    line.hidden = !fits && !found;
    if (folds) line.open = Boolean(sought) && found && !fits;
    return !line.hidden;
  };
  find.addEventListener("input", () => {
    const sought = find.value.trim().toLowerCase();
    tree.querySelectorAll(".scroll").forEach((part) =>
      [...part.children].slice(1).forEach((line) => show(line, sought)));
  });
  button.addEventListener("click", async () => {
    const { columns, rows } = await unpacked(tree.querySelector("script"));
    save(`${tree.id}.csv`, csv(columns, { data: [{ customdata: rows }] }));
  });
}

document.querySelectorAll(".tree").forEach(startTree);
