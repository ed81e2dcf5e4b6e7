/* The network, layer by layer: neurons light up with their activations, synapses are as thick as their weights. */
(function (touch) {
  "use strict";

  const MOST_UNITS = 64,
    MOST_SYNAPSES = 130,
    MOST_CLASSES = 26,
    MOST_TOLD = 16,
    MOST_LISTED = 8,
    PITCH = 8.8,
    HEAD = 30;

  /**
   * What is drawn of a member: which units, in which order, and which synapses.
   * @returns {{nodes: number[][], links: object[][], scales: object}} nodes by layer, columns first and classes last
   */
  touch.plan = function (page, net, k) {
    const learned = touch.learned(page, net, k);
    const activity = net.units.map((n, l) =>
      Float32Array.from({ length: n }, (_, u) =>
        Math.sqrt(learned.rows.reduce((sum, layers) => sum + layers[l][u] ** 2, 0) / learned.rows.length),
      ),
    );
    const strength = activity.map((of, l) => of.map((a, u) => (a + 1e-3) * outgoing(net, k, l, u)));
    const top = (values, most) =>
      Array.from(values.keys())
        .sort((a, b) => values[b] - values[a])
        .slice(0, most);
    const mean = page.classes.map((_, c) => page.answers.reduce((sum, answer) => sum + answer[c], 0));
    const classes = top(mean, MOST_CLASSES).sort((a, b) => a - b);
    const nodes = [page.columns.map((_, j) => j), ...strength.map((of) => top(of, MOST_UNITS)), classes];
    if (page.others) nodes[0].push(page.columns.length);
    for (let l = nodes.length - 2; l > 0; l--)
      nodes[l] = ordered(nodes[l], nodes[l + 1], (u, to) => weight(net, k, l, u, to));
    const links = nodes.slice(1).map((to, l) => strongest(net, k, l, nodes[l], to, activity));
    return { nodes, links, learned, most: activity.map((_, l) => largest(learned.rows, l)) };
  };

  const largest = (rows, l) =>
    Math.max(1e-6, ...rows.map((layers) => layers[l].reduce((most, a) => Math.max(most, Math.abs(a)), 0)));

  /** The weight from a node of layer l (0: a column) to one of the next. */
  function weight(net, k, l, from, to) {
    if (l === net.units.length) return net.heads[k].weight[from * net.nClasses + to];
    if (l > 0) return net.hidden[l - 1].weight[from * net.units[l] + to];
    return columnWeight(net, k, from, to);
  }

  /** Of a column, the length of its weights to a unit; of those that stay as they are, what they add on average. */
  function columnWeight(net, k, j, u) {
    const width = net.units[0];
    if (j >= net.columns.length) {
      return net.fixed.reduce((sum, sums) => sum + Math.abs(sums[k * width + u] - net.bias[u]), 0) / net.fixed.length;
    }
    const own = net.columns[j],
      n = own.weight.length / width;
    let sum = 0;
    for (let e = 0; e < n; e++)
      sum += ((own.scale ? own.scale[e * net.members + k] : 1) * own.weight[e * width + u]) ** 2;
    return Math.sqrt(sum / n);
  }

  function outgoing(net, k, l, u) {
    const n = l + 1 < net.units.length ? net.units[l + 1] : net.nClasses;
    let sum = 0;
    for (let to = 0; to < n; to++) sum += Math.abs(weight(net, k, l + 1, u, to));
    return sum;
  }

  /** Units near those that they excite: fewer synapses cross. */
  function ordered(units, next, weightTo) {
    const place = new Map(
      units.map((u) => {
        const pulls = next.map((to) => Math.max(0, weightTo(u, to)) ** 2);
        const total = pulls.reduce((sum, w) => sum + w, 1e-9);
        return [u, pulls.reduce((sum, w, i) => sum + w * i, 0) / total];
      }),
    );
    return units.slice().sort((a, b) => place.get(a) - place.get(b));
  }

  /** The synapses that matter most between two layers; of columns, as many of each. */
  function strongest(net, k, l, from, to, activity) {
    const links = from.map((a) =>
      to.map((b) => {
        const w = weight(net, k, l, a, b);
        return { from: a, to: b, weight: w, rank: Math.abs(w) * (l === 0 ? 1 : activity[l - 1][a] + 1e-3) };
      }),
    );
    const best = (some, n) =>
      some
        .sort((a, b) => b.rank - a.rank)
        .slice(0, n)
        .filter((link) => link.weight !== 0);
    const chosen =
      l === 0
        ? links.flatMap((of) => best(of, Math.ceil(MOST_SYNAPSES / from.length)))
        : best(links.flat(), MOST_SYNAPSES);
    const most = Math.max(1e-9, ...chosen.map((link) => Math.abs(link.weight)));
    return chosen.map((link) => ({ ...link, thickness: 0.4 + (2.6 * Math.abs(link.weight)) / most }));
  }

  /** A member's answer to the present state, with what each column adds to its first layer. */
  touch.trace = function (page, net, k, state) {
    const width = net.units[0],
      own = (sums) => sums.subarray(k * width, (k + 1) * width);
    const parts = page.columns.map((column, j) => own(touch.part(net, column, j, state.values[j])));
    const rest = own(net.fixed[state.row]).map((sum, u) => sum - net.bias[u]);
    return { ...touch.member(net, k, touch.firstSums(page, net, state.row, state.values)), parts: [...parts, rest] };
  };

  /** What a node gives to one of the next layer: activation times weight. */
  touch.contribution = function (net, k, trace, l, from, to) {
    return l === 0 ? trace.parts[from][to] : trace.layers[l - 1][from] * weight(net, k, l, from, to);
  };

  /** The strongest of what comes into a node: `{from, weight, value, activation}`, the largest first. */
  touch.incoming = function (net, k, trace, l, to) {
    const n = l === 1 ? trace.parts.length : net.units[l - 2];
    const found = Array.from({ length: n }, (_, from) => ({
      from,
      weight: weight(net, k, l - 1, from, to),
      activation: l === 1 ? null : trace.layers[l - 2][from],
      value: touch.contribution(net, k, trace, l - 1, from, to),
    }));
    return found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, MOST_LISTED);
  };

  /** What a column gives to the first layer, the largest first. */
  touch.given = function (trace, j) {
    return Array.from(trace.parts[j], (value, to) => ({ to, value }))
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
      .slice(0, MOST_LISTED);
  };

  /** Places of all nodes for a width of the drawing. */
  function layout(page, plan, width) {
    const layers = plan.nodes.length,
      left = Math.min(190, width * 0.3),
      right = Math.min(150, width * 0.23);
    const whole = Math.max(width, left + right + 34 * (layers - 2));
    const pitch = (l) => (l === 0 ? 38 : l < layers - 1 ? PITCH : plan.nodes[l].length > MOST_TOLD ? 19 : 36);
    const height = HEAD + Math.max(...plan.nodes.map((nodes, l) => nodes.length * pitch(l))) + 8;
    const x = (l) =>
      l === 0 ? left : l === layers - 1 ? whole - right : left + ((whole - right - left) * l) / (layers - 1);
    const y = (l, i) => HEAD + ((height - HEAD) * (i + 0.5)) / plan.nodes[l].length;
    const places = plan.nodes.map((nodes, l) => new Map(nodes.map((node, i) => [node, { x: x(l), y: y(l, i) }])));
    return { width: whole, height, left, right, x, places };
  }

  const curve = (a, b) => {
    const middle = (a.x + b.x) / 2;
    const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)} `;
    return `M${at(a.x, a.y)}C${at(middle, a.y)}${at(middle, b.y)}${at(b.x, b.y)}`;
  };

  /**
   * Draws a member.
   * @param {(l: number, node: number) => void} chosen is told of the node that is pointed at or reached by keys
   * @returns {{show: (trace: object, state: object) => void, choose: (l: number, node: number) => void}}
   */
  touch.drawing = function (page, net, k, plan, root, chosen) {
    const at = layout(page, plan, root.clientWidth || 640),
      last = plan.nodes.length - 1;
    const svg = touch.svg("svg", {
      width: at.width,
      height: at.height,
      role: "group",
      "aria-label": "The network. Arrow keys go from neuron to neuron.",
    });
    const synapses = plan.links.map((links, l) =>
      links.map((link) =>
        touch.svg("path", {
          d: curve(at.places[l].get(link.from), at.places[l + 1].get(link.to)),
          "stroke-width": link.thickness.toFixed(2),
        }),
      ),
    );
    const strong = touch.svg("g", { class: "touch-strong-links" });
    const nodes = plan.nodes.map((of, l) => new Map(of.map((node) => [node, drawNode(page, plan, at, l, node)])));
    svg.append(
      heads(plan, at),
      touch.svg("g", { class: "touch-links" }, ...synapses.flat()),
      strong,
      ...nodes.flatMap((of) => [...of.values()].map((node) => node.group)),
    );
    root.replaceChildren(svg);
    const view = { page, net, k, plan, at, synapses, strong, nodes, last, current: [0, plan.nodes[0][0]] };
    listen(view, svg, chosen);
    return {
      show: (trace, state) => show(view, trace, state),
      choose: (l, node) => choose(view, l, node),
    };
  };

  function heads(plan, at) {
    const last = plan.nodes.length - 1;
    const name = (l) => (l === 0 ? "columns" : l === last ? "classes" : at.x(1) - at.x(0) < 60 ? `${l}` : `layer ${l}`);
    return touch.svg(
      "g",
      { class: "touch-heads" },
      ...plan.nodes.map((_, l) =>
        touch.svg(
          "text",
          {
            x: at.x(l),
            y: 14,
            "text-anchor": l === 0 ? "end" : l === last ? "start" : "middle",
          },
          name(l),
        ),
      ),
    );
  }

  function drawNode(page, plan, at, l, node) {
    const { x, y } = at.places[l].get(node),
      last = plan.nodes.length - 1;
    const group = touch.svg("g", {
      class: "touch-node",
      role: "button",
      tabindex: -1,
      "data-layer": l,
      "data-node": node,
      "aria-label": touch.nodeName(page, last, l, node),
    });
    const circle = touch.svg("circle", { cx: x, cy: y, r: l === 0 || l === last ? 5 : 3.7 });
    const halo = touch.svg("circle", { class: "touch-halo", cx: x, cy: y, r: l === 0 || l === last ? 9 : 7 });
    group.append(halo, circle);
    if (l > 0 && l < last) return { group, circle };
    const name = touch.svg("text", { x: l ? x + 12 : x - 12, y: y - 3, "text-anchor": l ? "start" : "end" });
    const value = touch.svg("text", {
      class: "touch-tick",
      x: l ? x + 12 : x - 12,
      y: y + 11,
      "text-anchor": l ? "start" : "end",
    });
    const text = l ? page.classes[node] : touch.nodeName(page, last, l, node);
    const room = (l ? at.right : at.left) - 16;
    if (l && plan.nodes[last].length > MOST_TOLD) {
      touch.set(name, { y: y + 4 });
      name.textContent = touch.fit(text, room);
      group.append(name);
      return { group, circle };
    }
    name.textContent = touch.fit(text, room);
    group.append(name, value, touch.svg("title", {}, text));
    return { group, circle, value, room };
  }

  function show(view, trace, state) {
    const { page, net, k, plan, nodes, synapses, last } = view;
    view.trace = trace;
    for (const [j, node] of nodes[0]) {
      node.circle.setAttribute("class", "touch-column");
      node.value.textContent =
        j < page.columns.length ? touch.fit(touch.told(page.columns[j], state.values[j]), node.room) : "as in the row";
    }
    trace.layers.forEach((layer, l) => {
      for (const [u, node] of nodes[l + 1]) light(node.circle, layer[u] / plan.most[l]);
    });
    for (const [c, node] of nodes[last]) {
      light(node.circle, trace.proba[c]);
      if (node.value) node.value.textContent = touch.percent(trace.proba[c]);
    }
    plan.links.forEach((links, l) => {
      const values = links.map((link) => touch.contribution(net, k, trace, l, link.from, link.to));
      const most = Math.max(1e-6, ...values.map(Math.abs));
      values.forEach((value, i) => colour(synapses[l][i], value / most));
    });
    emphasise(view);
  }

  /** Brightness is how strong; filled is above zero, a ring is below: colour is not needed to tell. */
  function light(circle, share) {
    const level = Math.min(1, Math.abs(share));
    circle.setAttribute("class", share < 0 ? "touch-below" : "touch-above");
    circle.style.setProperty("--level", (level < 0.02 ? 0 : 0.2 + 0.8 * level).toFixed(3));
  }

  function colour(path, share) {
    path.setAttribute("class", share < 0 ? "touch-against" : "touch-for");
    path.setAttribute("stroke-opacity", (0.05 + 0.75 * Math.abs(share)).toFixed(3));
  }

  function choose(view, l, node) {
    const old = view.nodes[view.current[0]].get(view.current[1]);
    if (old) {
      old.group.setAttribute("tabindex", -1);
      old.group.classList.remove("touch-chosen");
    }
    view.current = [l, node];
    const { group } = view.nodes[l].get(node);
    group.setAttribute("tabindex", 0);
    group.classList.add("touch-chosen");
    if (view.trace) emphasise(view);
  }

  /** The strongest contributions of the chosen node, over all others. */
  function emphasise(view) {
    const {
      net,
      k,
      at,
      strong,
      trace,
      current: [l, node],
    } = view;
    const ends =
      l === 0
        ? touch.given(trace, node).map(({ to, value }) => [[0, node], [1, to], value])
        : touch.incoming(net, k, trace, l, node).map(({ from, value }) => [[l - 1, from], [l, node], value]);
    const most = Math.max(1e-6, ...ends.map(([, , value]) => Math.abs(value)));
    strong.replaceChildren(
      ...ends.flatMap(([[a, from], [b, to], value]) => {
        const start = at.places[a].get(from),
          end = at.places[b].get(to);
        if (!start || !end) return [];
        const path = touch.svg("path", {
          d: curve(start, end),
          "stroke-width": (0.8 + (3 * Math.abs(value)) / most).toFixed(2),
        });
        colour(path, Math.sign(value) * Math.max(0.5, Math.abs(value) / most));
        return [path];
      }),
    );
    describe(view);
  }

  /** A node in words. */
  touch.nodeName = function (page, last, l, node) {
    if (l === last) return `class ${page.classes[node]}`;
    if (l > 0) return `layer ${l}, unit ${node + 1}`;
    return node < page.columns.length ? page.columns[node].name : touch.othersName(page);
  };

  /** The columns that stay as they are. */
  touch.othersName = (page) => (page.others === 1 ? "1 other column" : `${page.others} other columns`);

  function describe({ page, nodes, trace, last, current: [l, node] }) {
    const value =
      l === 0 ? "" : `, ${l === last ? touch.percent(trace.proba[node]) : touch.format(trace.layers[l - 1][node], 3)}`;
    nodes[l].get(node).group.setAttribute("aria-label", touch.nodeName(page, last, l, node) + value);
  }

  function listen(view, svg, chosen) {
    const pick = (event) => {
      const group = event.target.closest("[data-node]");
      if (!group) return;
      const l = Number(group.dataset.layer),
        node = Number(group.dataset.node);
      if (l !== view.current[0] || node !== view.current[1]) {
        choose(view, l, node);
        chosen(l, node);
      }
    };
    for (const name of ["pointerover", "click", "focusin"]) svg.addEventListener(name, pick);
    svg.addEventListener("keydown", (event) => {
      const [across, down] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[
        event.key
      ] || [0, 0];
      if (!across && !down) return;
      event.preventDefault();
      const [l, node] = neighbour(view, across, down);
      view.nodes[l].get(node).group.focus();
    });
  }

  function neighbour({ plan, last, current: [l, node] }, across, down) {
    const to = Math.min(last, Math.max(0, l + across)),
      place = plan.nodes[l].indexOf(node);
    const n = plan.nodes[to].length,
      near = across ? Math.floor(((place + 0.5) / plan.nodes[l].length) * n) : place + down;
    return [to, plan.nodes[to][Math.min(n - 1, Math.max(0, near))]];
  }
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
