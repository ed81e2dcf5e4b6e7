import numpy as np
import pytest
from scipy import stats

from nncli.evaluation.blend import blend
from nncli.evaluation.comparison import judge_held_out
from nncli.evaluation.metrics import log_losses, mean_and_error, score
from nncli.evaluation.sampling import Sample
from nncli.settings import EvaluationSettings

SETTINGS = EvaluationSettings(bootstrap_draws=1000)


def sides(random, n_rows: int, network: float, trees: float):  # type: ignore[no-untyped-def]
    """Probabilities whose logit knows the label to a given degree."""
    labels = random.integers(2, size=n_rows)

    def proba(signal: float):  # type: ignore[no-untyped-def]
        logit = signal * (2 * labels - 1) + random.normal(size=n_rows)
        positive = 1 / (1 + np.exp(-logit))
        return np.column_stack([1 - positive, positive])

    majority = np.full((n_rows, 2), 0.5)
    return labels, {"network": proba(network), "trees": proba(trees), "majority": majority}


@pytest.mark.parametrize(
    ("network", "trees", "word"), [(3.0, 1.0, "better"), (1.0, 3.0, "worse"), (1.5, 1.5, "no clear difference")]
)
def test_the_word_follows_the_difference(network: float, trees: float, word: str) -> None:
    labels, probabilities = sides(np.random.default_rng(1), 2000, network, trees)
    verdict = judge_held_out(labels, probabilities, SETTINGS).verdict
    assert verdict.word == word
    assert verdict.learned
    assert verdict.low <= verdict.difference <= verdict.high


def test_the_interval_is_close_to_the_normal_theory_of_the_paired_difference() -> None:
    labels, probabilities = sides(np.random.default_rng(2), 3000, 2.0, 1.8)
    judged = judge_held_out(labels, probabilities, SETTINGS)
    differences = log_losses(labels, probabilities["trees"]) - log_losses(labels, probabilities["network"])
    half = 1.96 * differences.std(ddof=1) / np.sqrt(3000)
    assert judged.verdict.difference == pytest.approx(differences.mean())
    assert judged.verdict.high - judged.verdict.low == pytest.approx(2 * half, rel=0.1)


def test_the_blend_is_compared_with_both_and_scored_only_where_it_is_given() -> None:
    labels, probabilities = sides(np.random.default_rng(5), 2000, 2.0, 1.8)
    judged = judge_held_out(labels, probabilities, SETTINGS)
    assert "blend" not in judged.scores
    blended = blend(probabilities["network"], probabilities["trees"])
    lost = {name: log_losses(labels, proba) for name, proba in {**probabilities, "blend": blended}.items()}
    assert [found.opponent for found in judged.blend] == ["network", "trees"]
    for found in judged.blend:
        differences = lost[found.opponent] - lost["blend"]
        half = 1.96 * differences.std(ddof=1) / np.sqrt(2000)
        assert found.difference == pytest.approx(differences.mean())
        assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
        assert found.word == "better"  # each side errs for itself here
    given = judge_held_out(labels, {"blend": blended, **probabilities}, SETTINGS)
    assert given.scores["blend"]["log_loss"].value == pytest.approx(lost["blend"].mean())
    assert {**given.scores, "blend": None} == {**judged.scores, "blend": None}
    assert (given.verdict, given.blend) == (judged.verdict, judged.blend)


def test_higher_is_better_metrics_keep_their_sign() -> None:
    labels, probabilities = sides(np.random.default_rng(3), 1000, 3.0, 1.0)
    assert judge_held_out(labels, probabilities, EvaluationSettings(metrics=("roc_auc",))).verdict.word == "better"


def test_a_score_that_is_not_defined_has_no_bounds() -> None:
    _, probabilities = sides(np.random.default_rng(3), 50, 3.0, 1.0)
    judged = judge_held_out(np.zeros(50, np.int64), probabilities, SETTINGS)
    assert np.isnan([*vars(judged.scores["network"]["roc_auc"]).values()]).all()
    assert np.isfinite(judged.scores["network"]["log_loss"].high)


def test_a_side_that_only_overfits_less_has_learned_nothing() -> None:
    random = np.random.default_rng(4)
    labels, probabilities = sides(random, 2000, 0.0, 0.0)
    shrunk = 0.5 + (probabilities["network"] - 0.5) * 0.1
    verdict = judge_held_out(labels, {**probabilities, "network": shrunk}, SETTINGS).verdict
    assert verdict.low > 0  # clearly less wrong than the trees, and still worth nothing
    assert verdict.word == "no clear difference"
    assert not verdict.learned


def test_labels_without_signal_give_a_winner_in_one_case_of_twenty_at_most() -> None:
    winners = 0
    for seed in range(200):
        labels, probabilities = sides(np.random.default_rng(seed), 120, 0.0, 0.0)
        word = judge_held_out(labels, probabilities, EvaluationSettings(bootstrap_draws=300)).verdict.word
        winners += word != "no clear difference"
    assert winners <= stats.binom.ppf(0.999, 200, 0.05)


def test_equal_models_give_a_winner_in_one_case_of_twenty_at_most() -> None:
    winners = 0
    for seed in range(200):
        labels, probabilities = sides(np.random.default_rng(seed), 60, 1.0, 1.0)
        word = judge_held_out(labels, probabilities, EvaluationSettings(bootstrap_draws=300)).verdict.word
        winners += word != "no clear difference"
    assert winners <= stats.binom.ppf(0.999, 200, 0.05)


