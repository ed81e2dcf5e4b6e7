/* What moves the inputs: a control for each column, and the rows to choose from. */
(function (touch) {
  "use strict";

  const STEPS = 1000;

  /** Where a number stands on its slider, 0 to 1; skewed columns are spread by rank. */
  touch.axis = function (column) {
    const { values, scores } = column,
      last = values.length - 1;
    const [low, high] = column.byRank ? [scores[0], scores[last]] : [values[0], values[last]];
    const width = high - low || 1;
    return {
      share: (x) => Math.min(1, Math.max(0, ((column.byRank ? touch.score(column, x) : x) - low) / width)),
      value: (share) => {
        const at = low + share * width;
        const x = column.byRank ? touch.interpolate(at, scores, values) : at;
        return column.whole ? Math.round(x) : Number(x.toPrecision(5));
      },
    };
  };

  /** A value of a column in words. */
  touch.told = (column, x) => (column.kind === "numeric" ? touch.format(x) : column.labels[x]);

  /**
   * Builds a control for each column.
   * @param {(j: number, x: number|null) => void} moved is told of every change
   * @returns {(state: object) => void} shows a state
   */
  touch.controls = function (page, root, moved) {
    const build = { numeric: numberControl, boolean: choiceControl, categorical: choiceControl };
    const controls = page.columns.map((column, j) => build[column.kind](column, j, (x) => moved(j, x)));
    root.append(...controls.map((control) => control.node));
    return (state) =>
      controls.forEach((control, j) => {
        control.show(state.values[j]);
        control.node.classList.toggle("touch-moved", state.values[j] !== page.values[state.row][j]);
      });
  };

  function choiceControl(column, j, moved) {
    const id = `touch-in-${j}`;
    const order = column.labels.map((label, code) => [code, label]);
    const select = touch.select({ id, onchange: () => moved(Number(select.value)) }, [...order.slice(1), order[0]]);
    const node = touch.html("div", { class: "touch-control" }, touch.html("label", { for: id }, column.name), select);
    return {
      node,
      show: (x) => {
        select.value = String(x);
      },
    };
  }

  function numberControl(column, j, moved) {
    const id = `touch-in-${j}`,
      axis = touch.axis(column);
    const last = { known: column.grid[column.grid.length >> 1] };
    const range = touch.html("input", {
      type: "range",
      id,
      min: 0,
      max: STEPS,
      step: 1,
      oninput: () => moved(axis.value(range.value / range.max)),
    });
    // A change by keys must move whole numbers on, or the slider would stand still.
    if (column.whole && !column.byRank) touch.set(range, wholeSteps(column));
    const field = touch.html("input", {
      type: "number",
      step: "any",
      "aria-label": `${column.name}, as a number`,
      onchange: () => moved(field.value === "" ? last.known : Number(field.value)),
    });
    const missing = touch.html("input", {
      type: "checkbox",
      id: `${id}-gone`,
      onchange: () => moved(missing.checked ? null : last.known),
    });
    const node = touch.html(
      "div",
      { class: "touch-control" },
      touch.html("label", { for: id }, column.name),
      range,
      field,
      column.missing ? touch.html("label", { class: "touch-gone" }, missing, "missing") : null,
    );
    return { node, show: (x) => showNumber(x, { range, field, missing, axis, last }) };
  }

  function wholeSteps(column) {
    const width = column.values[column.values.length - 1] - column.values[0];
    return width > 0 && width <= STEPS ? { max: width } : {};
  }

  function showNumber(x, { range, field, missing, axis, last }) {
    if (x !== null) last.known = x;
    missing.checked = x === null;
    range.disabled = field.disabled = x === null;
    if (x !== null && document.activeElement !== range) range.value = Math.round(axis.share(x) * range.max);
    if (document.activeElement !== field || Number(field.value) !== x) field.value = x === null ? "" : x;
    range.setAttribute("aria-valuetext", touch.format(x));
  }
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
