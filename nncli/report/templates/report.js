"use strict";
// The threshold table: what each threshold costs, for costs that the reader gives.
(() => {
  const table = document.getElementById("threshold-table");
  if (!table) return;
  const cost = name => Math.max(0, Number(document.getElementById("cost-" + name).value) || 0);
  const rows = [...table.tBodies[0].rows];
  const update = () => {
    const costs = rows.map(row => cost("fn") * row.dataset.fn + cost("fp") * row.dataset.fp);
    const least = Math.min(...costs);
    rows.forEach((row, i) => {
      row.cells[row.cells.length - 1].textContent = Number(costs[i].toPrecision(6)).toLocaleString("en");
      row.classList.toggle("cheapest", costs[i] === least);
    });
  };
  document.getElementById("costs").hidden = false;
  for (const name of ["fn", "fp"]) document.getElementById("cost-" + name).addEventListener("input", update);
})();
