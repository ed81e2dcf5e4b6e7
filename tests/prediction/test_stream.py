import csv
import io
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rows import rows_of
from threadpoolctl import threadpool_limits

from nncli.bundle.model import Model, load_model
from nncli.errors import DataError, ModelError, UsageError
from nncli.prediction.answers import Answering
from nncli.prediction.run import Run, Summary, predict_inputs
from nncli.settings import BadRows, PredictSettings
from nncli.table.filetype import file_type


@pytest.fixture(scope="module")
def model(penguins_model: Path) -> Model:
    return load_model(penguins_model)


@pytest.fixture(autouse=True)
def products_on_one_thread() -> Iterator[None]:
    """As the command has them."""
    with threadpool_limits(1):
        yield


class Bytes(io.BytesIO):
    """Still there when a compressor has closed it."""

    def close(self) -> None:
        pass


PLAIN, KEEP = PredictSettings(), PredictSettings(keep="all")


def predict(
    model: Model,
    *paths: Path,
    written_as: str = "out.csv",
    settings: PredictSettings = PLAIN,
    block_bytes: int = 1 << 20,
    threads: int = 2,
) -> tuple[bytes, Summary]:
    out = Bytes()
    run = Run(Answering(model, settings), threads, block_bytes=block_bytes)
    summary = predict_inputs(run, [str(path) for path in paths], out, file_type(written_as), lambda *_: None)
    return out.getvalue(), summary


def cells(text: bytes, sep: str = ",") -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(text), sep=sep, dtype=str, na_filter=False)


def objects_of(frame: pd.DataFrame) -> list[str]:
    """Without what is missing, as many write them."""
    return [json.dumps({k: v for k, v in row.items() if v != ""}) + "\n" for row in frame.to_dict("records")]


