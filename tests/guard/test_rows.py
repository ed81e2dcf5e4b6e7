import numpy as np
from rows import cells_of

from nncli.guard.rows import examine_rows, examine_target
from nncli.settings import SplitSettings
from nncli.table.split import make_split
from nncli.table.target import encode_target


def codes(findings):  # type: ignore[no-untyped-def]
    return [finding.code for finding in findings]


def test_rows_without_target_and_rare_classes_are_named() -> None:
    cells = cells_of(["a"] * 30 + ["b"] * 5 + ["c", "", "NA"])
    findings = examine_target(encode_target(cells, "t"))
    assert codes(findings) == ["missing-target", "single-row-class", "rare-class"]
    assert findings[0].message.startswith("2 rows")
    assert "'c' has a single row" in findings[1].message
    assert "'b'" in findings[2].message
    assert not examine_target(encode_target(cells_of(["a", "b"] * 10), "t"))


def test_few_and_repeated_rows() -> None:
    y = np.tile([0, 1], 150)
    apart = np.arange(300)
    assert codes(examine_rows(apart, make_split(y, apart, SplitSettings(), 0))) == []
    twice = np.arange(300) // 2
    assert codes(examine_rows(twice, make_split(y, twice, SplitSettings(), 0))) == ["duplicate-rows"]
    assert codes(examine_rows(y, make_split(y, y, SplitSettings(), 0))) == ["duplicate-rows-straddle"]
    assert codes(examine_rows(apart[:50], make_split(y[:50], apart[:50], SplitSettings(), 0))) == ["few-rows"]
