/* The whole section: what is chosen, and what is shown of it. No other file knows where things stand on the page. */
(function (touch) {
  "use strict";

  const MOST_CLASSES = 8,
    SAID_AFTER = 500,
    LINE_AFTER = 40,
    MOST_NAMED = 4;
  const find = (id) => document.getElementById(`touch-${id}`);

  /** The example rows and the typical row, as they are named where one is chosen: with what nncli said of them. */
  function rowNames(page) {
    return page.values.map((_, i) => {
      if (i === page.rows.length) return [i, "the typical training row"];
      const proba = Array.from(page.answers[i]);
      const c = touch.decide(proba, page.border);
      return [i, `${page.rows[i].name}: ${page.rows[i].true}, predicted ${page.classes[c]} ${proba[c].toFixed(2)}`];
    });
  }

  /** How far the page is from what nncli said of the same rows when the page was made. */
  function check(page) {
    const gaps = page.values.flatMap((values, row) =>
      touch.forward(page, row, values).map((p, c) => Math.abs(p - page.answers[row][c])),
    );
    return Math.max(...gaps);
  }

  function members(page) {
    return page.nets.flatMap((net, n) =>
      Array.from({ length: net.members }, (_, k) => {
        const name = [page.nets.length > 1 ? `net ${n + 1}` : "", net.members > 1 ? `member ${k + 1}` : ""]
          .filter(Boolean)
          .join(", ");
        return { net: n, k, name: name || "the network" };
      }),
    );
  }

  /** The answer: a line for each class with the bars of both sides. */
  function answerView(page, root) {
    const lines = page.classes.map((name, c) => {
      const bar = (kind) => touch.html("span", { class: `touch-bar-${kind}` });
      const net = bar("net"),
        trees = bar("trees"),
        texts = [touch.html("td"), touch.html("td")];
      const row = touch.html(
        "tr",
        {},
        touch.html("th", { scope: "row" }, name),
        touch.html("td", { class: "touch-bars" }, net, trees),
        ...texts,
      );
      return { row, net, trees, texts, c };
    });
    root.replaceChildren(...lines.slice(0, MOST_CLASSES).map(({ row }) => row));
    return (proba, trees) => {
      if (lines.length > MOST_CLASSES) {
        const likely = lines
          .slice()
          .sort((a, b) => proba[b.c] - proba[a.c])
          .slice(0, MOST_CLASSES);
        root.replaceChildren(...likely.map(({ row }) => row));
      }
      for (const { net, trees: bar, texts, c } of lines) {
        net.style.width = `${100 * proba[c]}%`;
        bar.style.width = `${100 * (trees[c] || 0)}%`;
        texts[0].textContent = touch.percent(proba[c]);
        texts[1].textContent = trees[c] === null ? "–" : touch.percent(trees[c]);
      }
    };
  }

  /** What is said of the answer in words. */
  function sentence(page, state, proba, trees) {
    const c = touch.decide(proba, page.border),
      moved = touch.movedColumns(state, page);
    const parts = [`${page.classes[c]}, ${touch.percent(proba[c])}.`];
    if (page.border)
      parts.push(`${page.classes[page.border[0]]} is predicted from ${touch.percent(page.border[1])} on.`);
    if (trees.proba.every((p) => p !== null)) {
      const best = touch.decide(trees.proba, page.borders.trees);
      const at =
        trees.at === null ? "" : ` (at ${page.columns[moved[0]].name} ${touch.told(page.columns[moved[0]], trees.at)})`;
      parts.push(`The trees${at}: ${page.classes[best]}, ${touch.percent(trees.proba[best])}.`);
      if (page.blend && page.kind === "ensemble") {
        const both = touch.blend(proba, trees.proba),
          chosen = touch.decide(both, page.borders.blend);
        parts.push(`The blend of both: ${page.classes[chosen]}, ${touch.percent(both[chosen])}.`);
      }
    } else if (moved.length > 1) {
      parts.push(`${moved.length} columns are moved; the trees' answer is known for one moved column only.`);
    } else if (trees.proba.every((p) => p === null)) {
      parts.push("The trees' answer is not embedded for this value.");
    }
    if (page.kind === "member" && !moved.length) {
      const whole = page.answers[state.row],
        best = touch.decide(Array.from(whole), page.border);
      parts.push(`The ensemble: ${page.classes[best]}, ${touch.percent(whole[best])}.`);
    }
    return parts.join(" ");
  }

  /** What is told of a chosen node: its value, what comes in, what it has learned to see. */
  function unitView(page, root) {
    return (net, k, plan, trace, state, [l, node]) => {
      const last = plan.nodes.length - 1,
        name = touch.nodeName(page, last, l, node);
      const heading = touch.html("h4", {}, name[0].toUpperCase() + name.slice(1));
      if (l === 0) root.replaceChildren(heading, ...ofColumn(page, net, k, trace, state, node));
      else root.replaceChildren(heading, ...ofUnit(page, net, k, plan, trace, l, node));
    };
  }

  function ofColumn(page, net, k, trace, state, j) {
    const given = touch
      .given(trace, j)
      .slice(0, MOST_NAMED)
      .map(({ to, value }) => `unit ${to + 1}: ${touch.signed(value)}`);
    const gives = touch.html("p", {}, `Adds most to these units of layer 1: ${given.join(", ")}.`);
    if (j >= page.columns.length) return [touch.html("p", {}, "These columns stay as they are in the row."), gives];
    const column = page.columns[j],
      own = net.columns[j],
      x = state.values[j];
    const vector = touch.vector(column, own, x, own.weight.length / net.units[0]);
    const told = touch.told(column, x),
      score = touch.format(touch.score(column, x), 3);
    const how =
      column.kind !== "numeric"
        ? own.table
          ? "a learned vector"
          : "a place of its own"
        : `${score} as the network sees it (its rank among the training rows, as a normal score)`;
    const numbers = Array.from(vector.subarray(0, 8), (v) => touch.format(v, 2)).join(", ");
    return [
      touch.html(
        "p",
        {},
        `${told} is ${how}, and enters as ${vector.length} number${vector.length > 1 ? "s" : ""}: ` +
          `${numbers}${vector.length > 8 ? ", …" : ""}.`,
      ),
      gives,
    ];
  }

  function ofUnit(page, net, k, plan, trace, l, node) {
    const last = plan.nodes.length - 1,
      isClass = l === last;
    const sum = isClass ? trace.logits[node] : trace.sums[l - 1][node];
    const bias = isClass ? net.heads[k].bias[node] : l > 1 ? net.hidden[l - 2].bias[node] : net.bias[node];
    const value = isClass
      ? `softmax makes it ${touch.percent(trace.proba[node])}, of this member alone`
      : `${net.activation} makes it ${touch.format(trace.layers[l - 1][node], 3)}`;
    const words = touch.html(
      "p",
      {},
      `What comes in adds up to ${touch.format(sum, 3)}, bias ${touch.signed(bias)} included; ${value}.`,
    );
    const rows = touch
      .incoming(net, k, trace, l, node)
      .filter((link) => link.value !== 0)
      .map((link) => [
        touch.nodeName(page, last, l - 1, link.from),
        touch.signed(link.value),
        ...(l === 1 ? [] : [`${touch.format(link.activation, 3)} × ${touch.format(link.weight, 3)}`]),
      ]);
    const heads = ["from", "contribution", ...(l === 1 ? [] : ["activation × weight"])];
    return [
      words,
      touch.table("Strongest contributions", [heads, ...rows]),
      ...(isClass ? [] : seen(page, plan, l, node)),
    ];
  }

  /** The rows and columns that a unit responds to most. */
  function seen(page, plan, l, u) {
    const { rows, effects } = plan.learned;
    const of = page.rows
      .map((row, i) => ({ i, a: rows[i][l - 1][u] }))
      .sort((a, b) => b.a - a.a)
      .slice(0, MOST_NAMED - 1);
    const columns = effects
      .map((effect, j) => ({ j, a: effect[l - 1][u] }))
      .filter(({ a }) => a > 1e-6)
      .sort((a, b) => b.a - a.a)
      .slice(0, MOST_NAMED);
    const name = (j) => touch.nodeName(page, -1, 0, j);
    const cells = (i) =>
      columns
        .filter(({ j }) => j < page.columns.length)
        .slice(0, 3)
        .map(({ j }) => `${name(j)} ${touch.told(page.columns[j], page.values[i][j])}`)
        .join(", ");
    const title = touch.html("h5", {}, "What it has learned to see");
    const effect = ({ j, a }) => `${name(j)} (${touch.format(a, 2)})`;
    if (!columns.length) return [title, touch.html("p", {}, "Nothing in these rows: no column changes it.")];
    return [
      title,
      touch.html("p", {}, `Columns that change it most, on average: ${columns.map(effect).join(", ")}.`),
      ...(of.length ? [touch.html("p", {}, "Rows it responds to most:")] : []),
      touch.html(
        "ul",
        {},
        ...of.map(({ i, a }) =>
          touch.html("li", {}, `${page.rows[i].name} (${page.rows[i].true}), ${touch.format(a, 2)}: ${cells(i)}`),
        ),
      ),
    ];
  }

  /**
   * Everything together: what is chosen, and the views that show it.
   * @returns {object} the section: `state` is what is chosen, `soon` shows it at the next frame
   */
  function assemble(page) {
    const section = {
      page,
      state: { row: 0, values: page.values[0].slice(), member: 0, node: null },
      members: members(page),
      answer: answerView(page, find("bars")),
      unit: unitView(page, find("unit")),
      line: touch.whatif(page, find("whatif")),
    };
    section.controls = touch.controls(page, find("controls"), (j, x) => moveTo(section, j, x));
    section.say = touch.whenQuiet(() => {
      find("said").textContent = find("answer").textContent;
    }, SAID_AFTER);
    section.drawLine = touch.whenQuiet(() => section.line.draw(section.state, probabilities(section)), LINE_AFTER);
    section.soon = touch.eachFrame(() => update(section));
    return section;
  }

  const probabilities = ({ page, state }) => touch.forward(page, state.row, state.values);

  /** The member that is drawn. */
  function drawn({ page, state, members }) {
    const { net, k } = members[state.member];
    return { net: page.nets[net], k, trace: touch.trace(page, page.nets[net], k, state) };
  }

  function showUnit(section, { net, k, trace } = drawn(section)) {
    section.unit(net, k, section.plan, trace, section.state, section.state.node);
  }

  function update(section) {
    const { page, state } = section,
      proba = probabilities(section),
      trees = touch.treesAnswer(page, state),
      member = drawn(section);
    section.controls(state);
    section.answer(proba, trees.proba);
    find("answer").textContent = sentence(page, state, proba, trees);
    section.drawing.show(member.trace, state);
    showUnit(section, member);
    section.say();
    section.drawLine();
  }

  /** Draws another member, or the same at another width. */
  function rebuild(section) {
    const { page, state } = section,
      { net, k, trace } = drawn(section);
    const plan = (section.plan = touch.plan(page, net, k));
    const isThere = state.node && plan.nodes[state.node[0]] && plan.nodes[state.node[0]].includes(state.node[1]);
    if (!isThere) state.node = brightest(plan, trace);
    section.drawing = touch.drawing(page, net, k, plan, find("drawing"), (l, node) => {
      state.node = [l, node];
      showUnit(section);
    });
    section.drawing.show(trace, state);
    section.drawing.choose(...state.node);
    section.soon();
  }

  /** The unit of the last hidden layer that says most about the row: a node to begin with. */
  function brightest(plan, { layers }) {
    const l = layers.length,
      seen = plan.nodes[l];
    return [l, seen.reduce((best, u) => (layers[l - 1][u] > layers[l - 1][best] ? u : best), seen[0])];
  }

  function moveTo(section, j, x) {
    section.state.values[j] = x;
    section.line.follow(j);
    section.soon();
  }

  function pickRow(section, i) {
    Object.assign(section.state, { row: i, values: section.page.values[i].slice() });
    find("row").value = String(i);
    section.soon();
  }

  /** Fills in what stays, and listens. */
  function start(page) {
    const section = assemble(page),
      rows = find("row"),
      member = find("member");
    rows.append(...rowNames(page).map(([value, text]) => touch.html("option", { value }, text)));
    member.append(...section.members.map(({ name }, i) => touch.html("option", { value: i }, name)));
    find("members").hidden = section.members.length < 2;
    find("checked").textContent = checked(page);
    rows.addEventListener("change", () => pickRow(section, Number(rows.value)));
    find("reset").addEventListener("click", () => pickRow(section, section.state.row));
    member.addEventListener("change", () => {
      section.state.member = Number(member.value);
      rebuild(section);
    });
    onWidth(find("drawing"), () => rebuild(section));
    rebuild(section);
    return {
      page,
      state: section.state,
      probabilities: () => probabilities(section),
      setValue: (name, x) =>
        moveTo(
          section,
          page.columns.findIndex((column) => column.name === name),
          x,
        ),
      pickRow: (i) => pickRow(section, i),
    };
  }

  function checked(page) {
    const gap = check(page),
      n = page.rows.length,
      rows = n ? `these ${n} rows and the typical one` : "the typical training row";
    if (page.kind === "member") return "";
    return `Checked by your browser just now: for ${rows}, what this page computes differs from what nncli said by at most ${gap.toFixed(5)}.`;
  }

  /** Calls when an element's width changes, and not when its height does. */
  function onWidth(element, work) {
    let width = element.clientWidth;
    const soon = touch.whenQuiet(work, 100);
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      soon();
    }).observe(element);
  }

  function begin() {
    const data = find("data");
    if (!data) return;
    const page = touch.decode(JSON.parse(data.textContent));
    find("needs").hidden = true;
    find("app").hidden = false;
    Object.assign(touch, start(page));
    touch.textbook(page, find("lesson"));
  }

  if (typeof document === "undefined") return;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
