/* The forward pass, as nncli/bundle/forward.py runs it: cells in, calibrated probabilities out. No document here. */
(function (touch) {
  "use strict";

  const GELU = Math.sqrt(2 / Math.PI),
    SELU = 1.0507009873554805,
    ALPHA = 1.6732632423543772;
  const SMALLEST = 1e-12;
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  touch.activations = {
    relu: (x) => (x > 0 ? x : 0),
    tanh: Math.tanh,
    gelu: (x) => 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x * x * x))),
    selu: (x) => SELU * (x > 0 ? x : ALPHA * Math.expm1(x)),
    silu: (x) => x * sigmoid(x),
    sigmoid,
  };

  touch.softmax = function (logits) {
    const most = Math.max(...logits);
    const powers = Array.from(logits, (z) => Math.exp(z - most));
    const total = powers.reduce((sum, p) => sum + p, 0);
    return powers.map((p) => p / total);
  };

  /** Temperature and uniform share, as nncli/evaluation/calibration.py applies them. */
  touch.calibrate = function (proba, [temperature, share]) {
    if (temperature === 1 && share === 0) return proba;
    const logs = proba.map((p) => Math.log(Math.min(1, Math.max(SMALLEST, p))) / temperature);
    return touch.softmax(logs).map((p) => p * (1 - share) + share / proba.length);
  };

  /** The class that is predicted: by the threshold where there is one, else the most probable. */
  touch.decide = function (proba, border) {
    if (!border) return proba.indexOf(Math.max(...proba));
    const [positive, threshold] = border;
    return Math.fround(proba[positive]) >= Math.fround(threshold) ? positive : 1 - positive;
  };

  /** Both sides as one, as nncli/evaluation/blend.py does it. */
  touch.blend = function (network, trees) {
    const roots = network.map((p, i) => Math.sqrt(Math.max(p, SMALLEST) * Math.max(trees[i], SMALLEST)));
    const total = roots.reduce((sum, p) => sum + p, 0);
    return roots.map((p) => p / total);
  };

  /** A slice for each of n equal parts. */
  function parts(array, n) {
    const size = array.length / n;
    return Array.from({ length: n }, (_, i) => array.subarray(i * size, (i + 1) * size));
  }

  const unpacked = (packed, n) => (packed ? parts(touch.unpack(packed), n) : null);

  /**
   * The page's data as arrays.
   * @returns {object} columns with their maps, nets with their arrays (one after another, whatever network they are of)
   */
  touch.decode = function (data) {
    const columns = data.columns.map((column) => ({
      ...column,
      ...(column.values && {
        values: Array.from(touch.unpack(column.values), (x) => x + column.first),
        scores: touch.unpack(column.scores),
        codes: new Map(column.coded.map((value, i) => [value, i + 1])),
      }),
    }));
    const nRows = data.values.length,
      nClasses = data.classes.length;
    const nets = data.networks.flatMap((network) => {
      const weight = 1 / (data.networks.length * network.nets * network.members);
      return decodeNets(network, nRows, nClasses).map((net) => ({ ...net, weight }));
    });
    return {
      ...data,
      columns,
      nets,
      answers: parts(touch.unpack(data.answers), nRows),
      trees: decodeTrees(data, nRows),
    };
  };

  function decodeTrees(data, nRows) {
    const { answers, shown, lines } = data.trees;
    return { answers: parts(touch.unpack(answers), nRows), shown, lines: lines.map((line) => unpacked(line, nRows)) };
  }

  function decodeNets(network, nRows, nClasses) {
    const n = network.nets,
      units = network.layers;
    const columns = network.columns.map((column) => decodeColumn(column, n));
    const fixed = network.fixed && {
      sums: unpacked(network.fixed.sums, n),
      inputs: unpacked(network.fixed.inputs, n),
      ...decodeWeights(network.fixed, n),
    };
    const bias = unpacked(network.bias, n);
    const hidden = network.hidden.map(([weight, b]) => [unpacked(weight, n), unpacked(b, n)]);
    const [headWeight, headBias] = network.head.map((packed) => unpacked(packed, n));
    return Array.from({ length: n }, (_, i) => {
      const net = {
        units,
        members: network.members,
        activation: network.activation,
        bias: bias[i],
        nClasses,
        columns: columns.map((column) => ofNet(column, i, n)),
        hidden: hidden.map(([weight, b]) => ({ weight: weight[i], bias: b[i] })),
        heads: parts(headWeight[i], network.members).map((weight, k) => ({
          weight,
          bias: headBias[i].subarray(k * nClasses, (k + 1) * nClasses),
        })),
      };
      net.fixed = Array.from({ length: nRows }, (_, row) => fixedSums(net, fixed && ofNet(fixed, i, n), row, nRows));
      return net;
    });
  }

  const decodeWeights = (record, n) => ({ weight: unpacked(record.weight, n), scale: unpacked(record.scale, n) });

  function decodeColumn(column, n) {
    const knots = column.knots && touch.unpack(column.knots);
    // Vectors of values are those of the last nets only: where they begin is told by how many numbers there are.
    const values = column.values && touch.unpack(column.values);
    return { knots, values, table: unpacked(column.table, n), ...decodeWeights(column, n) };
  }

  function ofNet(record, i, n) {
    const own = (arrays) => arrays && arrays[i];
    return {
      knots: record.knots,
      values: record.values,
      number: i,
      nets: n,
      sums: own(record.sums),
      inputs: own(record.inputs),
      table: own(record.table),
      weight: own(record.weight),
      scale: own(record.scale),
    };
  }

  /** What the bias and the columns that stay as they are add to the first layer of all members. */
  function fixedSums(net, fixed, row, nRows) {
    const width = net.units[0],
      sums = new Float32Array(net.members * width);
    for (let k = 0; k < net.members; k++) sums.set(net.bias, k * width);
    if (!fixed) return sums;
    if (fixed.sums) {
      const of = parts(fixed.sums, nRows)[row];
      return sums.map((sum, i) => sum + of[i]);
    }
    addProduct(net, fixed, parts(fixed.inputs, nRows)[row], sums);
    return sums;
  }

  /** Adds inputs times weights to the sums of the first layer, for all members. */
  function addProduct(net, { weight, scale }, inputs, sums) {
    const width = net.units[0];
    for (let e = 0; e < inputs.length; e++) {
      if (inputs[e] === 0) continue;
      for (let k = 0; k < net.members; k++) {
        const x = inputs[e] * (scale ? scale[e * net.members + k] : 1);
        for (let u = 0; u < width; u++) sums[k * width + u] += x * weight[e * width + u];
      }
    }
  }

  /** The normal score of a number, the middle where it is missing. */
  touch.score = (column, x) => (x === null ? 0 : touch.interpolate(x, column.values, column.scores));

  /**
   * The vector that a column becomes in a net.
   * @param {object} column of the page
   * @param {object} own the column's arrays in the net
   * @param {number|null} x a number, a code, or nothing
   * @param {number} width how many inputs of the first layer are the column's
   */
  touch.vector = function (column, own, x, width) {
    const vector = new Float32Array(width);
    if (column.kind !== "numeric") {
      if (own.table) vector.set(own.table.subarray(x * width, (x + 1) * width));
      else if (x > 0) vector[x - 1] = 1;
      return vector;
    }
    const size = width - (column.missing ? 1 : 0);
    const [i, share] = touch.between(own.knots, touch.score(column, x));
    for (let e = 0; e < size; e++) {
      const low = own.table[i * size + e];
      vector[e] = own.knots.length < 2 ? low : low + share * (own.table[(i + 1) * size + e] - low);
    }
    addValue(column, own, x, size, vector);
    if (x === null && column.missing) vector[size] = 1;
    return vector;
  };

  /** Adds the vector of a value that has a code, in the nets that have such vectors. */
  function addValue(column, own, x, size, vector) {
    const code = (own.values && x !== null && column.codes.get(x)) || 0;
    if (!code) return;
    const ofNet = column.coded.length * size;
    const first = own.nets - own.values.length / ofNet;
    if (own.number < first) return;
    const at = (own.number - first) * ofNet + (code - 1) * size;
    for (let e = 0; e < size; e++) vector[e] += own.values[at + e];
  }

  /** What a column adds to the first layer of all members of a net. */
  touch.part = function (net, column, j, x) {
    const own = net.columns[j],
      sums = new Float32Array(net.members * net.units[0]);
    const vector = touch.vector(column, own, x, own.weight.length / net.units[0]);
    addProduct(net, own, vector, sums);
    return sums;
  };

  /** The first layer's sums of a net. */
  touch.firstSums = function (page, net, row, values) {
    const sums = Float32Array.from(net.fixed[row]);
    values.forEach((x, j) => {
      const part = touch.part(net, page.columns[j], j, x);
      for (let i = 0; i < sums.length; i++) sums[i] += part[i];
    });
    return sums;
  };

  /**
   * One member from the first layer's sums on.
   * @returns {{sums: Float32Array[], layers: Float32Array[], logits: Float32Array, proba: number[]}} of each
   *   hidden layer what goes into the activation and what comes out
   */
  touch.member = function (net, k, firstSums) {
    const activate = touch.activations[net.activation],
      width = net.units[0];
    const sums = [firstSums.subarray(k * width, (k + 1) * width)],
      layers = [sums[0].map(activate)];
    for (const layer of net.hidden) {
      sums.push(affine(layer, layers[layers.length - 1]));
      layers.push(sums[sums.length - 1].map(activate));
    }
    const logits = affine(net.heads[k], layers[layers.length - 1]);
    return { sums, layers, logits, proba: touch.softmax(logits) };
  };

  function affine({ weight, bias }, x) {
    const out = Float32Array.from(bias),
      width = out.length;
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let u = 0; u < width; u++) out[u] += x[i] * weight[i * width + u];
    }
    return out;
  }

  /**
   * The calibrated probabilities of a row whose movable columns hold some values.
   * @param {object} page of touch.decode
   * @param {number} row whose other cells are taken
   * @param {(number|null)[]} values of the movable columns
   */
  touch.forward = function (page, row, values) {
    return touch.fromSums(
      page,
      page.nets.map((net) => touch.firstSums(page, net, row, values)),
    );
  };

  /** The same from the first layers' sums on. */
  touch.fromSums = function (page, sums) {
    const mean = page.classes.map(() => 0);
    page.nets.forEach((net, n) => {
      for (let k = 0; k < net.members; k++) {
        touch.member(net, k, sums[n]).proba.forEach((p, c) => {
          mean[c] += net.weight * p;
        });
      }
    });
    return touch.calibrate(mean, page.calibration);
  };

  /** Probabilities as one column moves along its grid and all else stays. */
  touch.line = function (page, row, values, j, points) {
    const rest = page.nets.map((net) => {
      const sums = touch.firstSums(page, net, row, values),
        part = touch.part(net, page.columns[j], j, values[j]);
      return sums.map((sum, i) => sum - part[i]);
    });
    return points.map((x) =>
      touch.fromSums(
        page,
        page.nets.map((net, n) => {
          const part = touch.part(net, page.columns[j], j, x);
          return rest[n].map((sum, i) => sum + part[i]);
        }),
      ),
    );
  };

  /**
   * What each unit of a member responds to: its activations for the example rows, and for each column how much it
   * changes, on average over them, when the column holds what it holds in the typical row (occlusion).
   * @returns {{rows: Float32Array[][], effects: Float32Array[][]}} by row and layer; by column
   *   and layer, last all other columns
   */
  touch.learned = function (page, net, k) {
    const typical = page.values.length - 1,
      nRows = Math.max(1, typical);
    const layersOf = (row, values) => touch.member(net, k, touch.firstSums(page, net, row, values)).layers;
    const rows = page.values.slice(0, nRows).map((values, row) => layersOf(row, values));
    const effects = Array.from({ length: page.columns.length + 1 }, () => net.units.map((n) => new Float32Array(n)));
    rows.forEach((layers, row) =>
      effects.forEach((effect, j) => {
        const values = page.values[row].slice();
        const isColumn = j < page.columns.length;
        if (isColumn && values[j] === page.values[typical][j]) return;
        if (isColumn) values[j] = page.values[typical][j];
        layersOf(isColumn ? row : typical, values).forEach((hidden, l) =>
          hidden.forEach((a, u) => {
            effect[l][u] += Math.abs(layers[l][u] - a) / nRows;
          }),
        );
      }),
    );
    return { rows, effects };
  };
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
