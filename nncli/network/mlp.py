"""The network: embeddings, hidden layers, one head per member; several independent nets in one stack."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nncli.bundle.architecture import Architecture
from nncli.network.embeddings import CategoryEmbedding, OneHot, PiecewiseLinearEmbedding, ValueEmbedding, uniform_
from nncli.network.layers import ACTIVATIONS, BatchDropout, StackedLinear


class MLP(nn.Module):
    """An MLP, or a stack of parameter-efficient ensembles of MLPs with numeric embeddings (TabM).

    Shape:
        ``x_num (B, n_num)``, ``x_cat (B, n_cat)``, ``x_dense (B, n_dense)``, ``x_value (B, numbers with codes)`` to
        logits ``(n_nets, n_members, B, n_classes)``.
    """

    def __init__(
        self,
        architecture: Architecture,
        bins: tuple[Tensor, Tensor] | None,
        dropout: float,
        generator: torch.Generator,
        dropout_generator: torch.Generator,
        value_dropout: float = 0.0,
    ) -> None:
        """Builds the layers with fresh weights.

        Args:
            architecture: the form.
            bins: from :func:`~nncli.network.embeddings.bin_edges`; ``None`` where numbers go in as they are.
            dropout: share of hidden units switched off.
            generator: source of the initial weights, on the CPU, so that every device starts alike.
            dropout_generator: source of the dropout masks, on the device of the training.
            value_dropout: share of the numbers that a step takes as quantities alone, in nets with vectors of values.
        """
        super().__init__()
        self.architecture = a = architecture
        self.num = PiecewiseLinearEmbedding(*bins, a.d_embedding, a.n_nets, generator) if bins else None
        self.values = ValueEmbedding(a.value_cardinalities, a.d_embedding, a.n_value_nets) if a.n_value_nets else None
        self.one_hot = OneHot(a.one_hot, [a.cat_cardinalities[j] for j in a.one_hot])
        self.cat = nn.ModuleDict(
            {str(j): CategoryEmbedding(a.cat_cardinalities[j], a.n_nets, generator) for j in a.embedded}
        )
        self.scale = nn.Parameter(_first_scaling(a, generator)) if a.is_ensemble else None
        widths = [a.d_in, *a.layers]
        self.hidden = nn.ModuleList(StackedLinear(a.n_nets, d_in, d_out, generator) for d_in, d_out in pairwise(widths))
        self.head_weight = nn.Parameter(
            uniform_((a.n_nets, a.n_members, widths[-1], a.n_classes), widths[-1], generator)
        )
        self.head_bias = nn.Parameter(uniform_((a.n_nets, a.n_members, a.n_classes), widths[-1], generator))
        self.activation = ACTIVATIONS[a.activation]
        self.dropout = BatchDropout(dropout, dropout_generator)
        self.value_dropout = BatchDropout(value_dropout, dropout_generator)

    def forward(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor, x_value: Tensor) -> Tensor:
        """Logits of every member."""
        *_, logits = self.layers(self.first_layer_inputs(x_num, x_cat, x_dense, x_value))
        return logits

    def layers(self, x: Tensor) -> Iterator[Tensor]:
        """The activations of every hidden layer of every member, then the logits.

        Args:
            x: what the first layer sees, shape ``(n_nets, B, d_in)``.

        Yields:
            Shape ``(n_nets, B * n_members, units)``, a row's members side by side; the logits as :meth:`forward`.
        """
        a = self.architecture
        for i, layer in enumerate(self.hidden):
            x = layer(x, self.scale) if i == 0 else layer(x, kept=self.dropout(a.n_nets, x.shape[2]))
            x = self.activation(x)
            yield x
        # (n_nets, B * n_members, d) to (n_nets * n_members, B, d)
        x = x.view(a.n_nets, -1, a.n_members, x.shape[2]).transpose(1, 2).flatten(0, 1)
        kept = self.dropout(a.n_nets * a.n_members, x.shape[2])
        weight = self.head_weight.flatten(0, 1)
        weight = weight if kept is None else weight * kept.unsqueeze(2)
        logits = torch.baddbmm(self.head_bias.flatten(0, 1).unsqueeze(1), x, weight)
        yield logits.view(a.n_nets, a.n_members, -1, a.n_classes)

    def first_layer_inputs(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor, x_value: Tensor) -> Tensor:
        """Everything that the first layer sees, side by side. Shape: ``(n_nets, B, d_in)``."""
        a = self.architecture
        n_plain = a.n_dense - a.n_text
        text = x_dense[:, n_plain:] * a.text_scale
        shared = torch.cat([x_dense[:, :n_plain], text, self.one_hot(x_cat)], dim=1)
        numbers = self.num(x_num) if self.num is not None else x_num.expand(a.n_nets, -1, -1)
        if self.values is not None:
            self.values.add_to_(numbers, x_value, self.value_dropout(a.n_value_nets, x_value.shape[1]))
        vectors = [self.cat[str(j)](x_cat[:, j]) for j in a.embedded]
        return torch.cat([numbers, shared.expand(a.n_nets, -1, -1), *vectors], dim=2)

    def predict_proba(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor, x_value: Tensor) -> Tensor:
        """Mean of the members' probabilities over all nets. Shape: ``(B, n_classes)``."""
        proba: Tensor = self(x_num, x_cat, x_dense, x_value).softmax(dim=-1).mean(dim=(0, 1))
        return proba

    def arrays(self) -> Mapping[str, Tensor]:
        """The tensors under the names of :meth:`Architecture.array_shapes`."""
        renamed = {"head_weight": "head.weight", "head_bias": "head.bias"}
        state = {name.removesuffix(".table"): tensor for name, tensor in self.state_dict().items()}
        return {renamed.get(name, name): tensor for name, tensor in state.items()}

    @torch.no_grad()
    def restore_(self, arrays: Mapping[str, Tensor]) -> None:
        """Takes the tensors of a trained network of the same form."""
        for name, tensor in self.arrays().items():
            tensor.copy_(arrays[name])


def restored_mlp(architecture: Architecture, arrays: Mapping[str, Tensor]) -> MLP:
    """A trained network that predicts."""
    has_bins = architecture.n_num and architecture.n_bins
    bins = (arrays["num.left"], arrays["num.inverse_width"]) if has_bins else None
    module = MLP(architecture, bins, 0.0, torch.Generator(), torch.Generator())
    module.restore_(arrays)
    return module.requires_grad_(False).eval()


def restored_mlps(
    architectures: Sequence[Architecture], weights: Sequence[Mapping[str, NDArray[np.float32]]]
) -> list[MLP]:
    """The networks of a model, from the arrays of each."""
    pairs = zip(architectures, weights, strict=True)
    return [restored_mlp(a, {name: torch.tensor(array) for name, array in arrays.items()}) for a, arrays in pairs]


def _first_scaling(architecture: Architecture, generator: torch.Generator) -> Tensor:
    """Members must differ before features mix: one random factor per member and feature, alike in its channels."""
    widths = torch.tensor(architecture.feature_widths, dtype=torch.long)
    shape = (architecture.n_nets, len(widths), architecture.n_members)
    if architecture.n_bins and architecture.n_num:
        factors = torch.empty(shape).normal_(generator=generator)
    else:
        factors = torch.empty(shape).random_(0, 2, generator=generator) * 2 - 1
    return factors.repeat_interleave(widths, dim=1)
