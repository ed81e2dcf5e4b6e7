import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import cells_of, rows_of
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from nncli.features.columns import MOST_LEVELS, encode_levels, fit_levels
from nncli.features.encoder import fit_encoder
from nncli.features.text import encode_text, fit_text
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
ROWS = rows_of(
    {
        "t": ["good value", "", "Broken, sadly"],
        "c": ["red", "red", ""],
        "b": ["yes", "", "no"],
        "d": ["2020-02-29T12:00:00Z", "", "1970-01-02"],
        "n": ["1.5", "?", "-2"],
    }
)


def test_every_kind_becomes_its_columns() -> None:
    encoder = fit_encoder(ROWS, SCHEMA)
    features = encoder.encode(ROWS)
    np.testing.assert_array_equal(features.x_num[:, 0], [1.5, np.nan, -2])
    np.testing.assert_array_equal(features.x_num[2, 1:], [1, 1970, 1, 2, 4, 0])
    np.testing.assert_array_equal(features.x_num[0, 1:], [18321.5, 2020, 2, 29, 5, 12])
    assert np.isnan(features.x_num[1, 1:]).all()
    np.testing.assert_array_equal(features.x_cat, [[2, 1], [0, 1], [1, 0]])
    assert features.x_text.shape == (3, encoder.n_text)
    assert encoder.n_num == features.x_num.shape[1]
    assert encoder.cat_cardinalities == (3, 2)


@given(order=st.permutations(range(3)), columns=st.permutations(ROWS.schema.names))
def test_rows_are_encoded_each_for_itself_whatever_their_order(order, columns) -> None:  # type: ignore[no-untyped-def]
    encoder = fit_encoder(ROWS, SCHEMA)
    whole = encoder.encode(ROWS)
    shuffled = encoder.encode(ROWS.take(order).select(columns))
    np.testing.assert_array_equal(shuffled.x_num, whole.x_num[order])
    np.testing.assert_array_equal(shuffled.x_cat, whole.x_cat[order])
    np.testing.assert_array_equal(shuffled.x_text, whole.x_text[order])


def test_levels_are_the_frequent_ones_and_the_rest_is_code_zero() -> None:
    cells = cells_of([f"level{i:04}" for i in range(7000) for _ in range(1 + i % 3)])
    column = fit_levels("c", cells)
    assert len(column.levels) == MOST_LEVELS
    assert column.cardinality == 255  # the most that scikit-learn's trees take
    codes, unknown = encode_levels(column, cells_of([column.levels[0], column.levels[-1], "never seen", ""]))
    assert codes.tolist() == [1, 254, 0, 0]
    assert unknown == 1


def test_missing_is_a_level_only_where_training_rows_had_it() -> None:
    with_missing = fit_levels("c", cells_of(["a", "a", "", "NA"]))
    assert set(with_missing.levels) == {"a", ""}
    codes, unknown = encode_levels(with_missing, cells_of(["", "null"]))
    assert codes[0] == codes[1] > 0
    assert unknown == 0


def corpus(n_texts: int) -> pa.Array:
    random = np.random.default_rng(0)
    words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "never", "again", "ünïcode"]
    return cells_of([" ".join(random.choice(words, size=6)) for _ in range(n_texts)])


def test_text_of_a_row_does_not_depend_on_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    projection = fit_text(corpus(200))
    texts = ["short", "", "ab", "The quick ünïcode fox", "never " * 5_000, *corpus(50).to_pylist()]
    together = encode_text(cells_of(texts), projection)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_array_equal(encode_text(cells_of([text]), projection)[0], row)
    assert not together[1].any()
    assert together[3].any()
    np.testing.assert_array_equal(encode_text(cells_of(["THE QUICK ÜNÏCODE FOX"]), projection)[0], together[3])
    monkeypatch.setattr("nncli.features.text._BYTES_AT_ONCE", 30)
    np.testing.assert_array_equal(encode_text(cells_of(texts), projection), together)


def test_text_is_what_latent_semantic_analysis_makes_of_it() -> None:
    """The oracle is scikit-learn: tf-idf of the same n-grams, then singular vectors; signs are free."""
    texts = corpus(300)
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: [gram for n in (3, 4) for gram in n_grams(f" {text} ".encode(), n)],
        min_df=2, sublinear_tf=True,
    )  # fmt: skip
    weighted = vectorizer.fit_transform(texts.to_pylist())
    svd = TruncatedSVD(300 // 20, algorithm="arpack", random_state=0).fit(weighted)
    projection = fit_text(texts)
    assert projection.components.shape == (weighted.shape[1], 15)
    found, expected = encode_text(texts, projection)[:, :-1], svd.transform(weighted)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)


def n_grams(text: bytes, n: int) -> list[bytes]:
    return [text[i : i + n] for i in range(len(text) - n + 1)]


@pytest.mark.parametrize("cells", [["", ""] * 50, ["same text"] * 100, [f"{i}" for i in range(100)], ["ab cd"]])
def test_texts_that_say_nothing_leave_their_length(cells: list[str]) -> None:
    texts = cells_of(cells)
    encoded = encode_text(texts, fit_text(texts))
    assert np.isfinite(encoded).all()
    np.testing.assert_allclose(encoded[:, -1], np.log1p([len(cell) + 2 if cell else 0 for cell in cells]), rtol=1e-6)
