"""The network: embeddings, hidden layers, one head per member."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from nncli.bundle.architecture import Architecture
from nncli.network.embeddings import CategoryEmbedding, PiecewiseLinearEmbedding, uniform_
from nncli.network.layers import ACTIVATIONS, EnsembleLinear, SharedDropout


class MLP(nn.Module):
    """An MLP, or a parameter-efficient ensemble of MLPs with numeric embeddings (TabM).

    Shape:
        ``x_num (B, n_num)``, ``x_cat (B, n_cat)``, ``x_dense (B, n_dense)`` to logits ``(n_members, B, n_classes)``.
    """

    def __init__(
        self,
        architecture: Architecture,
        bins: tuple[Tensor, Tensor] | None,
        dropout: float,
        generator: torch.Generator,
        dropout_generator: torch.Generator,
    ) -> None:
        """Builds the layers with fresh weights.

        Args:
            architecture: the form.
            bins: from :func:`~nncli.network.embeddings.bin_edges`; ``None`` where numbers go in as they are.
            dropout: share of hidden units switched off.
            generator: source of the initial weights, on the CPU, so that every device starts alike.
            dropout_generator: source of the dropout masks, on the device of the training.
        """
        super().__init__()
        a = architecture
        self.num = PiecewiseLinearEmbedding(*bins, a.d_embedding, generator) if bins else None
        self.cat = CategoryEmbedding(a.cat_cardinalities, a.one_hot, a.embedded, generator)
        widths = [a.d_in, *a.layers]
        self.hidden = nn.ModuleList(
            EnsembleLinear(d_in, d_out, a.n_members, generator) for d_in, d_out in pairwise(widths)
        )
        if a.is_ensemble:
            self.hidden[0].r.data = _first_scaling(a, generator)
        self.head_weight = nn.Parameter(uniform_((a.n_members, widths[-1], a.n_classes), widths[-1], generator))
        self.head_bias = nn.Parameter(uniform_((a.n_members, a.n_classes), widths[-1], generator))
        self.activation = ACTIVATIONS[a.activation]
        self.dropout = SharedDropout(dropout, dropout_generator)

    def forward(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor) -> Tensor:
        """Logits of every member."""
        numbers = self.num(x_num) if self.num is not None else x_num
        hidden = torch.cat([numbers, x_dense, self.cat(x_cat)], dim=1).unsqueeze(0)
        for layer in self.hidden:
            hidden = self.dropout(self.activation(layer(hidden)))
        return torch.baddbmm(self.head_bias.unsqueeze(1), hidden, self.head_weight)

    def predict_proba(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor) -> Tensor:
        """Mean of the members' probabilities. Shape: ``(B, n_classes)``."""
        proba: Tensor = self(x_num, x_cat, x_dense).softmax(dim=-1).mean(dim=0)
        return proba

    def arrays(self) -> Mapping[str, Tensor]:
        """The tensors under the names of :meth:`Architecture.array_shapes`."""
        renamed = {"head_weight": "head.weight", "head_bias": "head.bias"}
        state = {name.replace("cat.tables.", "cat."): tensor for name, tensor in self.state_dict().items()}
        return {renamed.get(name, name): tensor for name, tensor in state.items()}


def _first_scaling(architecture: Architecture, generator: torch.Generator) -> Tensor:
    """Members must differ before features mix: one random factor per member and feature, alike in its channels."""
    widths = torch.tensor(architecture.feature_widths, dtype=torch.long)
    shape = (architecture.n_members, len(widths))
    if architecture.n_bins and architecture.n_num:
        factors = torch.empty(shape).normal_(generator=generator)
    else:
        factors = torch.empty(shape).random_(0, 2, generator=generator) * 2 - 1
    return factors.repeat_interleave(widths, dim=1)
