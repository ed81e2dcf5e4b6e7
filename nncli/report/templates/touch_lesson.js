/* The textbook network: two inputs, one hidden layer of tanh units, softmax. Forward, backward, optimisers.
   No document here.
   All weights stand in one array: input to hidden (2 x units), biases, hidden to classes (units x classes), biases. */
(function (touch) {
  "use strict";

  const MOMENTUM = 0.9,
    SECOND = 0.999,
    EPSILON = 1e-8;

  /** Where each group of weights begins. */
  touch.lessonPlaces = function ({ units, classes }) {
    const bias = 2 * units,
      out = bias + units,
      outBias = out + units * classes;
    return { bias, out, outBias, end: outBias + classes };
  };

  /** A network with small random weights; the same seed gives the same. */
  touch.lessonStart = function (units, classes, seed) {
    const net = { units, classes };
    const random = generator(seed);
    const { bias, out, outBias, end } = touch.lessonPlaces(net);
    const width = (i) => (i < out ? 1 : 1 / Math.sqrt(units));
    const isBias = (i) => (i >= bias && i < out) || i >= outBias;
    return {
      ...net,
      weights: Float64Array.from({ length: end }, (_, i) => (isBias(i) ? 0 : width(i) * (2 * random() - 1))),
    };
  };

  /** Mulberry32: numbers in [0, 1). */
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** What a weight is, in words: its ends by number, or whose bias it is. */
  touch.lessonWeight = function (net, i) {
    const { bias, out, outBias } = touch.lessonPlaces(net);
    if (i < bias) return { kind: "in", from: Math.floor(i / net.units), to: i % net.units };
    if (i < out) return { kind: "bias", to: i - bias };
    if (i < outBias) return { kind: "out", from: Math.floor((i - out) / net.classes), to: (i - out) % net.classes };
    return { kind: "outBias", to: i - outBias };
  };

  /** @returns {{sums: number[], hidden: number[], logits: number[], proba: number[]}} for a point of two numbers */
  touch.lessonForward = function ({ units, classes, weights }, [x1, x2]) {
    const { bias, out, outBias } = touch.lessonPlaces({ units, classes });
    const sums = Array.from({ length: units }, (_, u) => weights[u] * x1 + weights[units + u] * x2 + weights[bias + u]);
    const hidden = sums.map(Math.tanh);
    const logits = Array.from({ length: classes }, (_, c) =>
      hidden.reduce((sum, h, u) => sum + h * weights[out + u * classes + c], weights[outBias + c]),
    );
    return { sums, hidden, logits, proba: touch.softmax(logits) };
  };

  /**
   * The loss of one point and its gradient, by the chain rule from the loss backwards.
   * @returns {{loss: number, ofLogits: number[], ofHidden: number[], ofSums: number[], gradient: Float64Array}}
   */
  touch.lessonBackward = function (net, point, label) {
    const { units, classes, weights } = net,
      { bias, out, outBias, end } = touch.lessonPlaces(net);
    const { hidden, proba } = touch.lessonForward(net, point);
    const ofLogits = proba.map((p, c) => p - (c === label ? 1 : 0));
    const ofHidden = hidden.map((_, u) => ofLogits.reduce((sum, d, c) => sum + d * weights[out + u * classes + c], 0));
    const ofSums = hidden.map((h, u) => ofHidden[u] * (1 - h * h));
    const gradient = new Float64Array(end);
    ofSums.forEach((d, u) => {
      gradient[u] = d * point[0];
      gradient[units + u] = d * point[1];
      gradient[bias + u] = d;
      ofLogits.forEach((dLogit, c) => {
        gradient[out + u * classes + c] = dLogit * hidden[u];
      });
    });
    ofLogits.forEach((d, c) => {
      gradient[outBias + c] = d;
    });
    return { loss: -Math.log(proba[label]), ofLogits, ofHidden, ofSums, gradient };
  };

  /** The mean loss and gradient of all points. */
  touch.lessonGradient = function (net, points) {
    const gradient = new Float64Array(net.weights.length);
    let loss = 0;
    for (const { x, label } of points) {
      const found = touch.lessonBackward(net, x, label);
      loss += found.loss / points.length;
      found.gradient.forEach((g, i) => {
        gradient[i] += g / points.length;
      });
    }
    return { loss, gradient };
  };

  /** An optimiser's memory before its first step. */
  touch.lessonMemory = (n) => ({ t: 0, first: new Float64Array(n), second: new Float64Array(n) });

  /**
   * One step.
   * @param {"sgd"|"momentum"|"adam"} kind
   * @returns {{weights: Float64Array, steps: Float64Array, memory: object}} new weights, what was
   *   added to each, new memory
   */
  touch.lessonStep = function (kind, weights, gradient, rate, memory) {
    const t = memory.t + 1,
      [keep, share] = kind === "adam" ? [MOMENTUM, 1 - MOMENTUM] : [MOMENTUM, 1];
    const first = memory.first.map((m, i) => (kind === "sgd" ? 0 : keep * m + share * gradient[i]));
    const second = memory.second.map((v, i) => (kind === "adam" ? SECOND * v + (1 - SECOND) * gradient[i] ** 2 : 0));
    const steps = gradient.map((g, i) => {
      if (kind === "sgd") return -rate * g;
      if (kind === "momentum") return -rate * first[i];
      return (-rate * first[i]) / (1 - MOMENTUM ** t) / (Math.sqrt(second[i] / (1 - SECOND ** t)) + EPSILON);
    });
    return { weights: weights.map((w, i) => w + steps[i]), steps, memory: { t, first, second } };
  };

  /**
   * The points of the lesson: two numeric columns of the example rows as the network sees them, of the most frequent
   * classes.
   * @returns {{columns: number[], classes: number[], points: object[], truths: string[]}|null} nothing where
   *   a model has no two such columns, or the rows are of one class
   */
  touch.lessonPoints = function (page) {
    const columns = page.columns.flatMap((column, j) => (column.kind === "numeric" ? [j] : [])).slice(0, 2);
    const counts = new Map();
    page.rows.forEach(({ true: name }) => counts.set(name, (counts.get(name) || 0) + 1));
    const most = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 4)
      .map(([name]) => name);
    const truths = page.classes.length <= 4 ? page.classes : page.classes.filter((name) => most.includes(name));
    if (columns.length < 2 || counts.size < 2) return null;
    const points = page.rows.flatMap((row, i) => {
      const x = columns.map((j) => touch.score(page.columns[j], page.values[i][j]));
      const label = truths.indexOf(row.true);
      return label < 0 ? [] : [{ x, label, row: i }];
    });
    return { columns, truths, points };
  };

  /** The model's own weights where it is such a network: two numbers, one layer of few tanh units, one member. */
  touch.lessonOwn = function (page) {
    const net = page.nets[0];
    const fits =
      page.nets.length === 1 &&
      net.members === 1 &&
      net.units.length === 1 &&
      net.units[0] <= 8 &&
      net.activation === "tanh" &&
      page.columns.length === 2 &&
      !page.others &&
      page.classes.length <= 4 &&
      page.columns.every((column, j) => column.kind === "numeric" && net.columns[j].weight.length === net.units[0]);
    if (!fits || net.columns.some((own, j) => own.table.some((v, i) => Math.abs(v - own.knots[i]) > 0.01))) return null;
    const [first, second] = net.columns.map((own) => own.weight),
      [head] = net.heads;
    return {
      units: net.units[0],
      classes: page.classes.length,
      weights: Float64Array.from([...first, ...second, ...net.bias, ...head.weight, ...head.bias]),
    };
  };
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
