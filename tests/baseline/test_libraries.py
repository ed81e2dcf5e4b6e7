"""Each library against its own other interface: a table with named dtypes, as its users write it."""

import subprocess
import sys
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from rivals import features_of, fit, halves, mixed

from nncli.baseline import libraries
from nncli.baseline.libraries import require_library
from nncli.errors import UsageError
from nncli.features.encoder import Features
from nncli.settings import Library


def frame_of(features: Features, category: str = "category") -> pd.DataFrame:
    codes = pd.DataFrame(features.x_cat).astype(category)
    frame = pd.concat([codes, pd.DataFrame(np.hstack([features.x_num, features.x_text]))], axis=1)
    return frame.set_axis([f"f{i}" for i in range(frame.shape[1])], axis=1)


@pytest.fixture
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast learning that is over soon."""
    monkeypatch.setattr(libraries, "_PATIENCE", 10)
    faster = {name: {**settings, "learning_rate": 0.3} for name, settings in libraries._SETTINGS.items()}
    monkeypatch.setattr(libraries, "_SETTINGS", faster)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
@pytest.mark.usefixtures("few_iterations")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_lightgbm_is_its_own_classifier(n_classes: int) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = mixed(1200, n_classes)
    model = lightgbm.LGBMClassifier(
        **libraries._SETTINGS["lightgbm"], n_estimators=2000, random_state=3, n_jobs=1, deterministic=True,
        force_row_wise=True, verbose=-1,
    ).fit(
        frame_of(data.train), data.y, eval_set=[(frame_of(data.validation), data.y_val)],
        callbacks=[lightgbm.early_stopping(10, verbose=False)],
    )  # fmt: skip
    fitted = fit("lightgbm", data, seed=3)
    assert fitted.settings == f"learning rate 0.3, {model.best_iteration_} iterations"
    expected = model.predict_proba(frame_of(data.validation))
    np.testing.assert_allclose(fitted.predict_proba(data.validation), expected, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("few_iterations")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_xgboost_is_its_own_classifier(n_classes: int) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = mixed(1200, n_classes)
    model = xgboost.XGBClassifier(
        **libraries._SETTINGS["xgboost"], n_estimators=2000, random_state=3, n_jobs=1, early_stopping_rounds=10,
        enable_categorical=True,
    )  # fmt: skip
    model.fit(frame_of(data.train), data.y, eval_set=[(frame_of(data.validation), data.y_val)], verbose=False)
    fitted = fit("xgboost", data, seed=3)
    assert fitted.settings == f"learning rate 0.3, {model.best_iteration + 1} iterations"
    expected = model.predict_proba(frame_of(data.validation))
    np.testing.assert_allclose(fitted.predict_proba(data.validation), expected, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("few_iterations")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_catboost_is_its_own_classifier(n_classes: int) -> None:
    catboost = pytest.importorskip("catboost")
    data = mixed(1200, n_classes)
    model = catboost.CatBoostClassifier(
        **libraries._SETTINGS["catboost"], iterations=2000, random_seed=3, thread_count=1, verbose=False,
        allow_writing_files=False, cat_features=["f0", "f1"],
    )  # fmt: skip
    eval_set = (frame_of(data.validation, "str"), data.y_val)
    model.fit(frame_of(data.train, "str"), data.y, eval_set=eval_set, early_stopping_rounds=10)
    fitted = fit("catboost", data, seed=3)
    assert fitted.settings == f"learning rate 0.3, {model.best_iteration_ + 1} iterations"
    expected = model.predict_proba(frame_of(data.validation, "str"))
    np.testing.assert_allclose(fitted.predict_proba(data.validation), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("library", get_args(Library))
def test_the_best_iteration_is_kept(library: str) -> None:
    """Labels are noise: the more iterations, the worse."""
    random = np.random.default_rng(0)
    data = halves(features_of(random.normal(size=(600, 3))), random.integers(0, 2, 600), 2)
    stopped = fit(library, data).predict_proba(data.validation)
    assert -np.log(stopped[np.arange(300), data.y_val]).mean() < np.log(2) + 0.01


@pytest.mark.parametrize("library", get_args(Library))
def test_numbers_that_differ_less_than_single_precision_are_survived(library: str) -> None:
    random = np.random.default_rng(0)
    data = halves(features_of(1e-300 * random.normal(size=(100, 1))), random.integers(0, 2, 100), 2)
    proba = fit(library, data).predict_proba(data.validation)
    np.testing.assert_array_equal(proba, np.tile(np.bincount(data.y) / 50, (50, 1)))


@pytest.mark.parametrize(
    ("library", "called", "package"),
    [("lightgbm", "LightGBM", "lightgbm"), ("xgboost", "XGBoost", "xgboost-cpu"), ("catboost", "CatBoost", "catboost")],
)
def test_a_library_that_is_not_installed(
    library: Library, called: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name == library else object())
    with pytest.raises(UsageError) as refused:
        require_library(library)
    assert str(refused.value) == f"--against {library}: needs {called}; install it with pip install {package}"
    with pytest.raises(UsageError):
        libraries.fit_library(library, mixed(20), seed=0, threads=1)


def test_asking_for_a_library_imports_none() -> None:
    names = [name for name in get_args(Library) if libraries.find_spec(name)]
    code = (
        "import sys; from nncli.baseline.libraries import require_library\n"
        f"for name in {names}: require_library(name)\n"
        f"assert not {set(get_args(Library))} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
