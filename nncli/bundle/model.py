"""A model as a value: description, weights, trees; and how it gets to disk and back."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture, ensemble_shapes
from nncli.bundle.arrays import dump_arrays, load_arrays, most_bytes
from nncli.bundle.folder import Manifest, read_file, read_manifest, require_roles, write_folder
from nncli.bundle.forward import NumpyNetwork
from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.bundle.trees import Trees, TreesShape, tree_inputs
from nncli.errors import DAMAGED, ModelError, nearest_names, quoted_list
from nncli.evaluation.blend import blend
from nncli.evaluation.calibration import Calibration
from nncli.evaluation.conformal import COVERAGES, CoverageCheck, check_coverage
from nncli.evaluation.decisions import Border, Decision
from nncli.evaluation.priors import shift_prior
from nncli.evaluation.sampling import Sample
from nncli.features.encoder import FeatureEncoder, Features
from nncli.features.scaling import Scaler
from nncli.features.text import TextProjection
from nncli.guard.findings import Finding
from nncli.settings import UNWEIGHTED, DefaultSide, Side, WeightSettings
from nncli.table.schema import Schema

T = TypeVar("T")
_ROLES = ("model", "weights", "trees", "heldout")
"""Of the files that every model has."""
_LARGEST_DESCRIPTION = 1 << 28
"""Bytes; that of a table with ten thousand columns has half of it."""


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from. No clock, path or host: the same data and options give the same bytes."""

    nncli_version: str
    data_sha256: str
    seed: int
    n_rows: int
    """Of the data as read, with those that had no target."""
    n_columns: int
    n_train: int
    n_validation: int
    n_test: int
    findings: tuple[Finding, ...]
    """What was odd about the data, or about the run."""
    weights: WeightSettings = UNWEIGHTED
    """By what rows were weighted."""
    group: str | None = None
    """The column whose equal values stayed together, if any did."""


@dataclass(frozen=True)
class Description:
    """All of a model but its arrays."""

    schema: Schema
    encoder: FeatureEncoder
    scaler: Scaler
    networks: tuple[Architecture, ...]
    """Their probabilities are averaged."""
    student: Architecture | None
    """The small network that answers nearly as those together do, in a fraction of the time."""
    trees: TreesShape
    network_calibration: Calibration
    trees_calibration: Calibration
    class_shares: tuple[float, ...]
    """Share of each class among training rows, weighted if they are: what the majority class predicts."""
    reference: tuple[str, ...]
    """A typical training row: a cell for each column, in the encoder's order."""
    default_side: DefaultSide
    """Who answers where no side is named."""
    decision: Decision | None
    """Between two classes, where a rule was asked for; ``None``: the most probable class is predicted."""
    provenance: Provenance

    @property
    def n_tree_features(self) -> int:
        """Columns that the trees see."""
        return len(self.encoder.cat_cardinalities) + self.encoder.n_num + self.encoder.n_text

    @property
    def all_networks(self) -> list[Architecture]:
        """The networks and, where there is one, the student."""
        return [*self.networks, *([self.student] if self.student else [])]

    @property
    def sides(self) -> list[Side]:
        """Those that reports tell of, the one that answers first; any model can blend, but few are asked to."""
        fast: list[Side] = ["fast"] if self.student else []
        return list(dict.fromkeys([self.default_side, "network", "trees", *fast]))

    def border(self, side: Side) -> Border | None:
        """Where a side decides between two classes; ``None``: it predicts the most probable one."""
        return self.decision.border(side) if self.decision else None

    def calibration(self, side: Side) -> Calibration:
        """A side's; that of the networks for the student, which learned their calibrated answers."""
        return self.trees_calibration if side == "trees" else self.network_calibration

    def is_sound(self) -> bool:
        """Whether each part can be, and the parts fit each other."""
        return (
            self.schema.is_sound()
            and self.scaler.is_sound()
            and self.network_calibration.is_sound()
            and self.trees_calibration.is_sound()
            and all(network.is_sound() for network in self.all_networks)
            and self.encoder.is_sound(self.schema)
            and self.is_consistent()
            and all(share > 0 for share in self.class_shares)
            and abs(sum(self.class_shares) - 1) < _ROUNDING
            and 0 <= self.provenance.seed < 2**32
        )

    def is_consistent(self) -> bool:
        """Whether sizes that stand in several parts are the same everywhere."""
        encoder, scaler, n_classes = self.encoder, self.scaler, len(self.schema.classes)
        sizes = encoder.n_num, scaler.n_dense, encoder.n_text, n_classes
        codes = encoder.cat_cardinalities, scaler.value_cardinalities
        return (
            encoder.n_num == len(scaler.numeric)
            and len(scaler.text_mean) == len(scaler.text_std) == encoder.n_text
            and bool(self.networks)
            and all((a.n_num, a.n_dense, a.n_text, a.n_classes) == sizes for a in self.all_networks)
            and all((a.cat_cardinalities, a.value_cardinalities) == codes for a in self.all_networks)
            and n_classes == len(self.class_shares)
            and len(encoder.columns) == len(self.reference)
            and self._decision_fits()
            and self.trees.n_outputs == (1 if n_classes == 2 else n_classes)
            and self.trees.n_categories == len(encoder.cat_cardinalities)
        )

    def _decision_fits(self) -> bool:
        if self.decision is None:
            return True
        has_all_sides = (self.decision.fast is None) == (self.student is None)
        return len(self.schema.classes) == 2 and has_all_sides and self.decision.is_sound()