@pytest.mark.parametrize(
    ("written_as", "settings", "block_bytes"),
    [
        ("out.csv", PLAIN, 300),
        ("out.csv", PredictSettings(sides=("trees",)), 999),
        ("out.csv", PredictSettings(sides=("blend",), explain=1), 999),
        ("out.csv.gz", KEEP, 777),
        ("out.csv.zst", KEEP, 777),
        ("out.tsv.bz2", KEEP, 777),
        ("out.jsonl.xz", KEEP, 777),
        ("out.jsonl", PredictSettings(keep=("island", "year"), top=2, explain=2), 5_000),
        ("out.parquet", PredictSettings(keep="all", sides=("network", "trees")), 777),
    ],
)
def test_blocks_of_any_size_and_any_threads_give_the_same_bytes(
    model: Model,
    samples: Path,
    written_as: str,
    settings: PredictSettings,
    block_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nncli.prediction.columnar._ROWS_OF_A_GROUP", 100)
    monkeypatch.setattr("nncli.prediction.compression._BLOCK_BYTES", 999)
    data = samples / "penguins.csv"
    whole, _ = predict(model, data, written_as=written_as, settings=settings)
    for threads in (1, 3):
        found = predict(model, data, written_as=written_as, settings=settings, block_bytes=block_bytes, threads=threads)
        assert found[0] == whole


@pytest.mark.parametrize("written_as", ["out.parquet", "out.csv", "out.jsonl"])
def test_portions_of_parquet_of_any_size_give_the_same_bytes(
    model: Model, samples: Path, tmp_path: Path, written_as: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.prediction.columnar._ROWS_OF_A_GROUP", 100)
    monkeypatch.setattr("nncli.prediction.columnar._BYTES_OF_A_GROUP", 9_000)
    monkeypatch.setattr("nncli.table.parquet._ROWS_AT_ONCE", 32)
    given = pd.read_csv(samples / "penguins.csv")
    given["kind"] = pd.Categorical([f"kind {number % 70}" for number in range(len(given))])
    given["text"] = ["é" * (number % 9) ** 3 for number in range(len(given))]
    given["list"] = [[number] * (number % 5) for number in range(len(given))]
    # Dictionaries of one row group, of all, and of a part: where they are too long, the file goes on without them.
    for rows, size in ((50, 1 << 20), (400, 1 << 20), (400, 300)):
        given.to_parquet(tmp_path / "in.parquet", row_group_size=rows, dictionary_pagesize_limit=size)
        whole, _ = predict(model, tmp_path / "in.parquet", written_as=written_as, settings=KEEP, threads=1)
        for block_bytes in (500, 3_000, 9_999):
            settings = {"settings": KEEP, "block_bytes": block_bytes}
            assert predict(model, tmp_path / "in.parquet", written_as=written_as, **settings)[0] == whole  # type: ignore[arg-type]


@pytest.mark.parametrize("written_as", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("bad_rows", ["skip", "null"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_blocks_of_any_size_give_the_same_bytes_of_a_file_full_of_damage(
    model: Model, samples: Path, tmp_path: Path, kind: str, bad_rows: BadRows, written_as: str
) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)[:12].assign(**{"no\nte": '5" x'})
    given.loc[[3, 8], "species"] = "\ufeffx"
    if kind == "csv":
        rows = given.to_csv(index=False, sep=";").encode().split(b'"5"" x"\n')
        rows = [row + b'5" x\n' for row in rows[:-1]]
        rows[2:5] = [b'"a"b\n', b"\xe9;1\n", b"a\rb\n", b'"\n"c;\n', b"\xef\xbb\xbf\n", b"\0\n", *rows[2:5]]
    else:
        rows = [row.encode() for row in objects_of(given)]
        rows[2:5] = [b"{}\n", b'{"sex": "\xe9"}\n', b'{"sex": "\0"}\n', b'{"prediction": 1}\n', b"{\n", *rows[2:5]]
    (tmp_path / "in").write_bytes(b"".join(rows))

    def found(block_bytes: int) -> tuple[bytes, Summary]:
        settings = PredictSettings(keep="all", bad_rows=bad_rows)
        return predict(model, tmp_path / "in", written_as=written_as, settings=settings, block_bytes=block_bytes)

    whole = found(1 << 20)
    assert whole[1].n_rejected == (6 if kind == "csv" else 3 if written_as == "out.jsonl" else 2)
    assert all(found(size) == whole for size in (1, 17, 100, 500))


def test_rows_come_out_in_order_with_the_probabilities_of_the_model(model: Model, samples: Path) -> None:
    text, summary = predict(model, samples / "penguins.csv", settings=KEEP)
    scored = cells(text)
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


@pytest.mark.parametrize("written_as", ["out.csv", "out.tsv", "out.tab", "out.jsonl", "out.parquet"])
def test_every_format_holds_the_same(model: Model, samples: Path, written_as: str) -> None:
    """The oracle is pandas, which reads each format by a parser of its own."""
    data = samples / "penguins.csv"
    settings = PredictSettings(keep=("year", "island", "sex"), top=1, proba="max", explain=1, decimals=6)
    found = io.BytesIO(predict(model, data, written_as=written_as, settings=settings)[0])
    if written_as == "out.parquet":
        table = pd.read_parquet(found).astype({"year": int})
    elif written_as == "out.jsonl":
        table = pd.read_json(found, lines=True)
    else:
        table = pd.read_csv(found, sep="," if written_as == "out.csv" else "\t", na_filter=False)
    names = ["year", "island", "sex", "prediction", "probability", "top1", "top1_probability"]
    assert list(table) == [*names, "reason1", "reason1_effect"]
    given = pd.read_csv(data, na_filter=False)
    pd.testing.assert_frame_equal(table[names[:3]], given[names[:3]], check_dtype=False)
    features = model.encode(rows_of(given.astype(str)))
    best = model.predict_proba(features).max(axis=1)
    np.testing.assert_allclose(table["probability"], np.round(best, 6), rtol=1e-15)  # pandas' parsers are not exact
    np.testing.assert_array_equal(table["top1_probability"], table["probability"])
    assert (table["top1"] == table["prediction"]).all()
    assert set(table["reason1"]) <= set(model.description.encoder.columns)


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
    text = predict(model, tmp_path / "in.csv", settings=KEEP)[0].decode()
    assert next(csv.reader(io.StringIO(text.split("\n", 1)[1])))[: len(row)] == row


def test_unseen_levels_are_counted_and_missing_cells_allowed(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    given["island"] = ["Atlantis"] * 3 + [""] * (len(given) - 3)
    given["bill_length_mm"] = ["39,1"] * 4 + ["NA"] * (len(given) - 4)
    given.to_csv(tmp_path / "odd.csv", index=False)
    text, summary = predict(model, tmp_path / "odd.csv")
    assert summary.unknown == {"island": 3, "bill_length_mm": 4}
    assert text.count(b"\n") == len(given) + 1
    assert b"nan" not in text


def test_missing_columns_are_named_with_the_file(model: Model, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("island,year\nDream,2007\n")
    with pytest.raises(ModelError, match=r"in\.csv: the data lack the columns .*'bill_length_mm'"):
        predict(model, tmp_path / "in.csv")


def test_kept_columns_may_not_hide_the_added_ones(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False).assign(prediction="old")
    given.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(UsageError, match="'prediction'"):
        predict(model, tmp_path / "in.csv", settings=KEEP)
    predict(model, tmp_path / "in.csv")


@pytest.mark.parametrize(
    ("names", "message"),
    [(("sex", "iland"), "no column 'iland'; did you mean 'island'"), (("sex", "sex"), "'sex' twice")],
)
def test_columns_to_keep_that_cannot_be_are_named(
    model: Model, samples: Path, names: Sequence[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        predict(model, samples / "penguins.csv", settings=PredictSettings(keep=tuple(names)))


def test_many_columns_are_kept_in_no_time(model: Model, tmp_path: Path) -> None:
    given = model.description.encoder.columns
    more = [f"c{j}" for j in range(40_000)]
    (tmp_path / "in.csv").write_text(",".join([*given, *more]) + "\n")
    for settings in (KEEP, PredictSettings(keep=tuple(more))):
        started = time.process_time()
        text, _ = predict(model, tmp_path / "in.csv", settings=settings)
        assert text.count(b",") > 40_000
        assert time.process_time() - started < 4


def test_a_header_alone_gives_a_header_alone(model: Model, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text((samples / "penguins.csv").read_text().split("\n")[0] + "\n")
    text, summary = predict(model, tmp_path / "in.csv")
    assert text == b"prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo\n"
    assert summary.n_rows == 0
    assert predict(model, tmp_path / "in.csv", written_as="out.jsonl")[0] == b""
    empty = pd.read_parquet(io.BytesIO(predict(model, tmp_path / "in.csv", written_as="out.parquet")[0]))
    assert list(empty) == text.decode().strip().split(",")


def test_inputs_one_after_another_are_as_one(model: Model, samples: Path, tmp_path: Path) -> None:
    data = samples / "penguins.csv"
    header, *rows = data.read_text().splitlines(keepends=True)
    (tmp_path / "1.csv").write_text(header + "".join(rows[:100]))
    (tmp_path / "2.csv").write_text(header + "".join(rows[100:]))
    for written_as in ("out.csv", "out.jsonl.gz", "out.parquet"):
        found, summary = predict(model, tmp_path / "1.csv", tmp_path / "2.csv", written_as=written_as, settings=KEEP)
        assert (found, summary) == predict(model, data, written_as=written_as, settings=KEEP)


@pytest.mark.parametrize("written_as", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_same_columns_in_another_order_are_written_as_in_the_first_input(
    model: Model, samples: Path, tmp_path: Path, kind: str, written_as: str
) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    turned = given[given.columns[::-1]]
    paths = []
    for name, frame in (("a", given), ("b", turned)):
        paths.append(tmp_path / f"{name}.{kind}")
        if kind == "csv":
            frame.to_csv(paths[-1], index=False)
        elif kind == "jsonl":
            frame.to_json(paths[-1], orient="records", lines=True)
        else:
            frame.to_parquet(paths[-1])
    found, twice = (
        predict(model, *some, written_as=written_as, settings=KEEP)[0] for some in (paths, [paths[0], paths[0]])
    )
    if (kind, written_as) == ("jsonl", "out.jsonl"):  # objects stay as they are
        assert [json.loads(line) for line in found.splitlines()] == [json.loads(line) for line in twice.splitlines()]
    else:
        assert found == twice
    assert predict(model, *paths, written_as=written_as, settings=KEEP, block_bytes=777)[0] == found


@pytest.mark.parametrize("written_as", ["out.csv", "out.jsonl", "out.parquet"])
def test_objects_may_leave_out_what_is_missing(model: Model, samples: Path, tmp_path: Path, written_as: str) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False).drop(columns="species")
    given.loc[0, ["island", "sex", "year"]] = ""
    objects = objects_of(given)
    (tmp_path / "in.jsonl").write_text("".join(objects))
    (tmp_path / "1.jsonl").write_text("".join(objects[:4]))
    (tmp_path / "2.jsonl").write_text("".join(objects[4:]))
    given.to_csv(tmp_path / "in.csv", index=False)
    assert predict(model, tmp_path / "in.jsonl", written_as=written_as) == predict(
        model, tmp_path / "in.csv", written_as=written_as
    )
    for settings in (KEEP, PredictSettings(keep=("sex", "year"))):
        whole = predict(model, tmp_path / "in.jsonl", written_as=written_as, settings=settings)
        for size in (100, 5000):
            assert (
                predict(model, tmp_path / "in.jsonl", written_as=written_as, settings=settings, block_bytes=size)
                == whole
            )
        assert whole == predict(
            model, tmp_path / "1.jsonl", tmp_path / "2.jsonl", written_as=written_as, settings=settings
        )
        assert whole[1].named == set(model.description.encoder.columns)
        if written_as == "out.csv":
            kept = cells(whole[0]).iloc[:, : len(given.columns) if settings == KEEP else 2]
            pd.testing.assert_frame_equal(kept, given[kept.columns])


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 20])
def test_keys_that_only_later_objects_have_are_told_where_they_cannot_be_kept(
    model: Model, samples: Path, tmp_path: Path, block_bytes: int
) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)[:6]
    given["late"], given["later"] = ["", "", "x", "", "", "y"], ["", "", "", "z", "", ""]
    given["sex"] = ""
    (tmp_path / "in.jsonl").write_text("".join(objects_of(given)))
    for written_as, settings, left_out in (
        ("out.csv", KEEP, ("late", "later")),
        ("out.parquet", KEEP, ("late", "later")),
        ("out.jsonl", KEEP, ()),
        ("out.csv", PredictSettings(keep=("late",)), ()),
        ("out.csv", PLAIN, ()),
    ):
        text, summary = predict(
            model, tmp_path / "in.jsonl", written_as=written_as, settings=settings, block_bytes=block_bytes
        )
        assert summary.left_out == left_out
        assert set(model.description.encoder.columns) - summary.named == {"sex"}
        assert (b"late" in text) == (settings.keep != "none" and not left_out)


@pytest.mark.parametrize("block_bytes", [1, 300, 1 << 20])
def test_no_key_stands_twice_in_an_object(model: Model, samples: Path, tmp_path: Path, block_bytes: int) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)[:4]
    objects = objects_of(given)
    objects[2] = objects[2].replace("{", '{"predict\\u0069on": "mine", ')
    (tmp_path / "in.jsonl").write_text("".join(objects))

    def answers(settings: PredictSettings) -> list[str | None]:
        path, size = tmp_path / "in.jsonl", block_bytes
        lines = predict(model, path, written_as="out.jsonl", settings=settings, block_bytes=size)[0].splitlines()
        pairs = [json.loads(line, object_pairs_hook=list) for line in lines]
        assert all(len(dict(pair)) == len(pair) for pair in pairs)
        return [dict(pair)["prediction"] for pair in pairs]

    with pytest.raises(DataError, match=r"in\.jsonl, line 3: the key 'prediction' is that of an answer; rename it"):
        answers(KEEP)
    first, second, third, fourth = answers(PLAIN)
    assert answers(PredictSettings(keep="all", bad_rows="null")) == [first, second, None, fourth]
    assert answers(PredictSettings(keep="all", bad_rows="skip")) == [first, second, fourth]
    assert answers(PredictSettings(keep=("sex",))) == [first, second, third, fourth]


def test_objects_that_name_no_column_are_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"iland": "Dream", "Year": 1}\n' * 300)
    with pytest.raises(ModelError, match=r"in\.jsonl: the data lack the columns .* the data also have 'iland', 'Year'"):
        predict(model, tmp_path / "in.jsonl")
    with pytest.raises(UsageError, match="no column 'iland'; did you mean 'island'"):
        (tmp_path / "in.jsonl").write_text('{"island": "Dream", "x": 1}\n' * 300)
        predict(model, tmp_path / "in.jsonl", settings=PredictSettings(keep=("iland",)))


def test_other_columns_in_a_later_input_are_refused_where_all_are_kept(
    model: Model, samples: Path, tmp_path: Path
) -> None:
    given = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    given.assign(note="x").to_csv(tmp_path / "more.csv", index=False)
    inputs = samples / "penguins.csv", tmp_path / "more.csv"
    for some in (inputs, inputs[::-1]):
        with pytest.raises(DataError, match=rf"{some[1].name}: its columns are not those"):
            predict(model, *some, settings=KEEP)
    assert len(cells(predict(model, *inputs, settings=PredictSettings(keep=("sex",)))[0])) == 2 * len(given)
    given["year"].astype(int).to_frame().join(given.drop(columns="year")).to_parquet(tmp_path / "typed.parquet")
    with pytest.raises(DataError, match=r"typed\.parquet: its columns have other types"):
        predict(
            model,
            samples / "penguins.csv",
            tmp_path / "typed.parquet",
            written_as="out.parquet",
            settings=PredictSettings(keep=("year",)),
        )


def test_parquet_keeps_its_types(model: Model, samples: Path, tmp_path: Path) -> None:
    given = pd.read_csv(samples / "penguins.csv").assign(
        when=pd.Timestamp("2024-02-29"), flag=True, kind=pd.Categorical(["a"] * 344), tags=[[1, 2]] * 344
    )
    given.to_parquet(tmp_path / "in.parquet", row_group_size=50)
    typed = pd.read_parquet(
        io.BytesIO(predict(model, tmp_path / "in.parquet", written_as="out.parquet", settings=KEEP)[0])
    )
    pd.testing.assert_frame_equal(typed[given.columns], given)
    lines = predict(model, tmp_path / "in.parquet", written_as="out.jsonl", settings=KEEP)[0]
    table = pd.read_json(io.BytesIO(lines), lines=True)
    numbers = given.columns[given.dtypes == "float64"]
    pd.testing.assert_frame_equal(table[numbers], given[numbers])
    assert table["tags"].tolist() == given["tags"].map(list).tolist()
    assert table["flag"].all()
    assert set(table["kind"]) == {"a"}
    assert set(pd.to_datetime(table["when"])) == {pd.Timestamp("2024-02-29")}
    of_text = predict(model, samples / "penguins.csv")[0]
    assert predict(model, tmp_path / "in.parquet")[0] == of_text
