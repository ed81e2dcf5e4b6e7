/* Numbers out of text: what nncli/report/touch_numbers.py packed. No document here: node runs it too. */
(function (touch) {
  "use strict";

  const BLOCK = 64;
  const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=:?@^_`{|}~";
  const VALUES = new Map(Array.from(LETTERS, (letter, i) => [letter, i]));

  /** Four bytes of each five letters. */
  function bytesOf(text) {
    const view = new DataView(new ArrayBuffer((text.length / 5) * 4));
    for (let i = 0; i < text.length; i += 5) {
      let whole = 0;
      for (let k = 0; k < 5; k++) whole = whole * 85 + VALUES.get(text[i + k]);
      view.setUint32((i / 5) * 4, whole);
    }
    return view;
  }

  /**
   * @param {[number, number, string]} packed bits, how many numbers, the bytes as text
   * @returns {Float32Array}
   */
  touch.unpack = function ([bits, n, text]) {
    const view = bytesOf(text),
      bytes = new Uint8Array(view.buffer);
    if (bits === 32) return Float32Array.from({ length: n }, (_, i) => view.getFloat32(4 * i, true));
    const start = 4 * Math.ceil(n / BLOCK);
    const read = bits === 12 ? twelveBits : (_, i, at) => view.getInt16(at + 2 * i, true);
    const numbers = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      numbers[i] = read(bytes, i, start) * view.getFloat32(4 * Math.floor(i / BLOCK), true);
    }
    return numbers;
  };

  /** The i-th of numbers that stand in pairs of three bytes, the low bits first. */
  function twelveBits(bytes, i, start) {
    const at = start + 3 * (i >> 1);
    const bits = i & 1 ? (bytes[at + 1] >> 4) | (bytes[at + 2] << 4) : bytes[at] | ((bytes[at + 1] & 15) << 8);
    return bits & 2048 ? bits - 4096 : bits;
  }

  /**
   * Where a number falls between increasing knots.
   * @returns {[number, number]} the knot before it, and its share of the way to the next; clipped at the ends
   */
  touch.between = function (knots, x) {
    const last = knots.length - 1;
    if (last < 1 || !(x > knots[0])) return [0, 0];
    if (x >= knots[last]) return [last - 1, 1];
    let low = 0,
      high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (knots[middle] <= x) low = middle;
      else high = middle;
    }
    return [low, (x - knots[low]) / (knots[high] - knots[low])];
  };

  /** Linear between knots, as numpy.interp. */
  touch.interpolate = function (x, knots, values) {
    const [i, share] = touch.between(knots, x);
    return values.length < 2 ? values[0] : values[i] + share * (values[i + 1] - values[i]);
  };

  /** A number for people. */
  touch.format = function (x, digits = 4) {
    if (x === null || x === undefined || !Number.isFinite(x)) return "missing";
    const whole = Number.isInteger(x) && Math.abs(x) < 1e6;
    return (whole ? String(x) : String(Number(x.toPrecision(digits)))).replace("-", "−");
  };

  /** A probability for people: never 0 or 1 where it is neither. */
  touch.percent = function (p) {
    if (p > 0.999 && p < 1) return "> 99.9 %";
    if (p > 0 && p < 0.001) return "< 0.1 %";
    return (100 * p).toFixed(1) + " %";
  };

  /** With sign, for contributions. */
  touch.signed = (x) => (x < 0 ? "−" : "+") + Math.abs(x).toFixed(3);
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
