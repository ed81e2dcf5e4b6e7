"""The network's form in numbers, from which the shape of every array follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from nncli.settings import Activation, can_be_layers

MOST_ONE_HOT = 33
"""Categories with more codes than this are embedded instead of one-hot encoded."""
D_CATEGORY = 8
"""Width of a category's embedding."""
_MOST = 1024
"""Nets, members of a net, bins and numbers in an embedding, far beyond what is trained."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """``n_nets`` independent networks of ``n_members`` MLPs each; one net of one member is a plain MLP.

    The members of a net share its hidden weights and differ in the scaling of their inputs and in their heads.
    Source: Gorishniy et al. 2025, "TabM: Advancing tabular deep learning with parameter-efficient ensembling", the
    variant called mini.
    """

    n_num: int
    n_dense: int
    cat_cardinalities: tuple[int, ...]
    n_classes: int
    layers: tuple[int, ...]
    """Units of each hidden layer."""
    activation: Activation
    n_nets: int
    n_members: int
    """Of each net."""
    n_bins: int
    """Bins of the piecewise-linear numeric embedding; 0: numbers go in as they are."""
    d_embedding: int
    """Width of one number's embedding."""
    n_text: int = 0
    """Columns at the end of ``x_dense`` that are text."""
    text_scale: float = 1.0
    """What these are multiplied by: a hundred columns of unit scale drown all others where the text says little."""
    value_cardinalities: tuple[int, ...] = ()
    """Codes of each number's values, 0 where they have none."""
    n_value_nets: int = 0
    """Nets, the last ones, in which these values have vectors of their own, added to the number's embedding."""

    def is_sound(self) -> bool:
        """Whether each of its own numbers can be; most others stand in the encoder and the scaler too."""
        has_vectors = 1 <= self.d_embedding <= _MOST if self.n_bins else self.d_embedding >= 0
        return (
            can_be_layers(self.layers)
            and 1 <= self.n_nets <= _MOST
            and 1 <= self.n_members <= _MOST
            and 0 <= self.n_bins <= _MOST
            and has_vectors
            and 0 <= self.n_value_nets <= self.most_value_nets
        )

    @property
    def is_ensemble(self) -> bool:
        """Whether a net has members with scalings of their own."""
        return self.n_members > 1

    @property
    def form(self) -> str:
        """For people, such as ``2 nets of 8 members, layers 64,64,64``."""
        nets = [f"{self.n_nets} nets"] if self.n_nets > 1 else []
        members = [f"{self.n_members} members"] if self.is_ensemble else []
        ensemble = [" of ".join(nets + members)] if nets or members else []
        return ", ".join([*ensemble, f"layers {','.join(map(str, self.layers))}"])

    @property
    def one_hot(self) -> list[int]:
        """Positions of the categories that are one-hot encoded."""
        return [j for j, codes in enumerate(self.cat_cardinalities) if codes <= MOST_ONE_HOT]

    @property
    def embedded(self) -> list[int]:
        """Positions of the categories that are embedded."""
        return [j for j, codes in enumerate(self.cat_cardinalities) if codes > MOST_ONE_HOT]

    @property
    def valued(self) -> list[int]:
        """Positions of the numbers whose values have codes."""
        return [j for j, codes in enumerate(self.value_cardinalities) if codes]

    @property
    def most_value_nets(self) -> int:
        """Nets in which values could have vectors: none where no value has a code, or numbers have no embedding."""
        return self.n_nets if self.n_bins and self.valued else 0

    @property
    def feature_widths(self) -> list[int]:
        """Inputs of the first layer that belong together: numbers, dense columns, one-hot, embedded categories."""
        return [
            *([self.d_embedding if self.n_bins else 1] * self.n_num),
            *([1] * self.n_dense),
            *(self.cat_cardinalities[j] - 1 for j in self.one_hot),  # code 0 is all zeros
            *([D_CATEGORY] * len(self.embedded)),
        ]

    @property
    def d_in(self) -> int:
        """Inputs of the first layer."""
        return sum(self.feature_widths)

    @property
    def n_weights(self) -> int:
        """Weights that one row is multiplied with, all members of all nets together."""
        widths = [self.d_in, *self.layers, self.n_classes]
        return self.n_nets * self.n_members * sum(a * b for a, b in pairwise(widths))

    @property
    def n_parameters(self) -> int:
        """Numbers that were learned: all arrays but the edges of the bins."""
        shapes = self.array_shapes().items()
        return sum(prod(shape) for name, shape in shapes if name not in ("num.left", "num.inverse_width"))

    def array_shapes(self) -> dict[str, Shape]:
        """Name and shape of every array of the network, in order."""
        shapes: dict[str, Shape] = {}
        nets = self.n_nets
        if self.n_num and self.n_bins:
            shapes["num.left"] = (self.n_num, self.n_bins)
            shapes["num.inverse_width"] = (self.n_num, self.n_bins)
            shapes["num.bins"] = (nets, self.n_num, self.n_bins, self.d_embedding)
            shapes["num.linear"] = (nets, self.n_num, self.d_embedding)
            shapes["num.bias"] = (nets, self.n_num, self.d_embedding)
        if self.n_value_nets:
            shapes["values"] = (self.n_value_nets, sum(self.value_cardinalities), self.d_embedding)
        for j in self.embedded:
            shapes[f"cat.{j}"] = (nets, self.cat_cardinalities[j], D_CATEGORY)
        if self.is_ensemble:
            shapes["scale"] = (nets, self.d_in, self.n_members)
        for i, (d_in, d_out) in enumerate(pairwise([self.d_in, *self.layers])):
            shapes[f"hidden.{i}.weight"] = (nets, d_in, d_out)
            shapes[f"hidden.{i}.bias"] = (nets, d_out)
        shapes["head.weight"] = (nets, self.n_members, self.layers[-1], self.n_classes)
        shapes["head.bias"] = (nets, self.n_members, self.n_classes)
        return shapes


def ensemble_shapes(networks: Sequence[Architecture]) -> dict[str, Shape]:
    """Name and shape of every array of several networks: each name begins with the network's position."""
    return {f"{i}.{name}": shape for i, a in enumerate(networks) for name, shape in a.array_shapes().items()}
