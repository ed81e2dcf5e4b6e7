import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nncli.bundle.architecture import Architecture
from nncli.bundle.forward import NumpyNetwork
from nncli.errors import UsageError
from nncli.evaluation.metrics import log_losses
from nncli.features.scaling import NetworkInputs
from nncli.settings import EFFORTS, NetworkSettings, Range, TrainingSettings
from nncli.training.budget import Plan
from nncli.training.checkpoints import Checkpoints
from nncli.training.clock import Clock
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, train_network
from nncli.training.search import Params, Space, Trial, search
from nncli.training.variants import choose, variants, vary_plan

SPACE = Space({"x": Range(-10.0, 10.0), "n": Range(1, 64, log=True, step=1)}, [{"x": 5.0, "n": 1}, {"x": -5.0, "n": 2}])


@dataclass(frozen=True)
class Made:
    """What came of a trial."""

    loss: float
    stop: str = "patience"
    seconds: float = 0.0


def bowl(_: int, params: Params) -> Made:
    """Lowest at x = 2, n = 8."""
    return Made((params["x"] - 2) ** 2 + (np.log2(params["n"]) - 3) ** 2)


def run(n_trials: int, known: list[Trial[Made]] | None = None, deadline: float | None = None) -> list[Trial[Made]]:
    return search(SPACE, bowl, n_trials, seed=3, deadline=deadline, known=known or ())


def test_the_first_trials_are_given_and_the_others_lie_in_the_space() -> None:
    trials = run(30)
    assert [trial.number for trial in trials] == list(range(1, 31))
    assert [trial.params for trial in trials[:2]] == SPACE.first
    for trial in trials:
        assert -10 <= trial.params["x"] <= 10
        assert trial.params["n"] in range(1, 65)
        assert trial.loss == bowl(trial.number, trial.params).loss


def test_a_search_finds_more_than_chance_does() -> None:
    random = np.random.default_rng(0)
    x, doublings = random.uniform(-10, 10, (200, 40)), random.uniform(0, 6, (200, 40))
    by_chance = ((x - 2) ** 2 + (doublings - 3) ** 2).min(axis=1)
    assert min(trial.loss for trial in run(40)) < np.median(by_chance)


def test_a_search_that_was_cut_off_goes_on_as_if_it_had_not_been() -> None:
    whole = run(16)
    for n_done in (1, 7, 16, 20):
        again = run(16, known=run(n_done))
        assert [trial.params for trial in again] == [trial.params for trial in whole]


def test_the_deadline_ends_a_search_but_the_first_trial_is_always_made() -> None:
    assert len(run(1000, deadline=time.monotonic() - 1)) == 1
    slow = search(SPACE, lambda *_: time.sleep(0.05) or Made(1.0), 1000, seed=0, deadline=time.monotonic() + 0.5)
    assert 1 < len(slow) <= 10


def test_nothing_follows_a_trial_that_the_clock_cut_and_nothing_varies_without_ranges() -> None:
    stops = iter(["patience", "patience", "time limit", "patience"])
    trials = search(SPACE, lambda *_: Made(1.0, next(stops)), 9, seed=0, deadline=time.monotonic() + 60)
    assert [trial.outcome.stop for trial in trials] == ["patience", "patience", "time limit"]
    assert len(search(Space({}, [{}]), lambda *_: Made(1.0), 9, seed=0, deadline=None)) == 1


def test_losses_that_are_not_finite_steer_nothing() -> None:
    trials = search(SPACE, lambda *_: Made(float("inf")), 8, seed=0, deadline=None)
    assert len({tuple(trial.params.items()) for trial in trials}) == 8


def test_time_that_a_part_leaves_is_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = Clock(100.0)
    assert clock.deadline(0.25) == 25
    now[0] = 10.0
    assert clock.deadline(0.5, reserve=10) == 50
    now[0] = 95.0
    assert clock.deadline(0.5, reserve=10) == 95
    assert Clock(None).deadline(0.5) is None


def recipe(kind: str = "tabm", n_num: int = 3, layers: tuple[int, ...] = (16, 16)) -> Plan:
    is_mlp = kind == "mlp"
    architecture = Architecture(
        n_num=n_num, n_dense=0, cat_cardinalities=(3,), n_classes=2, layers=layers, activation="relu",
        n_nets=1, n_members=1 if is_mlp else 4, n_bins=0 if is_mlp or not n_num else 8, d_embedding=4,
    )  # fmt: skip
    optimizer = "adamw" if is_mlp else "muon"
    return Plan(architecture, optimizer, 0.01, 3e-4, dropout=0.03, batch_size=64, max_epochs=20)  # type: ignore[arg-type]


