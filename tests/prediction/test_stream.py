import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rows import rows_of

from nncli.bundle.model import Model, load_model
from nncli.errors import ModelError, UsageError
from nncli.prediction.stream import predict_stream
from nncli.settings import Side
from nncli.table.reading import open_rows


@pytest.fixture(scope="module")
def model(penguins_model: Path) -> Model:
    return load_model(penguins_model)


def predict(
    model: Model, path: Path, block_bytes: int = 1 << 20, side: Side = "network", keep: bool = False, threads: int = 2
):  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    with open_rows(str(path), model.description.encoder.columns, block_bytes) as given:
        summary = predict_stream(model, given, out, side=side, keep=keep, threads=threads)
    return out.getvalue().decode(), summary


@pytest.mark.parametrize("block_bytes", [1, 70, 1_000, 9_999])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("side", ["network", "trees"])
def test_blocks_of_any_size_and_any_threads_give_the_same_bytes(  # type: ignore[no-untyped-def]
    model: Model, samples: Path, block_bytes: int, threads: int, side: Side
) -> None:
    whole, _ = predict(model, samples / "penguins.csv", side=side)
    assert predict(model, samples / "penguins.csv", block_bytes, side, threads=threads)[0] == whole


def test_rows_come_out_in_order_with_the_probabilities_of_the_model(model: Model, samples: Path) -> None:
    text, summary = predict(model, samples / "penguins.csv", keep=True)
    scored = pd.read_csv(io.StringIO(text), dtype=str, na_filter=False)
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    pd.testing.assert_frame_equal(scored[given.columns], given)
    columns = [f"probability_{name}" for name in model.classes]
    assert list(scored.columns) == [*given.columns, "prediction", *columns]
    proba = scored[columns].to_numpy(dtype=float)
    np.testing.assert_allclose(proba, model.predict_proba(model.encode(rows_of(given))), atol=1e-7)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert (np.array(model.classes)[proba.argmax(axis=1)] == scored["prediction"]).all()
    assert (scored["prediction"] == given["species"]).mean() > 0.95
    assert summary.n_rows == len(given)


def test_column_order_and_extra_columns_do_not_matter(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    turned = given[given.columns[::-1]].assign(note="a, b")
    turned.to_csv(tmp_path / "turned.csv", index=False, sep=";")
    assert predict(model, tmp_path / "turned.csv")[0] == predict(model, samples / "penguins.csv")[0]


def test_cells_are_kept_byte_for_byte(model: Model, tmp_path: Path) -> None:
    row = ["=1+1", " Dream ", "39.10", '"a"\nb', "0181", "3750", "", "2007", "é"]
    names = ["x", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year", "z"]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, row])
    text, _ = predict(model, tmp_path / "in.csv", keep=True)
    assert next(csv.reader(io.StringIO(text.split("\n", 1)[1])))[: len(row)] == row


def test_unseen_levels_are_counted_and_missing_cells_allowed(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    given["island"] = ["Atlantis"] * 3 + [""] * (len(given) - 3)
    given["bill_length_mm"] = ["39,1"] * 4 + ["NA"] * (len(given) - 4)
    given.to_csv(tmp_path / "odd.csv", index=False)
    text, summary = predict(model, tmp_path / "odd.csv")
    assert summary.unknown == {"island": 3, "bill_length_mm": 4}
    assert text.count("\n") == len(given) + 1
    assert "nan" not in text


def test_missing_columns_are_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("island,year\nDream,2007\n")
    with pytest.raises(ModelError, match=r"lack the columns .*'bill_length_mm'"):
        predict(model, tmp_path / "in.csv")


def test_kept_columns_may_not_hide_the_added_ones(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False).assign(prediction="old")
    given.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(UsageError, match="'prediction'"):
        predict(model, tmp_path / "in.csv", keep=True)
    predict(model, tmp_path / "in.csv")


def test_a_header_alone_gives_a_header_alone(model: Model, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text((samples / "penguins.csv").read_text().split("\n")[0] + "\n")
    text, summary = predict(model, tmp_path / "in.csv")
    assert text == "prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo\n"
    assert summary.n_rows == 0
