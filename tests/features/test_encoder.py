import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.features.columns import MOST_LEVELS, encode_levels, fit_levels
from nncli.features.encoder import fit_encoder
from nncli.features.text import TEXT_WIDTH, hash_text
from nncli.table.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("n", "numeric"),
        Column("d", "date"),
        Column("b", "boolean"),
        Column("c", "categorical"),
        Column("t", "text"),
    ),
    "y",
    ("no", "yes"),
)
FRAME = pd.DataFrame(
    {
        "t": ["good value", "", "Broken, sadly"],
        "c": ["red", "red", ""],
        "b": ["yes", "", "no"],
        "d": ["2020-02-29T12:00:00Z", "", "1970-01-02"],
        "n": ["1.5", "?", "-2"],
    },
    dtype="str",
)


def test_every_kind_becomes_its_columns() -> None:
    encoder = fit_encoder(FRAME, SCHEMA)
    features = encoder.encode(FRAME)
    np.testing.assert_array_equal(features.x_num[:, 0], [1.5, np.nan, -2])
    np.testing.assert_array_equal(features.x_num[2, 1:], [1, 1970, 1, 2, 4, 0])
    np.testing.assert_array_equal(features.x_num[0, 1:], [18321.5, 2020, 2, 29, 5, 12])
    assert np.isnan(features.x_num[1, 1:]).all()
    np.testing.assert_array_equal(features.x_cat, [[2, 1], [0, 1], [1, 0]])
    assert features.x_text.shape == (3, TEXT_WIDTH) == (3, encoder.n_text)
    assert encoder.n_num == features.x_num.shape[1]
    assert encoder.cat_cardinalities == (3, 2)


@given(order=st.permutations(range(3)), columns=st.permutations(list(FRAME.columns)))
def test_rows_are_encoded_each_for_itself_whatever_their_order(order, columns) -> None:  # type: ignore[no-untyped-def]
    encoder = fit_encoder(FRAME, SCHEMA)
    whole = encoder.encode(FRAME)
    shuffled = encoder.encode(FRAME.iloc[order][columns])
    np.testing.assert_array_equal(shuffled.x_num, whole.x_num[order])
    np.testing.assert_array_equal(shuffled.x_cat, whole.x_cat[order])
    np.testing.assert_array_equal(shuffled.x_text, whole.x_text[order])


def test_levels_are_the_frequent_ones_and_the_rest_is_code_zero() -> None:
    cells = pd.Series([f"level{i:04}" for i in range(7000) for _ in range(1 + i % 3)], dtype="str")
    column = fit_levels("c", cells)
    assert len(column.levels) == MOST_LEVELS
    assert column.cardinality == 255  # the most that scikit-learn's trees take
    codes, unknown = encode_levels(column, pd.Series([column.levels[0], column.levels[-1], "never seen", ""]))
    assert codes.tolist() == [1, 254, 0, 0]
    assert unknown == 1


def test_missing_is_a_level_only_where_training_rows_had_it() -> None:
    with_missing = fit_levels("c", pd.Series(["a", "a", "", "NA"], dtype="str"))
    assert set(with_missing.levels) == {"a", ""}
    codes, unknown = encode_levels(with_missing, pd.Series(["", "null"], dtype="str"))
    assert codes[0] == codes[1] > 0
    assert unknown == 0


def test_hashed_text_of_a_row_does_not_depend_on_its_neighbours() -> None:
    texts = ["short", "", "ab", "a longer text, with words and ünïcode", "x" * 20_000]
    together = hash_text(pd.Series(texts, dtype="str"))
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_array_equal(hash_text(pd.Series([text], dtype="str"))[0], row)
    np.testing.assert_allclose(np.linalg.norm(together[:, :-1], axis=1), [1, 0, 1, 1, 1], rtol=1e-5)


def test_hashed_text_counts_every_n_gram_once() -> None:
    # " abc " has three 3-grams, two 4-grams and one 5-gram: six counts, wherever they fall.
    row = hash_text(pd.Series(["abc"], dtype="str"))[0, :-1]
    counts = np.expm1(row / row[row > 0].min() * np.log(2))
    assert counts.sum() == pytest.approx(6, rel=1e-4)