def test_the_recipe_is_the_first_variant_and_what_the_user_says_never_varies() -> None:
    plan, effort = recipe(layers=(64, 64)), EFFORTS["best"]
    space = variants(plan, NetworkSettings(), TrainingSettings())
    first = vary_plan(plan, space.first[0], 1000, effort, TrainingSettings(epochs=20))
    assert first == plan
    assert all(set(params) == set(space.ranges) for params in space.first)
    training = TrainingSettings(learning_rate=0.01, batch_size=64, epochs=20)
    fixed = variants(plan, NetworkSettings(layers=(64, 64), dropout=0.03), training)
    assert set(fixed.ranges) == {"weight_decay", "n_members", "n_bins", "d_embedding"}
    for params in fixed.first:
        varied = vary_plan(plan, params, 1000, effort, training)
        assert (varied.architecture.layers, varied.dropout, varied.batch_size) == ((64, 64), 0.03, 64)
        assert (varied.learning_rate, varied.max_epochs) == (0.01, 20)


def test_a_search_tries_the_values_of_numbers_in_no_net_and_in_all() -> None:
    plain = recipe(layers=(64, 64))
    a = replace(plain.architecture, n_nets=2, value_cardinalities=(4, 0, 5), n_value_nets=1)
    plan = replace(plain, architecture=a)
    space = variants(plan, NetworkSettings(), TrainingSettings())
    tried = [vary_plan(plan, params, 1000, EFFORTS["best"], TrainingSettings()) for params in space.first]
    assert [of_trial.architecture.n_value_nets for of_trial in tried[:3]] == [1, 2, 0]
    assert len({of_trial.form for of_trial in tried}) == len(tried)


def test_only_what_a_network_has_varies() -> None:
    plain = variants(recipe("mlp", layers=(64, 32)), NetworkSettings(kind="mlp"), TrainingSettings())
    assert set(plain.ranges) == {"weight_decay", "learning_rate", "batch_doublings", "dropout"}
    by_sgd = replace(recipe("mlp", layers=(64, 32)), optimizer="sgd")
    said = NetworkSettings(kind="mlp", dropout=0.1), TrainingSettings(learning_rate=0.1, batch_size=32)
    assert not variants(by_sgd, *said).ranges
    categories_alone = variants(recipe(n_num=0), NetworkSettings(), TrainingSettings())
    assert not {"n_bins", "d_embedding"} & set(categories_alone.ranges)