@dataclass(frozen=True)
class Answers:
    """Some rows' labels, and what models that did not learn from these rows say of them."""

    labels: NDArray[np.int64]
    probabilities: Mapping[str, NDArray[np.float64]]
    """By side but the blend, which comes from its parts; each ``(n_rows, n_classes)``."""
    weights: NDArray[np.float64] | None = None
    """How much each row counts, ``(n_rows,)``; ``None``: all the same."""
    groups: NDArray[np.int64] | None = None
    """Rows with the same number belong together, ``(n_rows,)``; ``None``: each stands alone."""

    def is_sound(self, n_classes: int) -> bool:
        """Whether there are rows, with class numbers, probabilities that add up to one and weights above zero."""
        labels_are = self.labels.size and ((self.labels >= 0) & (self.labels < n_classes)).all()
        weights_are = self.weights is None or (self.weights > 0).all()
        return bool(labels_are and weights_are and all(map(_are_probabilities, self.probabilities.values())))

    @property
    def sample(self) -> Sample:
        """How the rows were sampled."""
        return Sample(self.labels.size, self.weights, self.groups)

    def proba(self, side: Side) -> NDArray[np.float64]:
        """Of a side, or of the blend."""
        if side == "blend":
            return blend(self.probabilities["network"], self.probabilities["trees"])
        return self.probabilities[side]

    def led_by(self, side: Side) -> dict[str, NDArray[np.float64]]:
        """The probabilities of all sides, of one of them or of the blend first."""
        return {side: self.proba(side), **{s: proba for s, proba in self.probabilities.items() if s != side}}

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Everything by name, as a file holds it."""
        found: dict[str, NDArray[Any]] = {"labels": self.labels, **self.probabilities}
        found |= {} if self.weights is None else {_WEIGHTS: self.weights}
        found |= {} if self.groups is None else {_GROUPS: self.groups}
        return {prefix + name: array for name, array in found.items()}


@dataclass(frozen=True)
class Heldout:
    """Rows that the judged model did not learn from; no feature values."""

    test: Answers
    """What a verdict needs."""
    validation: Answers
    """What rules for sets of classes need besides; the rows that said when to stop learning."""

    def answers(self, side: Side) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Labels of all rows, and a side's probabilities."""
        parts = self.validation, self.test
        labels = np.concatenate([part.labels for part in parts])
        return labels, np.concatenate([part.proba(side) for part in parts])

    def coverage_checks(self, sides: Sequence[Side]) -> dict[str, list[CoverageCheck]]:
        """What rules from the validation rows reach on the test rows, by side; every row counts once."""
        known, new = self.validation, self.test
        rows = {side: ((known.labels, known.proba(side)), (new.labels, new.proba(side))) for side in sides}
        return {side: [check_coverage(*both, coverage) for coverage in COVERAGES] for side, both in rows.items()}


