"""What can be seen of a page without eyes: texts that overlap or are cut, pages that are too wide."""

from typing import Any

_TEXTS = """
svg => {
  const frame = svg.getBoundingClientRect(), found = [];
  const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim() && t.getClientRects().length);
  const boxes = texts.map(t => ({name: t.textContent.trim(), turned: /rotate/.test(t.getAttribute('transform') || ''),
                                 box: t.getBoundingClientRect()}));
  const slack = 1.5;
  for (const {name, box} of boxes) {
    if (box.left < frame.left - slack || box.right > frame.right + slack || box.top < frame.top - slack ||
        box.bottom > frame.bottom + slack) found.push(`cut: ${name}`);
  }
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    // Boxes are those of lines, higher than their letters.
    const low = Math.min(a.box.height, b.box.height);
    if (wide > slack && high > 0.35 * low) found.push(`overlap: ${a.name} / ${b.name}`);
  }));
  return found;
}
"""
_WIDTH = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def plot_faults(page: Any) -> list[str]:
    """Texts of plots that are cut off or lie over others."""
    return [fault for svg in page.query_selector_all("svg") for fault in svg.evaluate(_TEXTS)]


def excess_width(page: Any) -> int:
    """Pixels by which the page must be scrolled sideways."""
    return int(page.evaluate(_WIDTH))
