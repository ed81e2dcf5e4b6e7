/* Textbook mode: a network small enough to see all of it, trained step by step, its weights in your hands. */
(function (touch) {
  "use strict";

  const SIZE = 288,
    REACH = 3.2,
    CELL = 6,
    PER_PIXEL = 0.02,
    STAGES = ["Forward pass", "Loss", "Backward pass", "Update"];
  const SHAPES = ["●", "■", "▲", "◆"],
    COLOURS = ["--net", "--trees", "--c2", "--c3"];
  const number = (x) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(3);
  const SUBSCRIPT = "₀₁₂₃₄₅₆₇₈₉";
  const sub = (i) => Array.from(String(i + 1), (digit) => SUBSCRIPT[digit]).join("");

  /** Builds the lesson inside a `details` element, when that is opened first. */
  touch.textbook = function (page, root) {
    const lesson = touch.lessonPoints(page);
    if (!lesson) {
      root.hidden = true;
      return;
    }
    root.addEventListener("toggle", () => {
      if (root.open && root.childElementCount < 2) build(page, lesson, root);
    });
  };

  function build(page, lesson, root) {
    const names = lesson.columns.map((j) => page.columns[j].name);
    const view = { page, ...lesson, names, kind: "sgd", rate: 0.3, seed: 1, units: 4, shown: 0, walk: 0 };
    const own = touch.lessonOwn(page);
    restart(view, own);
    view.parts = {
      surface: touch.html("canvas", { width: SIZE, height: SIZE, role: "img" }),
      network: touch.html("div"),
      losses: touch.html("div"),
      said: touch.html("p", { "aria-live": "polite" }),
      walk: touch.html("div"),
      weights: touch.html("details"),
    };
    view.parts.weights.addEventListener("toggle", () => drawWeights(view));
    root.append(
      touch.html(
        "p",
        {},
        `A network of two inputs, ${names[0]} and ${names[1]} as the network sees them, one layer of tanh units, and softmax. ` +
          `It learns from the ${lesson.points.length} example rows only, so that every step can be followed` +
          (own
            ? ". It starts with the trained weights of your model, which is such a network itself."
            : ": this is a lesson, not your model."),
      ),
      choices(view, own),
      touch.html(
        "div",
        { class: "touch-stage" },
        touch.html("div", {}, view.parts.surface, legend(view)),
        touch.html("div", {}, view.parts.network),
        touch.html("div", {}, view.parts.losses),
      ),
      view.parts.said,
      buttons(view, own),
      view.parts.walk,
      view.parts.weights,
    );
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(view));
    draw(view);
  }

  function restart(view, own) {
    view.net = own ? { ...own } : touch.lessonStart(view.units, view.truths.length, view.seed++);
    view.units = view.net.units;
    view.memory = touch.lessonMemory(view.net.weights.length);
    view.losses = [touch.lessonGradient(view.net, view.points).loss];
    view.walk = 0;
  }

  function legend(view) {
    return touch.html(
      "ul",
      { class: "touch-legend" },
      ...view.truths.map((name, c) => {
        const item = touch.html("li", {}, `${SHAPES[c]} ${name}`);
        item.style.color = `var(${COLOURS[c]})`;
        return item;
      }),
    );
  }

  function choices(view, own) {
    const choice = (id, text, options, value, changed) => {
      const select = touch.select({ id, onchange: () => changed(select.value) }, options);
      select.value = value;
      return [touch.html("label", { for: id }, text), select];
    };
    return touch.html(
      "div",
      { class: "touch-bar" },
      ...choice(
        "touch-units",
        "hidden units",
        [2, 3, 4, 5, 6, 7, 8].map((n) => [n, n]),
        view.units,
        (n) => {
          view.units = Number(n);
          restart(view);
          draw(view);
        },
      ),
      ...choice(
        "touch-kind",
        "optimiser",
        [
          ["sgd", "gradient descent"],
          ["momentum", "momentum 0.9"],
          ["adam", "Adam"],
        ],
        "sgd",
        (kind) => {
          view.kind = kind;
          view.memory = touch.lessonMemory(view.net.weights.length);
          draw(view);
        },
      ),
      ...choice(
        "touch-rate",
        "learning rate",
        [0.01, 0.03, 0.1, 0.3, 1].map((r) => [r, r]),
        0.3,
        (rate) => {
          view.rate = Number(rate);
          draw(view);
        },
      ),
    );
  }

  function buttons(view, own) {
    const button = (text, work) =>
      touch.html(
        "button",
        {
          type: "button",
          onclick: () => {
            work();
            draw(view);
          },
        },
        text,
      );
    const steps = (n) =>
      button(n === 1 ? "1 step" : `${n} steps`, () => {
        for (let i = 0; i < n; i++) step(view);
        view.walk = 0;
      });
    return touch.html(
      "div",
      { class: "touch-bar" },
      button("Walk through one step", () => {
        if (view.walk === STAGES.length) step(view);
        view.walk = (view.walk % STAGES.length) + 1;
      }),
      steps(1),
      steps(10),
      steps(100),
      button("Start anew", () => restart(view)),
      own ? button("Your model's weights", () => restart(view, own)) : "",
    );
  }

  /** One training step with the mean gradient of all rows. */
  function step(view) {
    const { gradient } = touch.lessonGradient(view.net, view.points);
    const { weights, memory } = touch.lessonStep(view.kind, view.net.weights, gradient, view.rate, view.memory);
    view.net = { ...view.net, weights };
    view.memory = memory;
    view.losses.push(touch.lessonGradient(view.net, view.points).loss);
  }

  function draw(view) {
    drawSurface(view);
    drawNetwork(view);
    drawLosses(view);
    drawWalk(view);
    drawWeights(view);
    const right = view.points.filter(({ x, label }) => {
      const { proba } = touch.lessonForward(view.net, x);
      return proba.indexOf(Math.max(...proba)) === label;
    }).length;
    const words = `${right} of ${view.points.length} rows are on the side of their class; mean loss ${number(view.losses[view.losses.length - 1])} after ${view.losses.length - 1} steps.`;
    view.parts.said.textContent = words;
    view.parts.surface.setAttribute("aria-label", `Decision surface over ${view.names.join(" and ")}. ${words}`);
  }

  const colours = (root) => COLOURS.map((name) => getComputedStyle(root).getPropertyValue(name).trim());

  /** Each cell has the colour of its most probable class, the fuller the surer. */
  function drawSurface(view) {
    const canvas = view.parts.surface,
      context = canvas.getContext("2d"),
      ink = colours(canvas);
    context.clearRect(0, 0, SIZE, SIZE);
    for (let i = 0; i < SIZE; i += CELL) {
      for (let j = 0; j < SIZE; j += CELL) {
        const { proba } = touch.lessonForward(view.net, [
          REACH * ((2 * (i + CELL / 2)) / SIZE - 1),
          REACH * (1 - (2 * (j + CELL / 2)) / SIZE),
        ]);
        const most = Math.max(...proba);
        context.fillStyle = ink[proba.indexOf(most)];
        context.globalAlpha = 0.08 + (0.5 * (most - 1 / proba.length)) / (1 - 1 / proba.length);
        context.fillRect(i, j, CELL, CELL);
      }
    }
    context.globalAlpha = 1;
    view.points.forEach(({ x, label }, i) =>
      drawPoint(view, context, ink, x, label, i === view.shown && view.walk > 0),
    );
    drawNames(view, context);
  }

  function drawPoint(view, context, ink, [x1, x2], label, isShown) {
    const x = (SIZE * (x1 / REACH + 1)) / 2,
      y = (SIZE * (1 - x2 / REACH)) / 2,
      paper = getComputedStyle(view.parts.surface).getPropertyValue("--paper").trim();
    context.font = isShown ? "24px sans-serif" : "17px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.strokeStyle = paper;
    context.strokeText(SHAPES[label], x, y);
    context.fillStyle = ink[label];
    context.fillText(SHAPES[label], x, y);
  }

  function drawNames({ names, parts }, context) {
    context.fillStyle = getComputedStyle(parts.surface).getPropertyValue("--ink").trim();
    context.font = "12px sans-serif";
    context.textBaseline = "alphabetic";
    context.textAlign = "right";
    context.fillText(touch.fit(names[0], 200) + " →", SIZE - 6, SIZE - 6);
    context.textAlign = "left";
    context.fillText("↑ " + touch.fit(names[1], 200), 6, 15);
  }

  /** A weight in letters: w of an input or a unit, b of a bias. */
  function letter(net, i) {
    const { kind, from, to } = touch.lessonWeight(net, i);
    return {
      in: `w${sub(from)}${sub(to || 0)}`,
      bias: `b${sub(to)}`,
      out: `v${sub(from)}${sub(to)}`,
      outBias: `c${sub(to)}`,
    }[kind];
  }

  /** And in words. */
  function place(view, i) {
    const { kind, from, to } = touch.lessonWeight(view.net, i);
    return {
      in: `${view.names[from]} to unit ${to + 1}`,
      bias: `bias of unit ${to + 1}`,
      out: `unit ${from + 1} to ${view.truths[to]}`,
      outBias: `bias of ${view.truths[to]}`,
    }[kind];
  }

  /** The network as a picture: synapses and neurons can be dragged up and down. */
  function drawNetwork(view) {
    const { net } = view,
      width = SIZE,
      height = SIZE,
      x = [30, 144, 256];
    const y = (i, n) => 24 + ((height - 48) * (i + 0.5)) / n;
    const svg = touch.svg("svg", {
      width,
      height,
      role: "img",
      "aria-label": "The small network. Its weights stand in the table of all weights below.",
    });
    const most = Math.max(1, ...net.weights.map(Math.abs));
    net.weights.forEach((w, i) => {
      const { kind, from, to } = touch.lessonWeight(net, i),
        isIn = kind === "in";
      if (kind !== "in" && kind !== "out") return;
      const ends = {
        x1: x[isIn ? 0 : 1],
        y1: y(from, isIn ? 2 : net.units),
        x2: x[isIn ? 1 : 2],
        y2: y(to, isIn ? net.units : net.classes),
      };
      const path = `M${ends.x1} ${ends.y1}L${ends.x2} ${ends.y2}`;
      svg.append(
        touch.svg("path", {
          class: w < 0 ? "touch-against" : "touch-for",
          d: path,
          "stroke-width": 0.6 + (6 * Math.abs(w)) / most,
        }),
        draggable(
          view,
          i,
          touch.svg("path", { class: "touch-hit", d: path }, touch.svg("title", {}, `${place(view, i)}: ${number(w)}`)),
        ),
      );
    });
    const { bias, outBias } = touch.lessonPlaces(net),
      hidden = view.walk ? touch.lessonForward(net, view.points[view.shown].x).hidden : null;
    view.names.forEach((name, i) => svg.append(neuron(x[0], y(i, 2), `x${sub(i)}`, null)));
    for (let u = 0; u < net.units; u++)
      svg.append(draggable(view, bias + u, neuron(x[1], y(u, net.units), `h${sub(u)}`, hidden && hidden[u])));
    view.truths.forEach((_, c) =>
      svg.append(draggable(view, outBias + c, neuron(x[2], y(c, net.classes), SHAPES[c], null))),
    );
    view.parts.network.replaceChildren(
      svg,
      touch.html(
        "p",
        { class: "touch-faint" },
        "Drag a line up or down to change its weight, a neuron to change its bias.",
      ),
    );
  }

  function neuron(x, y, text, value) {
    const circle = touch.svg("circle", {
      cx: x,
      cy: y,
      r: 13,
      class: value !== null && value < 0 ? "touch-below" : "touch-above",
    });
    circle.style.setProperty("--level", value === null ? 0.15 : 0.15 + 0.6 * Math.abs(value));
    return touch.svg(
      "g",
      { class: "touch-grip" },
      circle,
      touch.svg("text", { x, y: y + 4, "text-anchor": "middle" }, text),
    );
  }

  function draggable(view, i, node) {
    node.addEventListener("pointerdown", (event) => {
      const from = event.clientY,
        before = view.net.weights[i];
      event.preventDefault();
      const move = touch.eachFrame(() => {
        setWeight(view, i, before + (from - last) * PER_PIXEL);
      });
      let last = from;
      const moved = (now) => {
        last = now.clientY;
        move();
      };
      const done = () => {
        removeEventListener("pointermove", moved);
        removeEventListener("pointerup", done);
        removeEventListener("pointercancel", done);
      };
      addEventListener("pointermove", moved);
      addEventListener("pointerup", done);
      addEventListener("pointercancel", done);
    });
    return node;
  }

  function setWeight(view, i, value) {
    const weights = view.net.weights.slice();
    weights[i] = value;
    view.net = { ...view.net, weights };
    view.losses = [...view.losses.slice(0, -1), touch.lessonGradient(view.net, view.points).loss];
    draw(view);
  }

  function drawLosses({ losses, parts }) {
    const width = SIZE,
      height = SIZE,
      left = 40,
      bottom = 34,
      most = Math.max(...losses, 0.1);
    const x = (i) => left + ((width - left - 10) * i) / Math.max(1, losses.length - 1),
      y = (loss) => 14 + (height - bottom - 14) * (1 - loss / most);
    const d = losses.map((loss, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(loss).toFixed(1)}`).join("");
    parts.losses.replaceChildren(
      touch.svg(
        "svg",
        {
          width,
          height,
          role: "img",
          "aria-label": `Mean loss from ${number(losses[0])} to ${number(losses[losses.length - 1])}`,
        },
        ...[0, most / 2, most].flatMap((loss) => [
          touch.svg("line", { class: "touch-rule", x1: left, x2: width - 10, y1: y(loss), y2: y(loss) }),
          touch.svg(
            "text",
            { class: "touch-tick", x: left - 5, y: y(loss) + 4, "text-anchor": "end" },
            loss.toFixed(2),
          ),
        ]),
        touch.svg("path", { class: "touch-line-net", d }),
        touch.svg("circle", { class: "touch-now", cx: x(losses.length - 1), cy: y(losses[losses.length - 1]), r: 5 }),
        touch.svg(
          "text",
          { class: "touch-axis", x: (left + width) / 2, y: height - 8, "text-anchor": "middle" },
          "mean loss (nats) over steps",
        ),
      ),
    );
  }

  /** A slider for every weight; while one is held, the table stays as it is. */
  function drawWeights(view) {
    const {
      net,
      parts: { weights: details },
    } = view;
    if (!details.childElementCount)
      details.append(
        touch.html("summary", {}, "All weights and biases"),
        touch.html("div", { class: "touch-scroll touch-weights" }),
      );
    if (!details.open || (details.contains(document.activeElement) && document.activeElement.type === "range")) return;
    const rows = Array.from(net.weights, (w, i) => {
      const shown = touch.html("td", {}, number(w));
      const range = touch.html("input", {
        type: "range",
        min: -5,
        max: 5,
        step: 0.05,
        value: w,
        "aria-label": `${letter(net, i)}, ${place(view, i)}`,
        oninput: () => {
          shown.textContent = number(Number(range.value));
          setWeight(view, i, Number(range.value));
        },
      });
      return touch.html(
        "tr",
        {},
        touch.html("th", { scope: "row" }, letter(net, i)),
        touch.html("td", {}, place(view, i)),
        touch.html("td", {}, range),
        shown,
      );
    });
    details.lastElementChild.replaceChildren(touch.html("table", {}, touch.html("tbody", {}, ...rows)));
  }

  /** The stages of one training step, as far as the walk has come. */
  function drawWalk(view) {
    const { walk, parts } = view;
    if (!walk) return parts.walk.replaceChildren();
    const stages = [forwardStage, lossStage, backwardStage, updateStage].slice(0, walk);
    const label = touch.html("label", { for: "touch-followed" }, "Row that is followed ");
    const select = touch.select(
      {
        id: "touch-followed",
        onchange: () => {
          view.shown = Number(select.value);
          draw(view);
        },
      },
      view.points.map(({ row }, i) => [i, view.page.rows[row].name]),
    );
    select.value = view.shown;
    parts.walk.replaceChildren(
      touch.html("p", { class: "touch-bar" }, label, select),
      ...stages.flatMap((stage, i) => [touch.html("h4", {}, `${i + 1}. ${STAGES[i]}`), ...stage(view)]),
      touch.html(
        "p",
        { class: "touch-faint" },
        walk < STAGES.length
          ? "Press again for the next stage."
          : "Press again: the update is made, and the next step begins.",
      ),
    );
  }

  const formula = (text) => touch.html("p", { class: "touch-formula" }, text);

  function forwardStage({ net, points, shown, truths }) {
    const { x } = points[shown],
      { weights, units, classes } = net,
      { bias, out, outBias } = touch.lessonPlaces(net);
    const { sums, hidden, logits, proba } = touch.lessonForward(net, x);
    const terms = hidden.map((h, u) => [
      `h${sub(u)}`,
      `${number(weights[u])} · ${number(x[0])} + ${number(weights[units + u])} · ${number(x[1])} + ${number(weights[bias + u])}`,
      number(sums[u]),
      number(h),
    ]);
    const scores = logits.map((z, c) => [
      truths[c],
      hidden.map((h, u) => `${number(weights[out + u * classes + c])} · ${number(h)}`).join(" + ") +
        ` + ${number(weights[outBias + c])}`,
      number(z),
      number(proba[c]),
    ]);
    return [
      formula(`x₁ = ${number(x[0])}, x₂ = ${number(x[1])}`),
      touch.table("Hidden units: h = tanh(w₁ x₁ + w₂ x₂ + b)", [["unit", "sum", "=", "tanh"], ...terms]),
      touch.table("Classes: p = softmax(v h + c)", [["class", "sum", "= z", "p"], ...scores]),
    ];
  }

  function lossStage({ net, points, shown, truths }) {
    const { x, label } = points[shown],
      { proba } = touch.lessonForward(net, x),
      { loss } = touch.lessonGradient(net, points);
    return [
      formula(
        `The row is ${truths[label]}: L = −ln p = −ln ${number(proba[label])} = ${number(-Math.log(proba[label]))}; mean over ${points.length} rows ${number(loss)}`,
      ),
    ];
  }

  function backwardStage(view) {
    const { net, points, shown, truths } = view,
      { x, label } = points[shown];
    const { hidden, proba } = touch.lessonForward(net, x),
      back = touch.lessonBackward(net, x, label),
      mean = touch.lessonGradient(net, points).gradient;
    const classes = truths.map((name, c) => [
      name,
      `${number(proba[c])} − ${c === label ? 1 : 0}`,
      number(back.ofLogits[c]),
    ]);
    const units = hidden.map((h, u) => [
      `h${sub(u)}`,
      number(back.ofHidden[u]),
      `${number(back.ofHidden[u])} · (1 − ${number(h)}²)`,
      number(back.ofSums[u]),
    ]);
    const rule = (i) => {
      const { kind, from, to } = touch.lessonWeight(net, i);
      if (kind === "in") return `${number(back.ofSums[to])} · ${number(x[from])}`;
      if (kind === "out") return `${number(back.ofLogits[to])} · ${number(hidden[from])}`;
      return kind === "bias" ? number(back.ofSums[to]) : number(back.ofLogits[to]);
    };
    const rows = Array.from(net.weights.keys(), (i) => [
      letter(net, i),
      place(view, i),
      rule(i),
      number(back.gradient[i]),
      number(mean[i]),
    ]);
    return [
      formula("From the loss backwards: ∂L/∂z = p − y;  ∂L/∂h = Σ v · ∂L/∂z;  ∂L/∂s = ∂L/∂h · (1 − h²)"),
      touch.table("Classes", [["class", "p − y", "∂L/∂z"], ...classes]),
      touch.table("Hidden units", [["unit", "∂L/∂h", "∂L/∂h · (1 − h²)", "∂L/∂s"], ...units]),
      touch.table("Every weight: what flows back, times what flowed in", [
        ["weight", "of", "chain rule", "this row", "mean of all rows"],
        ...rows,
      ]),
    ];
  }

  function updateStage(view) {
    const { net, kind, rate, memory, points } = view,
      { gradient } = touch.lessonGradient(net, points);
    const { steps, weights, memory: next } = touch.lessonStep(kind, net.weights, gradient, rate, memory);
    const rules = {
      sgd: `w ← w − ${rate} · g`,
      momentum: `m ← 0.9 m + g;  w ← w − ${rate} · m`,
      adam: `m ← 0.9 m + 0.1 g;  s ← 0.999 s + 0.001 g²;  w ← w − ${rate} · (m / (1 − 0.9ᵗ)) / (√(s / (1 − 0.999ᵗ)) + 10⁻⁸), t = ${next.t}`,
    };
    const has = { sgd: [], momentum: ["m"], adam: ["m", "√s"] }[kind];
    const kept = (i) =>
      ({
        sgd: [],
        momentum: [number(next.first[i])],
        adam: [number(next.first[i]), number(Math.sqrt(next.second[i]))],
      })[kind];
    const rows = Array.from(net.weights.keys(), (i) => [
      letter(net, i),
      number(net.weights[i]),
      number(gradient[i]),
      ...kept(i),
      number(steps[i]),
      number(weights[i]),
    ]);
    return [
      formula(rules[kind]),
      touch.table("Update with the mean gradient g", [["weight", "now", "g", ...has, "change", "new"], ...rows]),
    ];
  }
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