def _are_probabilities(proba: NDArray[np.float64]) -> bool:
    return bool((proba >= 0).all() and (np.abs(proba.sum(axis=1) - 1) < _ROUNDING).all())


_ROUNDING = 1e-4
"""By how much the probabilities of all classes may miss one: a network's are of single precision."""
_TEST_SIDES, _VALIDATION_SIDES = ("network", "trees", "trees_default", "majority"), ("network", "trees")


@dataclass(frozen=True)
class Model:
    """A trained model that predicts with numpy alone."""

    description: Description
    weights: Sequence[Mapping[str, NDArray[np.float32]]]
    """The arrays of each network."""
    trees: Trees
    student: Mapping[str, NDArray[np.float32]] | None = None
    """The arrays of the small network, where there is one."""
    prior: tuple[float, ...] | None = None
    """Share of each class among the rows to predict, where it is not that of training; no part of the model's files."""

    @cached_property
    def _networks(self) -> list[NumpyNetwork]:
        return [NumpyNetwork(a, arrays) for a, arrays in zip(self.description.networks, self.weights, strict=True)]

    @cached_property
    def _student(self) -> NumpyNetwork | None:
        architecture = self.description.student
        return NumpyNetwork(architecture, self.student) if architecture and self.student else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities' columns."""
        return self.description.schema.classes

    def require(self, columns: Sequence[str]) -> None:
        """Refuses data without a column that the model needs.

        Raises:
            ModelError: one is missing.
        """
        given = set(columns)
        missing = [name for name in self.description.encoder.columns if name not in given]
        if missing:
            raise _missing_columns(missing, columns, self.description)

    def encode(self, rows: pa.RecordBatch) -> Features:
        """The features of rows, each row for itself."""
        return self.description.encoder.encode(rows)

    def predict_proba(self, features: Features, side: Side = "network") -> NDArray[np.float64]:
        """Calibrated probabilities, those of the large network for ``fast`` where there is no student.

        Shape:
            ``(n_rows, n_classes)``.

        Raises:
            ModelError: its numbers are so large that none come out.
        """
        with np.errstate(all="ignore"):
            proba = self._calibrated_proba(features, side)
            if self.prior is not None:
                proba = shift_prior(proba, self.description.class_shares, self.prior)
        _require_finite(proba, side)
        return proba

    def _calibrated_proba(self, features: Features, side: Side) -> NDArray[np.float64]:
        if side == "blend":
            return blend(self._calibrated_proba(features, "network"), self._calibrated_proba(features, "trees"))
        if side == "fast" and self._student:
            return self._student.predict_proba(self.description.scaler.scale(features))  # it learned calibrated answers
        return self.description.calibration(side).apply(self.raw_proba(features, side))

    def raw_proba(self, features: Features, side: Side) -> NDArray[np.floating]:
        """Probabilities as trained, before calibration; those of the large network for ``fast``.

        Shape:
            ``(n_rows, n_classes)``.

        Raises:
            ModelError: its numbers are so large that none come out.
        """
        with np.errstate(all="ignore"):
            if side == "trees":
                proba = self.trees.predict_proba(tree_inputs(features))
            else:
                inputs = self.description.scaler.scale(features)
                proba = np.mean([network.predict_proba(inputs) for network in self._networks], axis=0)
        _require_finite(proba, side)
        return proba

    def with_calibrations(self, network: Calibration, trees: Calibration) -> "Model":
        """The same model with other calibrations."""
        return replace(
            self, description=replace(self.description, network_calibration=network, trees_calibration=trees)
        )

    def with_student(self, architecture: Architecture, arrays: Mapping[str, NDArray[np.float32]]) -> "Model":
        """The same model with a small network."""
        return replace(self, description=replace(self.description, student=architecture), student=arrays)

    def with_decision(self, decision: Decision | None) -> "Model":
        """The same model with another way to decide between its two classes."""
        return replace(self, description=replace(self.description, decision=decision))

    def with_findings(self, findings: tuple[Finding, ...]) -> "Model":
        """The same model, with what was odd about its data and its run."""
        provenance = replace(self.description.provenance, findings=findings)
        return replace(self, description=replace(self.description, provenance=provenance))

    def files(self) -> dict[str, bytes]:
        """The model's files by ``role.extension``."""
        weights = {f"{i}.{name}": array for i, arrays in enumerate(self.weights) for name, array in arrays.items()}
        for i, projection in enumerate(self.description.encoder.projections):
            weights |= {f"text.{i}.{field.name}": getattr(projection, field.name) for field in fields(projection)}
        trees = {field.name: getattr(self.trees, field.name) for field in fields(self.trees)}
        files = {
            "model.json": dump_json(to_json(self.description)),
            "weights.safetensors": dump_arrays(weights),
            "trees.safetensors": dump_arrays(trees),
        }
        return files | ({"fast.safetensors": dump_arrays(self.student)} if self.student else {})

    def require_sha256(self, wanted: str | None) -> None:
        """Refuses to be another model than the one that is wanted.

        Raises:
            ModelError: it is.
        """
        if wanted is not None and wanted.lower() != self.sha256:
            raise ModelError(
                f"--expect-model: the model is another one, {self.sha256}; name another --model, or expect this one"
            )

    @cached_property
    def sha256(self) -> str:
        """Hash over weights, trees and description."""
        digests = (hashlib.sha256(content).hexdigest() for content in self.files().values())
        return hashlib.sha256("".join(digests).encode()).hexdigest()


