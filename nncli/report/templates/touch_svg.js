/* Elements of the page. Text goes in as text, never as markup: names come from somebody's data. */
(function (touch) {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";

  function build(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") node.setAttribute("class", value);
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  /** An element of HTML; functions under names such as "onclick" listen. */
  touch.html = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);

  /** An element of SVG. */
  touch.svg = (tag, attributes = {}, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

  /** Several attributes at once. */
  touch.set = function (node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  };

  let ruler = null;

  /** A name, or as much of it as fits into some pixels. */
  touch.fit = function (name, pixels, font = "12px") {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = font + " system-ui, sans-serif";
    const letters = Array.from(name);
    let shown = name;
    while (letters.length > 1 && ruler.measureText(shown).width > pixels) {
      letters.pop();
      shown = letters.join("") + "…";
    }
    return shown;
  };

  /** A table of cells as text; the first row heads the columns. */
  touch.table = function (caption, [head, ...rows]) {
    const cell = (tag, scope) => (text) => touch.html(tag, scope ? { scope } : {}, String(text));
    return touch.html(
      "div",
      { class: "touch-scroll", tabindex: 0, role: "region", "aria-label": caption },
      touch.html(
        "table",
        {},
        touch.html("caption", {}, caption),
        touch.html("thead", {}, touch.html("tr", {}, ...head.map(cell("th", "col")))),
        touch.html(
          "tbody",
          {},
          ...rows.map(([first, ...rest]) => touch.html("tr", {}, cell("th", "row")(first), ...rest.map(cell("td")))),
        ),
      ),
    );
  };

  /** A select box; each option is a value and its text. */
  touch.select = function (attributes, options) {
    return touch.html("select", attributes, ...options.map(([value, text]) => touch.html("option", { value }, text)));
  };

  /** Calls at most once a frame. */
  touch.eachFrame = function (work) {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        work();
      });
    };
  };

  /** Calls once things have been quiet for some milliseconds. */
  touch.whenQuiet = function (work, milliseconds) {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(work, milliseconds);
    };
  };
})((globalThis.nncliTouch = globalThis.nncliTouch || {}));
