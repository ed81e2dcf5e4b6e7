import numpy as np
import pandas as pd
from rows import rows_of

from nncli.features.encoder import fit_encoder
from nncli.features.reference import typical_row
from nncli.table.schema import Column, Schema

KINDS = {
    "n": "numeric",
    "void": "numeric",
    "d": "date",
    "b": "boolean",
    "c": "categorical",
    "once": "categorical",
    "t": "text",
}
SCHEMA = Schema(tuple(Column(name, kind) for name, kind in KINDS.items()), "y", ("no", "yes"))  # type: ignore[arg-type]


def test_the_typical_row_holds_lower_medians_and_modes() -> None:
    """The oracle is pandas."""
    rng = np.random.default_rng(0)
    numbers, days = rng.integers(0, 50, 400), rng.integers(0, 900, 400)
    dates = pd.Timestamp("2021-03-01") + pd.to_timedelta(days, unit="D")
    frame = pd.DataFrame(
        {
            "n": numbers.astype(str),
            "void": "",
            "d": dates.strftime("%Y/%m/%d"),
            "b": rng.choice(["yes", "no", ""], 400, p=[0.2, 0.3, 0.5]),
            "c": rng.choice(["a", " b", "c"], 400, p=[0.2, 0.6, 0.2]),
            "once": [f"v{i}" for i in range(400)],
            "t": "some words",
        }
    )
    rows = rows_of(frame)
    encoder = fit_encoder(rows, SCHEMA)
    cells = dict(zip(encoder.columns, typical_row(rows, encoder), strict=True))
    assert cells == {
        "n": str(int(pd.Series(numbers).quantile(0.5, interpolation="lower"))),
        "void": "",
        "d": pd.Series(dates).quantile(0.5, interpolation="lower").strftime("%Y/%m/%d"),
        "b": frame["b"].mode()[0],
        "c": "b",
        "once": "",
        "t": "",
    }


def test_the_order_of_rows_does_not_matter_and_ties_are_broken_by_text() -> None:
    frame = pd.DataFrame({"n": ["2", "1.0", "1", "+1"], "b": ["yes", "no", "no", "yes"], "c": ["z", "a", "a", "z"]})
    schema = Schema(tuple(Column(name, KINDS[name]) for name in frame), "y", ("no", "yes"))  # type: ignore[arg-type]
    for order in (frame, frame[::-1]):
        rows = rows_of(order)
        assert typical_row(rows, fit_encoder(rows, schema)) == ("+1", "no", "a")