def _require_finite(proba: NDArray[np.floating], side: Side) -> None:
    if not np.isfinite(proba).all():
        raise ModelError(f"the model's {side} gives no probabilities for some rows; {DAMAGED}")


def _missing_columns(names: Sequence[str], given: Sequence[str], description: Description) -> ModelError:
    """The error for data that lack columns of the model."""
    some, them = ("column", "it") if len(names) == 1 else ("columns", "them")
    own = {*description.encoder.columns, description.schema.target}
    spare = [name for name in given if name not in own]
    hint = f"{nearest_names(names[0], spare, 'the data also have')}; " if spare else ""
    return ModelError(
        f"the data lack the {some} {quoted_list(list(names))}, which the model needs; {hint}"
        f"rename or add {them} (empty cells are allowed){_how_it_was_read(names, description)}"
    )


def _how_it_was_read(missing: Sequence[str], description: Description) -> str:
    """What else may be the reason that columns are missing."""
    reading = description.schema.reading
    if not reading.has_header:
        return "; the model's own data had no header, and these are read so: where there is one, add --header"
    if reading.skip_rows:
        return f"; {reading.skip_rows:,} lines are skipped, as of the model's own data: add --skip-rows 0 to skip none"
    is_none_there = len(missing) == len(description.encoder.columns)
    return "; if a title or the like comes before the header, add --skip-rows N" if is_none_there else ""


_TEST, _VALIDATION, _WEIGHTS, _GROUPS = "", "validation.", "weights", "groups"


def save_model(path: Path, model: Model, heldout: Heldout, pages: Mapping[str, bytes]) -> None:
    """Writes a model folder, whole or not at all."""
    arrays = heldout.test.arrays(_TEST) | heldout.validation.arrays(_VALIDATION)
    write_folder(path, {**model.files(), "heldout.safetensors": dump_arrays(arrays)}, pages)


def load_model(path: Path) -> Model:
    """Reads a model folder; nothing in it is executed.

    Raises:
        ModelError: it cannot be read, is damaged, or is of a newer format.
    """
    return _settled(path, _load)


def _settled(path: Path, load: Callable[[Path, Manifest], T]) -> T:
    """Loads what a manifest names; again where that fails, for a run may have replaced the model meanwhile."""
    failed = None
    while True:
        manifest = read_manifest(path)
        try:
            return load(path, manifest)
        except ModelError:
            if manifest == failed:
                raise
            failed = manifest