def test_weights_that_are_all_the_same_change_no_number() -> None:
    labels, probabilities = sides(np.random.default_rng(5), 300, 2.0, 1.5)
    plain = judge_held_out(labels, probabilities, SETTINGS)
    weighted = judge_held_out(labels, probabilities, SETTINGS, sample=Sample(labels.size, np.full(300, 2.0)))
    assert weighted.verdict == plain.verdict
    assert weighted.scores == plain.scores
    assert (plain.method, weighted.method) == (
        "paired bootstrap over 300 test rows", "paired bootstrap over 300 weighted test rows",
    )  # fmt: skip


def test_whole_weights_give_the_values_of_repeated_rows() -> None:
    random = np.random.default_rng(6)
    labels, probabilities = sides(random, 400, 2.0, 1.5)
    weights = random.integers(1, 4, size=400)
    repeated = np.repeat(np.arange(400), weights)
    judged = judge_held_out(labels, probabilities, SETTINGS, sample=Sample(labels.size, weights.astype(float)))
    for model, proba in probabilities.items():
        values = vars(score(labels[repeated], proba[repeated]))
        assert {k: found.value for k, found in judged.scores[model].items()} == pytest.approx(values, nan_ok=True)


def test_the_interval_of_weighted_rows_is_close_to_the_theory_of_a_weighted_mean() -> None:
    random = np.random.default_rng(7)
    labels, probabilities = sides(random, 3000, 2.0, 1.8)
    weights = random.lognormal(size=3000)
    verdict = judge_held_out(labels, probabilities, SETTINGS, sample=Sample(labels.size, weights)).verdict
    gaps = log_losses(labels, probabilities["trees"]) - log_losses(labels, probabilities["network"])
    mean, error = mean_and_error(gaps, weights)
    assert verdict.difference == pytest.approx(mean)
    assert verdict.high - verdict.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_verdict_is_that_of_the_rows_that_count() -> None:
    """The network knows one class better, the trees the other."""
    random = np.random.default_rng(8)
    labels, knowing = sides(random, 2000, 3.0, 0.5)
    first = (labels == 0)[:, None]
    network = np.where(first, knowing["network"], knowing["trees"])
    trees = np.where(first, knowing["trees"], knowing["network"])
    probabilities = {"network": network, "trees": trees, "majority": knowing["majority"]}
    words = [
        judge_held_out(
            labels, probabilities, SETTINGS, sample=Sample(labels.size, np.where(labels == heavy, 9.0, 1.0))
        ).verdict.word
        for heavy in (0, 1)
    ]
    assert words == ["better", "worse"]


def test_rows_of_one_group_are_no_more_evidence_than_one_of_them() -> None:
    random = np.random.default_rng(9)
    labels, probabilities = sides(random, 300, 2.0, 1.5)
    copies = np.repeat(np.arange(300), 4)
    four_times = {side: proba[copies] for side, proba in probabilities.items()}
    alone = judge_held_out(labels, probabilities, SETTINGS)
    grouped = judge_held_out(labels[copies], four_times, SETTINGS, sample=Sample(copies.size, None, copies))
    naive = judge_held_out(labels[copies], four_times, SETTINGS)
    for side, scores in alone.scores.items():
        for metric, interval in scores.items():
            assert vars(grouped.scores[side][metric]) == pytest.approx(vars(interval)), (side, metric)
    assert vars(grouped.verdict) == pytest.approx(vars(alone.verdict))
    assert naive.verdict.high - naive.verdict.low < 0.6 * (alone.verdict.high - alone.verdict.low)
    assert grouped.method == "paired bootstrap over 1,200 test rows in 300 groups, drawn whole"


def test_groups_that_differ_leave_no_winner_where_rows_alone_would_often_have_one() -> None:
    """Each of twenty groups favours one side by chance, for all of its rows."""
    winners = {"groups": 0, "rows": 0}
    for seed in range(150):
        random = np.random.default_rng(seed)
        groups = np.repeat(np.arange(20), 15)
        labels = random.integers(2, size=300)
        gain = random.normal(size=20)[groups]

        def proba(logit: np.ndarray, y: np.ndarray = labels) -> np.ndarray:
            positive = 1 / (1 + np.exp(-logit * (2 * y - 1)))
            return np.column_stack([1 - positive, positive])

        probabilities = {"network": proba(1 + gain), "trees": proba(1 - gain), "majority": np.full((300, 2), 0.5)}
        settings = EvaluationSettings(bootstrap_draws=200)
        for name, units in (("groups", groups), ("rows", None)):
            winners[name] += judge_held_out(labels, probabilities, settings, Sample(300, None, units)).verdict.word != (
                "no clear difference"
            )
    assert winners["groups"] <= stats.binom.ppf(0.999, 150, 0.05)
    assert winners["rows"] > 50


def test_a_single_group_tells_nothing_of_how_groups_differ() -> None:
    labels, probabilities = sides(np.random.default_rng(1), 30, 3.0, 1.0)
    judged = judge_held_out(labels, probabilities, SETTINGS, sample=Sample(30, None, np.zeros(30, np.int64)))
    assert judged.verdict.word == "no clear difference"
    assert (judged.verdict.low, judged.verdict.high) == (-np.inf, np.inf)
    scores = judged.scores["network"]
    assert (scores["accuracy"].low, scores["accuracy"].high) == (0, 1)
    assert (scores["log_loss"].low, scores["log_loss"].high) == (0, np.inf)
