"""A small network learns to answer as the whole ensemble does, for those who want speed.

It begins as a few members of the ensemble, each a net of its own from then on, and learns from the ensemble's answers,
not from labels. There are more answers than rows: rows are made up by mixing the columns of known ones. Sources:
Buciluă et al. 2006, "Model compression"; Hinton et al. 2015, "Distilling the knowledge in a neural network".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.bundle.model import Model
from nncli.evaluation.calibration import SMALLEST_PROBABILITY
from nncli.features.encoder import Features
from nncli.training.budget import Plan, epoch_work
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, continue_network, train_network

_SMALLEST, _MIDDLE, _LARGEST = (2, 4), (4, 4), (8, 12)
"""Members of a student, and the most epochs: more of both where fewer lose too much."""
_FEWEST_EXAM_ROWS = 500
"""For the smallest student: by fewer rows it cannot be told what that loses."""
_MOST_OF_TEACHER = 0.5
"""Of the ensemble's weights: a larger student would save too little."""
_MOST_MIXED, _MIXED_PER_ROW, _KNOWN_PER_MIXED = 50_000, 20, 0.5
"""Rows of an epoch: the most that are made up, the most for each known one, and known ones for each made-up one."""
_MOST_CELLS = 10_000_000
"""Of the rows that are made up: memory is finite where a table has thousands of columns."""
_MIXED_SHARE = 0.2
"""Of a made-up row's cells, those of other rows."""
_FEWEST_EPOCHS, _EPOCHS_AGAIN, _BATCH_SIZE = 2, 1, 512
_WORK_SHARE = 0.3
"""Of the work that the ensemble took, for a student of either size."""
_TOLERATED, _NEGLIGIBLE = 0.005, 0.0005
"""What a student may lose on the validation rows and is good enough: a share of the ensemble's log loss, and nats."""
_LEARNING_RATE, _WEIGHT_DECAY = 0.024, 3e-4

Arrays = Mapping[str, NDArray[np.float32]]


def distil(
    teacher: Model,
    train: Features,
    validation: Features,
    work: float,
    conditions: Conditions,
    weights: NDArray[np.float64] | None = None,
) -> TrainedNetwork | None:
    """Trains the smallest student that is good enough, or else the best.

    Args:
        teacher: whose calibrated answers are learned.
        train: known rows.
        validation: other rows, which say when a student is good enough.
        work: that the teacher took, in floating-point operations.
        conditions: of its training.
        weights: how much each of the other rows counts when the student is tried; it learns from all known rows alike.

    Returns:
        The student; ``None`` where the teacher is so small that there is nothing to save.
    """
    sizes = (_SMALLEST if len(validation) >= _FEWEST_EXAM_ROWS else _MIDDLE), _LARGEST
    beginnings = list(_beginnings(teacher, [n_members for n_members, _ in sizes]))
    if not beginnings:
        return None
    lessons = _lessons(teacher, train, conditions.seed)
    exam = replace(_answered(teacher, validation), weights=weights)
    entropies = -(exam.labels * np.log(np.maximum(exam.labels, SMALLEST_PROBABILITY))).sum(axis=1)
    entropy = float(np.average(entropies, weights=weights))
    conditions = replace(conditions, goal=(1 + _TOLERATED) * entropy + _NEGLIGIBLE)
    students: list[TrainedNetwork] = []
    for (architecture, arrays), (_, most_epochs) in zip(beginnings, sizes, strict=False):
        affordable = int(_WORK_SHARE * work / epoch_work(architecture, lessons.labels.shape[0], _BATCH_SIZE))
        plan = _plan(architecture, max(_FEWEST_EPOCHS, min(most_epochs, affordable)))
        students.append(train_network(lessons, exam, plan, conditions, arrays))
        if students[-1].stop in ("goal", "time limit"):
            break
    return min(students, key=lambda student: student.loss)


def distil_on(student: TrainedNetwork, teacher: Model, rows: Features, conditions: Conditions) -> TrainedNetwork:
    """The same student, taught by the ensemble after that has learned from more rows."""
    plan = replace(student.plan, max_epochs=_EPOCHS_AGAIN)
    return continue_network(student, _lessons(teacher, rows, conditions.seed), plan, conditions)


def _plan(architecture: Architecture, max_epochs: int) -> Plan:
    return Plan(
        architecture=architecture,
        optimizer="muon",
        learning_rate=_LEARNING_RATE,
        weight_decay=_WEIGHT_DECAY,
        dropout=0.0,
        batch_size=_BATCH_SIZE,
        max_epochs=max_epochs,
        value_dropout=0.0,
    )


def _beginnings(teacher: Model, sizes: Sequence[int]) -> Iterator[tuple[Architecture, Arrays]]:
    """So many members of the best network, spread over its nets; each becomes a net of its own."""
    architecture, arrays = teacher.description.networks[0], teacher.weights[0]
    n_weights = sum(a.n_weights for a in teacher.description.networks)
    for size in sizes:
        places = np.arange(architecture.n_nets * architecture.n_members).reshape(architecture.n_nets, -1)
        per_net = -(-size // architecture.n_nets)
        nets, members = np.divmod(places[:, :per_net].ravel()[-size:], architecture.n_members)
        student = _student(architecture, nets)
        if student.n_weights <= _MOST_OF_TEACHER * n_weights:
            yield student, _member_arrays(architecture, arrays, nets, members)


def _student(architecture: Architecture, nets: NDArray[np.int64]) -> Architecture:
    n_plain = architecture.n_nets - architecture.n_value_nets
    return replace(architecture, n_nets=nets.size, n_members=1, n_value_nets=int((nets >= n_plain).sum()))


def _member_arrays(
    architecture: Architecture, arrays: Arrays, nets: NDArray[np.int64], members: NDArray[np.int64]
) -> Arrays:
    """What each member has of its own, and a copy of what it shares with others."""
    shared = ("num.left", "num.inverse_width")
    n_plain = architecture.n_nets - architecture.n_value_nets
    found = {}
    for name, array in arrays.items():
        if name.startswith("head."):
            found[name] = array[nets, members][:, None]
        elif name == "values":
            found[name] = array[nets[nets >= n_plain] - n_plain]
        elif name != "scale":
            found[name] = array if name in shared else array[nets]
    if architecture.is_ensemble:
        found["hidden.0.weight"] *= arrays["scale"][nets, :, members][:, :, None]
    return found


def _lessons(teacher: Model, known: Features, seed: int) -> LabelledInputs:
    """Known rows and, most of them, rows made up of these; with the teacher's answers."""
    random = np.random.default_rng(seed)
    n_columns = sum(array.shape[1] for array in (known.x_num, known.x_cat, known.x_text))
    n_mixed = max(1, min(_MOST_MIXED, _MIXED_PER_ROW * len(known), _MOST_CELLS // n_columns))
    rows = known.take(random.integers(len(known), size=round((1 + _KNOWN_PER_MIXED) * n_mixed)))
    for place in teacher.description.encoder.places:
        mixed = np.flatnonzero(random.random(n_mixed) < _MIXED_SHARE)
        others = random.integers(len(known), size=mixed.size)
        getattr(rows, place.array)[mixed, place.columns] = getattr(known, place.array)[others, place.columns]
    return _answered(teacher, rows)


def _answered(teacher: Model, rows: Features) -> LabelledInputs:
    answers = teacher.predict_proba(rows).astype(np.float32)
    return LabelledInputs(teacher.description.scaler.scale(rows), answers)
