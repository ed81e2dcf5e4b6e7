import numpy as np
import pytest

from nncli.features.scaling import NetworkInputs
from nncli.settings import EFFORTS, Effort, NetworkKind, NetworkSettings, TrainingSettings
from nncli.training.budget import default_batch_size, epoch_work, make_plan, plan_for_all_rows


def inputs(n_rows: int, n_num: int = 10) -> NetworkInputs:
    x_cat = np.zeros((n_rows, 1), np.int32)
    return NetworkInputs(np.zeros((n_rows, n_num), np.float32), x_cat, np.zeros((n_rows, 0), np.float32), x_cat[:, :0])


def plan(n_rows: int, effort: str = "default", n_num: int = 10, network=None, training=None):  # type: ignore[no-untyped-def]
    settings = network or NetworkSettings(), training or TrainingSettings()
    train = inputs(round(0.64 * n_rows), n_num)
    return make_plan(train, (5,), 3, *settings, EFFORTS[effort], n_rows)  # type: ignore[index]


@pytest.mark.parametrize("effort", ["quick", "default"])
@pytest.mark.parametrize("n_rows", [100, 10_000, 200_000])
@pytest.mark.parametrize("n_num", [0, 3, 300])
def test_work_stays_within_the_effort(effort: str, n_rows: int, n_num: int) -> None:
    chosen = plan(n_rows, effort, n_num)
    n_train = round(0.64 * n_rows)
    before = epoch_work(chosen.architecture, n_train, chosen.batch_size) * chosen.max_epochs
    after = epoch_work(chosen.architecture, 2 * n_rows - n_train, chosen.batch_size)
    work = before + after * plan_for_all_rows(chosen, chosen.max_epochs).max_epochs
    assert work <= 1.05 * EFFORTS[effort].network_work or chosen.max_epochs == 3  # type: ignore[index]


def test_more_rows_mean_narrower_layers_then_fewer_epochs() -> None:
    few, many, most = (plan(n_rows) for n_rows in (1000, 100_000, 2_000_000))
    assert few.architecture.layers[0] > many.architecture.layers[0] >= most.architecture.layers[0]
    assert few.max_epochs > most.max_epochs
    assert few.batch_size == default_batch_size(1000) < many.batch_size < most.batch_size


def test_small_tables_get_twice_as_many_nets() -> None:
    small, large = (plan(n_rows).architecture.n_nets for n_rows in (500, 10_000))
    assert (small, large) == (2 * EFFORTS["default"].n_nets, EFFORTS["default"].n_nets)


def test_half_of_the_nets_look_at_values_where_numbers_have_codes() -> None:
    def value_nets(effort: Effort, kind: NetworkKind, cardinalities: tuple[int, ...]) -> int:
        settings = NetworkSettings(kind=kind), TrainingSettings(), EFFORTS[effort]
        return make_plan(inputs(6400), (5,), 3, *settings, 10_000, 0, cardinalities).architecture.n_value_nets

    assert value_nets("default", "tabm", (4,) * 10) == 1
    assert value_nets("quick", "tabm", (4,) * 10) == 0
    assert value_nets("default", "mlp", (4,) * 10) == 0
    assert value_nets("default", "tabm", (0,) * 10) == 0


def test_what_the_user_says_is_kept() -> None:
    network = NetworkSettings(kind="mlp", layers=(7, 5), activation="tanh", dropout=0.4)
    training = TrainingSettings(batch_size=11, epochs=13)
    chosen = plan(5000, network=network, training=training)
    assert chosen.architecture.layers == (7, 5)
    assert chosen.architecture.activation == "tanh"
    assert chosen.architecture.n_nets == chosen.architecture.n_members == 1
    assert chosen.architecture.n_bins == 0
    assert (chosen.dropout, chosen.batch_size, chosen.max_epochs) == (0.4, 11, 13)
    assert chosen.optimizer == "adamw"
    assert plan(5000, training=TrainingSettings(optimizer="sgd")).optimizer == "sgd"


def test_wide_tables_get_fewer_bins_so_that_a_batch_fits_the_memory() -> None:
    for n_rows, n_num in [(110_000, 500), (10_000, 5000)]:
        chosen = plan(n_rows, n_num=n_num)
        assert chosen.architecture.n_bins >= 2
        assert chosen.batch_size * n_num * chosen.architecture.n_bins <= 2e7
    assert plan(110_000, n_num=50).architecture.n_bins == 128
