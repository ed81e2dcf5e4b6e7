/* What the trees say, and the line that tells how a probability moves along one column. */
(function (touch) {
  "use strict";

  const LEFT = 46,
    RIGHT = 14,
    TOP = 12,
    BOTTOM = 44,
    HEIGHT = 240,
    LEVEL = 26;

  /** The columns that are not as in the row. */
  touch.movedColumns = ({ row, values }, page) => values.flatMap((x, j) => (x !== page.values[row][j] ? [j] : []));

  /**
   * The trees' probabilities as things stand; null for a class where they are not known.
   * @returns {{proba: (number|null)[], at: number|null}} at: the value of the
   *   moved column that they are of, if one is moved
   */
  touch.treesAnswer = function (page, state) {
    const moved = touch.movedColumns(state, page),
      unknown = { proba: page.classes.map(() => null), at: null };
    if (!moved.length) return { proba: Array.from(page.trees.answers[state.row]), at: null };
    if (moved.length > 1) return unknown;
    const [j] = moved,
      line = touch.treesLine(page, state, j),
      grid = page.columns[j].grid,
      x = state.values[j];
    if (!line || x === null) return unknown;
    const nearest = grid.reduce((best, value, i) => (Math.abs(value - x) < Math.abs(grid[best] - x) ? i : best), 0);
    if (page.columns[j].kind !== "numeric" && grid[nearest] !== x) return unknown;
    return { proba: page.classes.map((_, c) => (line[c] ? line[c][nearest] : null)), at: grid[nearest] };
  };

  /** The trees' probabilities of each class along a column's grid; nothing where another column is moved. */
  touch.treesLine = function (page, state, j) {
    const { lines, shown } = page.trees;
    if (!lines[j] || touch.movedColumns(state, page).some((moved) => moved !== j)) return null;
    const classes = shown[state.row],
      found = page.classes.map(() => null);
    const points = Array.from({ length: page.columns[j].grid.length }, (_, i) => i);
    classes.forEach((c, k) => {
      found[c] = points.map((i) => lines[j][state.row][i * classes.length + k]);
    });
    if (page.classes.length === 2) found[0] = found[1].map((p) => 1 - p);
    return found;
  };

  /**
   * The what-if plot.
   * @returns {(state: object, proba: number[]) => void} draws it
   */
  touch.whatif = function (page, root) {
    const columns = touch.select(
      { id: "touch-along", onchange: () => redraw() },
      page.columns.map((c, j) => [j, c.name]),
    );
    const binary = page.classes.length === 2;
    const classes = touch.select({ id: "touch-of", onchange: () => redraw() }, [
      ["", "the predicted class"],
      ...page.classes.map((name, c) => [c, name]),
    ]);
    if (binary) classes.value = page.border ? page.border[0] : 1;
    const figure = touch.html("div"),
      words = touch.html("p", { class: "touch-faint" });
    root.append(
      touch.html(
        "div",
        { class: "touch-bar" },
        touch.html("label", { for: "touch-along" }, "Along "),
        columns,
        touch.html("label", { for: "touch-of" }, "the probability of "),
        classes,
      ),
      figure,
      words,
    );
    let last = null;
    function redraw() {
      const [state, predicted] = last,
        j = Number(columns.value);
      const c = classes.value === "" ? predicted : Number(classes.value);
      const plot = lineOf(page, state, j, c);
      const draw = page.columns[j].kind === "numeric" ? drawNumbers : drawLevels;
      figure.replaceChildren(draw(page, state, plot, Math.max(260, figure.clientWidth)));
      words.textContent = plot.trees ? "" : treesSilence(page, state, j);
    }
    return {
      draw: (state, proba) => {
        last = [state, touch.decide(proba, page.border)];
        redraw();
      },
      follow: (j) => {
        columns.value = String(j);
      },
    };
  };

  function treesSilence(page, state, j) {
    const others = touch.movedColumns(state, page).filter((moved) => moved !== j);
    if (others.length) return "The trees' line is known only while no other column is moved.";
    return "What the trees say along this line is not embedded here.";
  }

  /** The points of the plot: values, both sides' probabilities of a class, and where things stand. */
  function lineOf(page, state, j, c) {
    const { grid } = page.columns[j],
      x = state.values[j];
    const points = x === null || grid.includes(x) ? grid : [...grid, x].sort((a, b) => a - b);
    const network = touch.line(page, state.row, state.values, j, points).map((proba) => proba[c]);
    const trees = touch.treesLine(page, state, j);
    const now = touch.forward(page, state.row, state.values)[c];
    return { j, c, points, network, grid, trees: trees && trees[c], x, now };
  }

  function summary(page, { j, c, points, network, trees, grid }) {
    const told = (x) => touch.told(page.columns[j], x),
      ends = (xs, ps) =>
        `${touch.percent(ps[0])} at ${told(xs[0])}, ${touch.percent(ps[ps.length - 1])} at ${told(xs[xs.length - 1])}, ` +
        `between ${touch.percent(Math.min(...ps))} and ${touch.percent(Math.max(...ps))}`;
    return (
      `Probability of ${page.classes[c]} along ${page.columns[j].name}. Network: ${ends(points, network)}.` +
      (trees ? ` Trees: ${ends(grid, trees)}.` : "")
    );
  }

  function drawNumbers(page, state, plot, width) {
    const column = page.columns[plot.j],
      axis = touch.axis(column);
    const x = (value) => LEFT + axis.share(value) * (width - LEFT - RIGHT);
    const y = (p) => TOP + (1 - p) * (HEIGHT - TOP - BOTTOM);
    const path = (xs, ps, joint) =>
      ps.map((p, i) => `${i ? joint(xs[i], p) : "M" + x(xs[i]).toFixed(1)} ${y(p).toFixed(1)}`).join("");
    const svg = touch.svg("svg", { width, height: HEIGHT, role: "img", "aria-label": summary(page, plot) });
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(
        touch.svg("line", { class: "touch-rule", x1: LEFT, x2: width - RIGHT, y1: y(p), y2: y(p) }),
        touch.svg("text", { class: "touch-tick", x: LEFT - 6, y: y(p) + 4, "text-anchor": "end" }, `${100 * p} %`),
      );
    }
    // A long number at the end would be cut by the edge, were its middle there.
    for (const value of ticks(column, axis, Math.floor((width - LEFT - RIGHT) / 80))) {
      svg.append(
        touch.svg(
          "text",
          { class: "touch-tick", x: x(value), y: HEIGHT - BOTTOM + 18, "text-anchor": x(value) > width - 30 ? "end" : "middle" },
          touch.format(value, 3),
        ),
      );
    }
    svg.append(
      touch.svg(
        "text",
        { class: "touch-axis", x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" },
        touch.fit(column.name, width - LEFT - RIGHT - 110, "13px") + (column.byRank ? " (spread by rank)" : ""),
      ),
    );
    border(page, plot.c, (p) =>
      svg.append(touch.svg("line", { class: "touch-border", x1: LEFT, x2: width - RIGHT, y1: y(p), y2: y(p) })),
    );
    const step = (value, p) => `L${x(value).toFixed(1)}`;
    if (plot.trees) svg.append(touch.svg("path", { class: "touch-line-trees", d: path(plot.grid, plot.trees, step) }));
    svg.append(touch.svg("path", { class: "touch-line-net", d: path(plot.points, plot.network, step) }));
    if (plot.x !== null) svg.append(touch.svg("circle", { class: "touch-now", cx: x(plot.x), cy: y(plot.now), r: 6 }));
    return svg;
  }

  /** Values for an axis: evenly along it, not twice the same. */
  function ticks(column, axis, most) {
    const n = Math.max(2, Math.min(7, most)),
      found = Array.from({ length: n }, (_, i) => axis.value(i / (n - 1)));
    return found.filter((value, i) => i === 0 || value !== found[i - 1]);
  }

  /** Of two classes, the probability from which one is predicted. */
  function border(page, c, draw) {
    if (page.classes.length !== 2) return;
    const [positive, threshold] = page.border || [1, 0.5];
    draw(c === positive ? threshold : 1 - threshold);
  }

  /** A line for each level: where the network is, where the trees are. */
  function drawLevels(page, state, plot, width) {
    const column = page.columns[plot.j],
      label = Math.min(180, width * 0.36),
      height = TOP + plot.points.length * LEVEL + BOTTOM;
    const x = (p) => label + 10 + p * (width - label - 10 - RIGHT - 20);
    const svg = touch.svg("svg", { width, height, role: "img", "aria-label": summary(page, plot) });
    const bottom = height - BOTTOM;
    for (const p of [0, 0.5, 1]) {
      svg.append(
        touch.svg("line", { class: "touch-rule", x1: x(p), x2: x(p), y1: TOP, y2: bottom }),
        touch.svg("text", { class: "touch-tick", x: x(p), y: bottom + 16, "text-anchor": "middle" }, `${100 * p} %`),
      );
    }
    border(page, plot.c, (p) =>
      svg.append(touch.svg("line", { class: "touch-border", x1: x(p), x2: x(p), y1: TOP, y2: bottom })),
    );
    plot.points.forEach((code, i) => {
      const y = TOP + (i + 0.5) * LEVEL,
        is = code === plot.x,
        at = plot.grid.indexOf(code);
      svg.append(
        touch.svg(
          "text",
          { class: is ? "touch-axis touch-strong" : "touch-axis", x: label, y: y + 4, "text-anchor": "end" },
          touch.fit(column.labels[code], label - 4, "700 13px"),
        ),
        touch.svg("line", { class: "touch-level", x1: x(0), x2: x(plot.network[i]), y1: y, y2: y }),
      );
      if (plot.trees && at >= 0)
        svg.append(
          touch.svg("rect", { class: "touch-mark-trees", x: x(plot.trees[at]) - 4, y: y - 4, width: 8, height: 8 }),
        );
      svg.append(
        touch.svg("circle", {
          class: is ? "touch-now" : "touch-mark-net",
          cx: x(plot.network[i]),
          cy: y,
          r: is ? 6 : 4.5,
        }),
      );
    });
    svg.append(
      touch.svg(
        "text",
        { class: "touch-axis", x: (label + width) / 2, y: height - 8, "text-anchor": "middle" },
        "probability of " + touch.fit(page.classes[plot.c], width - label - 120, "13px"),
      ),
    );
    return svg;
  }
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
