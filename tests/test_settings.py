import pytest

from nncli.errors import (
    DataError,
    DeviceError,
    FileError,
    GateError,
    MemoryLimitError,
    ModelError,
    NncliError,
    UsageError,
    quoted_list,
    show,
)
from nncli.settings import (
    EFFORTS,
    UNWEIGHTED,
    ClassWeight,
    NetworkSettings,
    PredictSettings,
    RunSettings,
    TrainingSettings,
    WeightSettings,
)


@pytest.mark.parametrize(
    ("group", "field", "good", "bad"),
    [
        (NetworkSettings, "kind", "mlp", "cnn"),
        (NetworkSettings, "activation", "selu", "step"),
        (NetworkSettings, "layers", (1, 8192), (0,)),
        (NetworkSettings, "layers", (4,) * 16, (4,) * 17),
        (NetworkSettings, "layers", None, ()),
        (NetworkSettings, "dropout", 0.99, 1.0),
        (NetworkSettings, "dropout", 0.0, float("nan")),
        (TrainingSettings, "optimizer", "sgd", "lbfgs"),
        (TrainingSettings, "learning_rate", 1e-9, 0.0),
        (TrainingSettings, "batch_size", 1, 0),
        (TrainingSettings, "epochs", 1, 0),
        (RunSettings, "effort", "quick", "best of all"),
        (RunSettings, "device", "mps", "tpu"),
        (RunSettings, "time_limit", 0.1, float("inf")),
        (RunSettings, "seed", 2**32 - 1, -1),
        (RunSettings, "threads", 1, 0),
        (WeightSettings, "classes", (ClassWeight("a", 1e-3),), (ClassWeight("a", 0.0),)),
        (WeightSettings, "classes", (ClassWeight("a", 1), ClassWeight("b", 1)), (ClassWeight("a", float("nan")),)),
        (PredictSettings, "proba", "max", "some"),
        (PredictSettings, "top", 1, 0),
        (PredictSettings, "threshold", 1.0, 1.01),
        (PredictSettings, "threshold", 0.0, float("nan")),
        (PredictSettings, "prior", (("yes", 0.02),), (("yes", 1.0),)),
        (PredictSettings, "decimals", 0, 16),
        (PredictSettings, "explain", 1, 0),
        (PredictSettings, "input_format", "jsonl", "xlsx"),
        (PredictSettings, "output_format", "parquet", "json"),
        (PredictSettings, "bad_rows", "null", "ignore"),
    ],
)
def test_values_out_of_range_are_refused_with_the_options_name(group, field, good, bad) -> None:  # type: ignore[no-untyped-def]
    assert getattr(group(**{field: good}), field) == good
    option = {"kind": "network", "decimals": "round", "classes": "class-weight"}.get(field, field.replace("_", "-"))
    with pytest.raises(UsageError, match=f"^--{option}: "):
        group(**{field: bad})


def test_quick_asks_for_less_of_everything() -> None:
    quick, default = EFFORTS["quick"], EFFORTS["default"]
    assert quick.network_work < default.network_work
    assert quick.tree_iterations < default.tree_iterations
    assert quick.n_nets < default.n_nets


def test_exit_codes_are_those_of_the_contract() -> None:
    classes = [NncliError, UsageError, DataError, ModelError, FileError, MemoryLimitError, GateError, DeviceError]
    assert [error.exit_code for error in classes] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_values_from_data_are_shown_inert() -> None:
    assert show("a\nb\x1b]0;title\x07\u202e\u200b\x9b") == r"a\nb\x1b]0;title\x07\u202e\u200b\x9b"
    assert show("x" * 100, limit=10) == "x" * 9 + "…"
    assert show("Grüße, 世界") == "Grüße, 世界"
    assert quoted_list(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"


def test_weights_say_by_what_rows_are_weighted() -> None:
    named = (ClassWeight("yes", 5.0), ClassWeight("no\x1b", 0.25))
    assert WeightSettings(balanced=True, column="w").by_what == "class weights (balanced) and column 'w'"
    assert WeightSettings(classes=named).by_what == r"class weights (yes=5, no\x1b=0.25)"
    assert WeightSettings(column="w").by_what == "column 'w'"
    assert not UNWEIGHTED.is_used
    with pytest.raises(UsageError, match="'yes' is named twice"):
        WeightSettings(classes=(*named, named[0]))
    with pytest.raises(UsageError, match="'w' is the target"):
        RunSettings(target="w", weights=WeightSettings(column="w"))
