"""Made-up rows that try every turn a model can take: a model folder keeps no rows of the data.

Numbers lie at the places where something changes, just beside them, between them and beyond them; categories take every
code; each column is missing at times.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.model import Description, Model
from nncli.features.columns import bounded
from nncli.features.encoder import Features
from nncli.features.scaling import NumericScale
from nncli.table.arrow import text_array
from nncli.table.cells import FALSE_WORDS, MISSING_WORDS, TRUE_WORDS

N_ROWS = 1000
_SEED = 0
_LARGEST = np.finfo(np.float64).max
_SHARES = (0.7, 0.15, 0.05, 0.1)
"""Of the numbers at a place, between two, beyond all, and missing."""

Generator = np.random.Generator


def probe_features(model: Model) -> Features:
    """Features of :data:`N_ROWS` rows; always the same for the same model."""
    random, encoder = np.random.default_rng(_SEED), model.description.encoder
    thresholds = _thresholds(model)
    numbers = [_numbers(random, *pair) for pair in zip(model.description.scaler.numeric, thresholds, strict=True)]
    codes = [random.integers(0, n_codes, N_ROWS) for n_codes in encoder.cat_cardinalities]
    return Features(
        x_num=np.array(numbers).reshape(-1, N_ROWS).T,
        x_cat=np.array(codes, dtype=np.int32).reshape(-1, N_ROWS).T,
        x_text=random.normal(size=(N_ROWS, encoder.n_text)).astype(np.float32),
        unknown={},
    )


def _thresholds(model: Model) -> list[NDArray[np.float64]]:
    """Where the trees split each column of ``x_num``."""
    trees, description = model.trees, model.description
    first = len(description.encoder.cat_cardinalities)
    is_numeric = (trees.is_leaf == 0) & (trees.left_codes < 0)
    features = range(first, first + description.encoder.n_num)
    return [np.unique(trees.threshold[is_numeric & (trees.feature == feature)]) for feature in features]


def _numbers(random: Generator, scale: NumericScale, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    jumps = np.concatenate([scale.coded, thresholds])
    beside = np.nextafter(jumps, [[-_LARGEST], [_LARGEST]]).ravel()
    places = np.unique(np.concatenate([scale.values, jumps, beside]))
    reach = max(scale.values[-1] - scale.values[0], 1.0) * random.random(N_ROWS)
    beyond = np.where(random.random(N_ROWS) < 0.5, scale.values[0] - reach, scale.values[-1] + reach)
    left, share = random.integers(0, places.size - 1, N_ROWS), random.random(N_ROWS)
    between = places[left] * (1 - share) + places[left + 1] * share
    there = np.resize(random.permutation(places), N_ROWS)
    kind = random.choice(len(_SHARES), N_ROWS, p=_SHARES)
    return bounded(np.choose(kind, [there, between, beyond, np.nan]))


def probe_rows(description: Description, features: Features) -> pa.RecordBatch:
    """Rows of text cells that have these features: numbers, booleans and categories."""
    random, encoder = np.random.default_rng(_SEED), description.encoder
    columns: dict[str, list[str]] = {}
    for name, numbers in zip(encoder.numeric, features.x_num.T, strict=False):
        columns[name] = ["" if np.isnan(number) else repr(float(number)) for number in numbers]
    words = [_words_of_booleans()] * len(encoder.booleans)
    words += [_words_of_levels(column.levels) for column in encoder.categories]
    names = [*encoder.booleans, *(column.name for column in encoder.categories)]
    for name, codes, of_codes in zip(names, features.x_cat.T, words, strict=True):
        columns[name] = [of_codes[code][random.integers(len(of_codes[code]))] for code in codes]
    return pa.RecordBatch.from_arrays([text_array(cells) for cells in columns.values()], names=list(columns))


def _words_of_booleans() -> list[tuple[str, ...]]:
    true, false = ((*words, *(word.title() for word in words)) for words in (TRUE_WORDS, FALSE_WORDS))
    return [(*MISSING_WORDS, "neither"), false, true]


def _words_of_levels(levels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The words of each code; missing cells have code 0 where they are no level."""
    words: list[tuple[str, ...]] = [MISSING_WORDS if level == "" else (level,) for level in levels]
    unseen = (max(levels, key=len, default="") + "?",)
    return [unseen if "" in levels else (*unseen, *MISSING_WORDS), *words]
