import numpy as np
import pytest
from looked_at import examined

from nncli.errors import DataError
from nncli.guard.strict import refuse_warnings
from nncli.settings import SplitSettings
from nncli.table.split import make_folds, make_split

N = 400
RANDOM = np.random.default_rng(0)
Y = RANDOM.choice(["yes", "no"], N)


def test_all_warnings_are_refused_in_one_line_with_their_remedies() -> None:
    table = examined({"copy": Y, "town": np.where(RANDOM.random(N) < 0.5, "Bonn x", "bonn x")}, Y)
    with pytest.raises(DataError) as refused:
        refuse_warnings(table, [make_split(table.arrangement, SplitSettings(), 0)])
    message = str(refused.value)
    assert message.startswith("made.csv: --strict refuses data with 2 warnings; mend the data, or leave --strict out: ")
    assert "(1) similar-categories: column 'town'" in message
    assert "(2) target-copy: column 'copy' is a copy of the target" in message
    assert "write each in one way" in message
    assert "\n" not in message


def test_what_is_only_said_passes() -> None:
    table = examined({"id": RANDOM.permutation(N), "same": ["a"] * N}, Y)
    assert {finding.level for finding in table.findings} == {"info"}
    refuse_warnings(table, [make_split(table.arrangement, SplitSettings(), 0)])
    refuse_warnings(table, make_folds(table.arrangement, SplitSettings(), 0))


def test_findings_on_the_split_count_too() -> None:
    table = examined({}, Y[:60])
    assert not table.findings
    with pytest.raises(DataError, match=r"out: \(1\) few-rows: only 60 rows"):
        refuse_warnings(table, [make_split(table.arrangement, SplitSettings(), 0)])
