"""Cells that may not mean what they are taken for: several types in a column, codes, words for missing ones."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import quoted_list, show
from nncli.features.columns import LARGEST_NUMBER
from nncli.guard.findings import Finding
from nncli.guard.spelling import spelled_alike
from nncli.table.arrow import numpy_array, text_array
from nncli.table.cells import MISSING_WORDS, chosen, is_infinite, is_missing, matches, to_codes, to_numbers
from nncli.table.schema import LARGEST_EXACT_INTEGER, Column

_RARE = 0.1
"""Share of a column's cells up to which numbers among words are strange."""
_FEW = 5
"""Distinct values that are few enough to be named."""
_SHORT_CODE, _NEARLY_ALL = "[A-Za-z]{2,3}", 0.8


def examine_cells(column: Column, cells: pa.Array) -> list[Finding]:
    """Findings on the cells of a column that is learned from.

    Args:
        column: what it is taken for.
        cells: stripped.
    """
    if column.kind == "numeric":
        return [*_infinite(column.name, cells), *_huge_numbers(column.name, cells)]
    if column.kind != "categorical":
        return []
    counted = chosen(cells, ~is_missing(cells)).value_counts()
    distinct, counts = counted.field("values"), numpy_array(counted.field("counts"))
    return [
        *_number_codes(column.name, distinct),
        *_mixed_types(column.name, distinct, counts),
        *_spelled_alike(column.name, distinct),
        *find_missing_codes(column.name, cells),
    ]


def find_missing_codes(name: str, cells: pa.Array) -> Iterator[Finding]:
    """Words for missing cells among codes, of which they may be one: NA is Namibia, too.

    Args:
        name: of the column.
        cells: stripped.
    """
    missing = is_missing(cells)
    words = [word for word in chosen(cells, missing).unique().to_pylist() if word in _CODE_WORDS]
    codes = chosen(cells, ~missing).unique()
    if words and len(codes) > 1 and matches(codes, _SHORT_CODE).mean() >= _NEARLY_ALL:
        n_cells = int((to_codes(cells, words) >= 0).sum())
        message = (
            f"column '{show(name)}': {n_cells:,} cells {quoted_list(words)} count as missing, among codes such as "
            f"{_examples(codes.to_pylist(), 2)}; if that is a code, write it in another way"
        )
        yield Finding("missing-word", "warn", (name,), message)


_CODE_WORDS = frozenset(word for word in MISSING_WORDS if matches(text_array([word]), _SHORT_CODE)[0])


def _examples(values: Iterable[str], most: int = _FEW) -> str:
    return ", ".join(f"'{show(value, 30)}'" for value in sorted(values)[:most])


def _infinite(name: str, cells: pa.Array) -> Iterator[Finding]:
    found = chosen(cells, np.isnan(to_numbers(cells)) & ~is_missing(cells))
    found = chosen(found, is_infinite(found))
    if len(found):
        message = (
            f"column '{show(name)}': {len(found):,} of its cells are infinite or too large for a number "
            f"({_examples(found.unique().to_pylist())}); they count as missing"
        )
        yield Finding("infinite-cells", "warn", (name,), message)


def _huge_numbers(name: str, cells: pa.Array) -> Iterator[Finding]:
    n_huge = int((np.abs(to_numbers(cells)) > LARGEST_NUMBER).sum())
    if n_huge:
        message = (
            f"column '{show(name)}': {n_huge:,} of its cells are beyond {LARGEST_NUMBER:.0e}, more than single "
            "precision holds; they count as that; are they measured, or do they stand for something?"
        )
        yield Finding("huge-numbers", "warn", (name,), message)


def _number_codes(name: str, distinct: pa.Array) -> Iterator[Finding]:
    """Numbers that are categories, because as numbers they would lose something."""
    numbers = to_numbers(distinct)
    if np.isnan(numbers).any():
        return
    zeros = chosen(distinct, matches(distinct, r"0\d+"))
    if len(zeros):
        message = (
            f"column '{show(name)}' holds numbers with leading zeros ({_examples(zeros.to_pylist(), 2)}), as codes"
        )
        yield Finding("leading-zeros", "warn", (name,), f"{message} have; they count as categories")
    elif (np.abs(numbers) > LARGEST_EXACT_INTEGER).any():
        example = distinct[int(np.abs(numbers).argmax())].as_py()
        message = f"column '{show(name)}' holds whole numbers that a double would round ('{show(example, 30)}')"
        yield Finding("huge-integers", "warn", (name,), f"{message}; they count as categories")


def _spelled_alike(name: str, distinct: pa.Array) -> Iterator[Finding]:
    alike = spelled_alike(distinct)
    if alike is not None:
        message = f"column '{show(name)}': {alike}; they count as different; write each in one way"
        yield Finding("similar-categories", "warn", (name,), message)


def _mixed_types(name: str, distinct: pa.Array, counts: NDArray[np.int64]) -> Iterator[Finding]:
    """Numbers and words in one column, where either should not be."""
    is_number = ~np.isnan(to_numbers(distinct))
    n_numbers, n_words = int(counts[is_number].sum()), int(counts[~is_number].sum())
    few, many = sorted([n_numbers, n_words])
    if not few or (n_words > n_numbers and n_numbers > _RARE * counts.sum()):
        return
    others = chosen(distinct, is_number if few == n_numbers else ~is_number).to_pylist()
    kinds = ("words", "numbers") if few == n_numbers else ("numbers", "other values")
    remedy = "; if those stand for missing cells, name them with --na" if few == n_words and len(others) <= _FEW else ""
    message = (
        f"column '{show(name)}' holds {many:,} {kinds[0]} and {few:,} {kinds[1]} ({_examples(others)}); "
        f"all count as categories, which loses the order of numbers{remedy}"
    )
    yield Finding("mixed-types", "warn", (name,), message)
