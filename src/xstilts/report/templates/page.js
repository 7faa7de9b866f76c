"use strict";
// Sorts a table by the column whose header is activated; cells without a number stay last.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("th[data-column]")];
  const body = table.tBodies[0];
  for (const head of heads) {
    const column = Number(head.dataset.column);
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rows = [...body.rows];
      const key = (row) => {
        const cell = row.cells[column];
        if (cell.classList.contains("missing")) return null;
        return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
      };
      const numeric = rows.some((row) => typeof key(row) === "number");
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric;
      rows.sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === null || b === null) return (a === null) - (b === null);
        const order = numeric ? a - b : a.localeCompare(b);
        return down ? -order : order;
      });
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows);
    });
  }
}
// What is folded away on the screen would be missing on paper.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
