"""The small network that learns the answers of the large one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_models import made_model, raw_rows
from rows import rows_of

from nncli.bundle.forward import NumpyNetwork
from nncli.bundle.model import Model
from nncli.features.encoder import Features
from nncli.settings import TrainingSettings
from nncli.training.distil import _beginnings, _lessons, _member_arrays, _student, distil, distil_on
from nncli.training.loop import Conditions, _joint_loss

CONDITIONS = Conditions(TrainingSettings(), 0, torch.device("cpu"))


@pytest.fixture(scope="module")
def teacher() -> Model:
    return made_model(n_classes=3, nets=(4,), n_members=8)


@pytest.fixture(scope="module")
def known(teacher: Model) -> Features:
    cells = raw_rows(400)
    return teacher.encode(rows_of({name: cells[name] for name in teacher.description.schema.names}))


def test_all_members_as_nets_of_their_own_say_what_the_ensemble_says(teacher: Model, known: Features) -> None:
    architecture, arrays = teacher.description.networks[0], teacher.weights[0]
    places = np.arange(architecture.n_nets * architecture.n_members)
    nets, members = np.divmod(places, architecture.n_members)
    student = NumpyNetwork(_student(architecture, nets), _member_arrays(architecture, arrays, nets, members))
    inputs = teacher.description.scaler.scale(known)
    expected = NumpyNetwork(architecture, arrays).predict_proba(inputs)
    np.testing.assert_allclose(student.predict_proba(inputs), expected, atol=1e-6)


def test_beginnings_have_the_shapes_that_they_state_and_at_most_half_of_the_weights(teacher: Model) -> None:
    n_weights = sum(a.n_weights for a in teacher.description.networks)
    found = list(_beginnings(teacher, [2, 4, 8]))
    assert [architecture.n_nets for architecture, _ in found] == [2, 4, 8]
    for architecture, arrays in found:
        assert {name: array.shape for name, array in arrays.items()} == architecture.array_shapes()
        assert architecture.n_weights <= n_weights / 2


def test_lessons_are_mixed_from_known_cells_and_answered_by_the_teacher(teacher: Model, known: Features) -> None:
    lessons = _lessons(teacher, known, seed=3)
    again = _lessons(teacher, known, seed=3)
    np.testing.assert_array_equal(lessons.labels, again.labels)
    assert lessons.labels == pytest.approx(lessons.labels / lessons.labels.sum(axis=1, keepdims=True), abs=1e-6)
    scaled = teacher.description.scaler.scale(known)
    for name in ("x_num", "x_cat", "x_dense", "x_value"):
        columns = zip(getattr(lessons.inputs, name).T, getattr(scaled, name).T, strict=True)
        assert all(np.isin(lesson, some).all() for lesson, some in columns)
    rows = {row.tobytes() for row in scaled.x_num}
    is_new = [row.tobytes() not in rows for row in lessons.inputs.x_num]
    assert 0.2 < np.mean(is_new) < 0.9


def test_a_student_learns_the_answers(teacher: Model, known: Features) -> None:
    train, held_out = known.take(slice(0, 300)), known.take(slice(300, 400))
    student = distil(teacher, train, held_out, work=1e12, conditions=CONDITIONS)
    assert student is not None
    answers = teacher.predict_proba(held_out)
    inputs = teacher.description.scaler.scale(held_out)

    def divergence(arrays) -> float:  # type: ignore[no-untyped-def]
        proba = NumpyNetwork(student.plan.architecture, arrays).predict_proba(inputs)
        return float((answers * np.log(answers / proba)).sum(axis=1).mean())

    beginning = next(b for a, b in _beginnings(teacher, [4, 8]) if a == student.plan.architecture)
    assert divergence(student.arrays) < 0.5 * divergence(beginning)
    taught_on = distil_on(student, teacher, known, CONDITIONS)
    assert divergence(taught_on.arrays) < 0.7 * divergence(beginning)


def test_a_small_network_has_no_student(teacher: Model, known: Features) -> None:
    architecture = teacher.description.networks[0]
    nets = np.array([0])
    arrays = _member_arrays(architecture, teacher.weights[0], nets, nets)
    networks = (_student(architecture, nets),)
    plain = replace(teacher, description=replace(teacher.description, networks=networks), weights=[arrays])
    assert distil(plain, known, known, work=1e12, conditions=CONDITIONS) is None


def test_the_joint_loss_is_the_cross_entropy_of_the_mean() -> None:
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(size=(5, 7, 3)))
    proba = random.dirichlet(np.ones(3), size=7)
    expected = -(proba * np.log(logits.softmax(dim=2).mean(dim=0).numpy())).sum(axis=1).mean()
    assert float(_joint_loss(logits, torch.from_numpy(proba))) == pytest.approx(expected)