def _load(path: Path, manifest: Manifest) -> Model:
    description = _read_description(path, manifest)
    arrays = _load_weights(path, manifest, description)
    require_roles(path, manifest, [*_ROLES, *(["fast"] if description.student else [])])
    weights = [{k: arrays[f"{i}.{k}"] for k in a.array_shapes()} for i, a in enumerate(description.networks)]
    texts = description.encoder.texts
    projections = tuple(
        TextProjection(**{k: arrays[f"text.{i}.{k}"] for k in text.array_shapes()}) for i, text in enumerate(texts)
    )
    if not all(projection.is_sound() for projection in projections):
        raise ModelError(f"{path}: its texts have n-grams that cannot be; {DAMAGED}")
    encoder = replace(description.encoder, projections=projections)
    tree_shapes, dtypes = description.trees.array_shapes(), description.trees.array_dtypes()
    trees = Trees(**_read_arrays(path, manifest, "trees", tree_shapes, dtypes))
    if not trees.is_sound(description.n_tree_features):
        raise ModelError(f"{path}: its trees do not lead to leaves; {DAMAGED}")
    return Model(replace(description, encoder=encoder), weights, trees, _load_student(path, manifest, description))


def _load_student(path: Path, manifest: Manifest, description: Description) -> Mapping[str, NDArray[np.float32]] | None:
    if description.student is None:
        return None
    shapes = description.student.array_shapes()
    return _read_arrays(path, manifest, "fast", shapes, dict.fromkeys(shapes, np.float32))


def _load_weights(path: Path, manifest: Manifest, description: Description) -> dict[str, NDArray[Any]]:
    """The arrays of all networks, and those of the texts that go into them."""
    shapes = ensemble_shapes(description.networks)
    dtypes: dict[str, type] = dict.fromkeys(shapes, np.float32)
    for i, text in enumerate(description.encoder.texts):
        shapes |= {f"text.{i}.{name}": shape for name, shape in text.array_shapes().items()}
        dtypes |= {f"text.{i}.{name}": dtype for name, dtype in text.array_dtypes().items()}
    return _read_arrays(path, manifest, "weights", shapes, dtypes)


def _read_arrays(
    path: Path, manifest: Manifest, role: str, shapes: Mapping[str, tuple[int, ...]], dtypes: Mapping[str, type]
) -> dict[str, NDArray[Any]]:
    """The arrays of a file; one that is larger than these are is not even read."""
    content = read_file(path, manifest, role, most_bytes(shapes, dtypes))
    return load_arrays(content, shapes, dtypes, f"{path}: {role}")


def _read_description(path: Path, manifest: Manifest) -> Description:
    data = parse_json(read_file(path, manifest, "model", _LARGEST_DESCRIPTION), f"{path}: model")
    description = from_json(Description, data, f"{path}: model")
    if not description.is_sound():
        raise ModelError(f"{path}: model: its parts do not fit each other; {DAMAGED}")
    return description


def load_with_heldout(path: Path) -> tuple[Model, Heldout]:
    """A model folder with its held-out rows.

    Raises:
        ModelError: the folder cannot be read or is damaged.
    """
    return _settled(path, _load_with_heldout)


def _load_with_heldout(path: Path, manifest: Manifest) -> tuple[Model, Heldout]:
    model = _load(path, manifest)
    n_classes, provenance = len(model.classes), model.description.provenance
    fast = ["fast"] if model.student else []
    parts = {
        _TEST: (provenance.n_test, [*_TEST_SIDES, *fast]),
        _VALIDATION: (provenance.n_validation, [*_VALIDATION_SIDES, *fast]),
    }
    extra = [*([_WEIGHTS] if provenance.weights.is_used else []), *([_GROUPS] if provenance.group is not None else [])]
    shapes: dict[str, tuple[int, ...]] = {}
    for part, (n_rows, sides) in parts.items():
        shapes |= {f"{part}{name}": (n_rows,) for name in ("labels", *extra)}
        shapes |= {f"{part}{side}": (n_rows, n_classes) for side in sides}
    dtypes: dict[str, type] = {name: np.int64 if name.endswith(("labels", _GROUPS)) else np.float64 for name in shapes}
    arrays = _read_arrays(path, manifest, "heldout", shapes, dtypes)
    test, validation = (
        Answers(
            arrays[f"{part}labels"],
            {side: arrays[part + side] for side in sides},
            *(arrays.get(f"{part}{name}") for name in (_WEIGHTS, _GROUPS)),
        )
        for part, (_, sides) in parts.items()
    )
    if not all(answers.is_sound(n_classes) for answers in (test, validation)):
        raise ModelError(f"{path}: its held-out rows have no such classes or probabilities; {DAMAGED}")
    return model, Heldout(test, validation)
