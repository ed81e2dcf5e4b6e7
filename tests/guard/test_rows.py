import numpy as np
from rows import cells_of

from nncli.guard.rows import examine_classes, examine_rows, examine_shape, examine_target
from nncli.settings import SplitSettings
from nncli.table.arrangement import Arrangement
from nncli.table.split import make_folds, make_split
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
    assert codes(examine_rows(apart, make_split(Arrangement(y, apart), SplitSettings(), 0))) == []
    twice = np.arange(300) // 2
    assert codes(examine_rows(twice, make_split(Arrangement(y, twice), SplitSettings(), 0))) == ["duplicate-rows"]
    assert codes(examine_rows(y, make_split(Arrangement(y, y), SplitSettings(), 0))) == ["duplicate-rows-straddle"]
    few = make_split(Arrangement(y[:50], apart[:50]), SplitSettings(), 0)
    assert codes(examine_rows(apart[:50], few)) == ["few-rows"]


def test_classes_that_grouping_or_order_keep_from_the_test_are_named() -> None:
    y, rows = np.tile([0, 1], 150), np.arange(300)
    y[:15], y[290:] = 2, 3
    target = encode_target(cells_of(y.astype(str)), "t")
    ordered = Arrangement(y, rows, moments=rows)
    unknown, untested = examine_classes(target, [make_split(ordered, SplitSettings(), 0)])
    assert (unknown.code, untested.code) == ("unknown-class", "untested-class")
    assert unknown.message.startswith("10 rows are of classes that no training row before them has ('3')")
    assert "of the class '2'" in untested.message
    assert codes(examine_classes(target, make_folds(ordered, SplitSettings(), 0))) == codes([unknown, untested])
    grouped = Arrangement(y, rows, groups=rows // 15)
    [untested] = examine_classes(target, [make_split(grouped, SplitSettings(), 0)])
    assert "of the class '2'" in untested.message
    assert not examine_classes(target, [make_split(Arrangement(y, rows), SplitSettings(), 0)])


def test_classes_of_one_name_are_named() -> None:
    (finding,) = examine_target(encode_target(cells_of(["Yes", "no", "yes", "No "] * 20), "t"))
    assert (finding.code, finding.level) == ("similar-classes", "warn")
    assert "'No', 'no' differ only by case" in finding.message


def test_tables_that_are_wider_than_long_or_very_wide_are_named() -> None:
    assert codes(examine_shape(500, 500)) == []
    assert codes(examine_shape(499, 500)) == ["more-columns-than-rows"]
    assert codes(examine_shape(10_001, 10_001)) == ["many-columns"]