@pytest.mark.parametrize("n_bins", [2, 128])
@pytest.mark.parametrize("n_num", [3, 60, 2000])
def test_a_variant_is_never_far_beyond_the_memory_of_the_recipe(n_num: int, n_bins: int) -> None:
    plan = recipe(n_num=n_num, layers=(64, 64))
    plan = replace(plan, architecture=replace(plan.architecture, n_bins=n_bins, d_embedding=8 if n_num <= 50 else 4))
    space = variants(plan, NetworkSettings(), TrainingSettings())
    assert vary_plan(plan, space.first[0], 1000, EFFORTS["best"], TrainingSettings(epochs=20)) == plan
    for params in space.first:
        varied = vary_plan(plan, params, 1000, EFFORTS["best"], TrainingSettings()).architecture
        assert n_num * varied.n_bins <= max(n_num * n_bins, 20_000_000 // 256)
        assert n_num * varied.d_embedding <= max(n_num * 4, 1600)


def test_a_larger_variant_gets_fewer_epochs() -> None:
    plan, effort = recipe(), replace(EFFORTS["best"], network_work=1e10)
    params = variants(plan, NetworkSettings(), TrainingSettings()).first[0]
    small, large = (
        vary_plan(plan, {**params, "d_block": d_block}, 1000, effort, TrainingSettings()) for d_block in (32, 128)
    )
    assert large.max_epochs < small.max_epochs


def rows(n_rows: int, seed: int) -> LabelledInputs:
    random = np.random.default_rng(seed)
    x_num = random.normal(size=(n_rows, 3)).astype(np.float32)
    x_cat = random.integers(0, 3, size=(n_rows, 1)).astype(np.int32)
    labels = (x_num[:, 0] + x_num[:, 1] * x_num[:, 2] + random.normal(scale=0.3, size=n_rows) > 0).astype(np.int64)
    return LabelledInputs(NetworkInputs(x_num, x_cat, np.zeros((n_rows, 0), np.float32), x_cat[:, :0]), labels)


VALIDATION = rows(300, 2)


def trained(number: int, plan: Plan, seed: int = 0) -> Trial[TrainedNetwork]:
    conditions = Conditions(TrainingSettings(), seed, torch.device("cpu"))
    network = train_network(rows(500, 1), VALIDATION, plan, conditions)
    return Trial(number, {"weight_decay": 3e-4, "n_members": 4}, network, 1.5)


def losses_of(trial: Trial[TrainedNetwork]) -> np.ndarray:  # type: ignore[type-arg]
    network = NumpyNetwork(trial.outcome.plan.architecture, trial.outcome.arrays)
    return log_losses(VALIDATION.labels, network.predict_proba(VALIDATION.inputs))


def test_those_that_are_not_clearly_worse_than_the_best_predict_together() -> None:
    good = [trained(number, recipe(), seed=number) for number in range(1, 4)]
    bad = trained(4, replace(recipe(), max_epochs=1, learning_rate=1e-5))
    chosen = choose([bad, *good], VALIDATION)
    losses = [losses_of(trial).mean() for trial in chosen]
    assert losses == sorted(losses)
    assert chosen[0].loss == min(trial.loss for trial in good)
    for trial in good:
        gap = losses_of(trial) - losses_of(chosen[0])
        assert (trial in chosen) == (gap.mean() <= 2 * gap.std() / np.sqrt(gap.size))
    assert bad not in chosen


def test_rows_that_count_more_choose_the_networks() -> None:
    """Of two networks that are equally good, the one that is better where it counts."""
    good = [trained(number, recipe(), seed=number) for number in (1, 2)]
    gap = losses_of(good[1]) - losses_of(good[0])
    for best, other, better in ((good[0], good[1], gap > 0), (good[1], good[0], gap < 0)):
        weights = np.where(better, 1.0, 1e-3)
        losses = {trial.number: np.average(losses_of(trial), weights=weights) for trial in good}
        trials = [replace(t, outcome=with_loss(t.outcome, losses[t.number])) for t in good]
        chosen = choose(trials, replace(VALIDATION, weights=weights))
        assert [trial.number for trial in chosen] == [best.number], other.number


def with_loss(network: TrainedNetwork, loss: float) -> TrainedNetwork:
    epoch = replace(network.history[network.best_epoch - 1], validation_loss=loss)
    return replace(network, history=(epoch,), best_epoch=1)


def test_at_most_eight_are_chosen_and_one_alone_always_is() -> None:
    first = trained(1, recipe())
    same = [replace(first, number=number) for number in range(1, 12)]
    assert len(choose(same, VALIDATION)) == 8
    assert choose([first], VALIDATION) == [first]


def test_that_nothing_was_learned_is_wrong_use() -> None:
    trial = trained(1, recipe())
    diverged = replace(trial, outcome=replace(trial.outcome, best_epoch=0))
    with pytest.raises(UsageError, match="--learning-rate"):
        choose([diverged], VALIDATION)


def test_kept_trials_come_back_as_they_were(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "m.checkpoint", {"seed": "0"})
    trials = [trained(number, recipe(), seed=number) for number in (1, 2)]
    for trial in trials:
        kept.save(trial)
    found = kept.load()
    for expected, trial in zip(trials, found, strict=True):
        assert replace(trial.outcome, arrays={}) == replace(expected.outcome, arrays={})
        assert replace(trial, outcome=expected.outcome) == expected
        assert isinstance(trial.params["n_members"], int)
        for name, array in expected.outcome.arrays.items():
            np.testing.assert_array_equal(trial.outcome.arrays[name], array)
    kept.remove()
    assert not list(tmp_path.iterdir())


def test_trials_of_other_data_damaged_ones_and_unfinished_ones_do_not_count(tmp_path: Path) -> None:
    kept, trial = Checkpoints(tmp_path, {"seed": "0"}), trained(1, recipe())
    kept.save(replace(trial, outcome=replace(trial.outcome, stop="time limit")))
    assert kept.load() == []
    for number in (1, 2, 3):
        kept.save(replace(trial, number=number))
    assert len(kept.load()) == 3
    other = Checkpoints(tmp_path, {"seed": "1"})
    kept.folder.rename(other.folder)
    assert other.load() == []
    other.folder.rename(kept.folder)
    weights = next((kept.folder / "trial-0002").glob("weights-*"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert [trial.number for trial in kept.load()] == [1]
    kept.save(replace(trial, number=2))
    assert [trial.number for trial in kept.load()] == [1, 2, 3]


def test_a_trial_that_diverged_is_kept_too(tmp_path: Path) -> None:
    """Or all that came after it would be lost."""
    kept, trial = Checkpoints(tmp_path, {"seed": "0"}), trained(1, recipe())
    last = replace(trial.outcome.history[-1], train_loss=float("nan"), validation_loss=float("inf"))
    history = (*trial.outcome.history, last)
    kept.save(replace(trial, outcome=replace(trial.outcome, history=history, stop="diverged")))
    kept.save(replace(trial, number=2, outcome=replace(trial.outcome, history=(last,), best_epoch=0, stop="diverged")))
    found = kept.load()
    assert [trial.loss for trial in found] == [trial.loss, float("inf")]
    assert found[0].outcome.history[:-1] == trial.outcome.history
    assert np.isnan(found[0].outcome.history[-1].validation_loss)


def test_what_is_of_another_key_stays(tmp_path: Path) -> None:
    ours, other = Checkpoints(tmp_path / "c", {"seed": "0"}), Checkpoints(tmp_path / "c", {"seed": "1"})
    for kept in (ours, other):
        kept.save(trained(1, recipe()))
    ours.remove()
    assert len(other.load()) == 1
    other.remove()
    assert not list(tmp_path.iterdir())
