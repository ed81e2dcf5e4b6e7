"""Numbers and categories become vectors."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nncli.bundle.architecture import D_CATEGORY


class PiecewiseLinearEmbedding(nn.Module):
    """A linear embedding of each number plus a piecewise-linear one that starts at zero.

    Source: Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning"; version "B"
    of the rtdl-num-embeddings package.

    Shape:
        ``(B, n_num)`` to ``(B, n_num * d_embedding)``.
    """

    def __init__(self, left: Tensor, inverse_width: Tensor, d_embedding: int, generator: torch.Generator) -> None:
        """Takes the bins of every column.

        Args:
            left: left edges, shape ``(n_num, n_bins)``.
            inverse_width: one over each bin's width; 0 for bins that pad a column with fewer.
            d_embedding: width of one number's vector.
            generator: source of the initial weights.
        """
        super().__init__()
        n_num, n_bins = left.shape
        self.register_buffer("left", left)
        self.register_buffer("inverse_width", inverse_width)
        bound = 1.0  # one input feeds each embedding
        self.linear = nn.Parameter(torch.empty(n_num, d_embedding).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(n_num, d_embedding).uniform_(-bound, bound, generator=generator))
        self.bins = nn.Parameter(torch.zeros(n_num, n_bins, d_embedding))

    def forward(self, x_num: Tensor) -> Tensor:
        """Embeds a batch."""
        columns = x_num.T.unsqueeze(-1)  # (n_num, B, 1)
        left, inverse_width = self.get_buffer("left"), self.get_buffer("inverse_width")
        shares = ((columns - left.unsqueeze(1)) * inverse_width.unsqueeze(1)).clamp(0, 1)
        linear = torch.addcmul(self.bias.unsqueeze(1), columns, self.linear.unsqueeze(1))
        return torch.baddbmm(linear, shares, self.bins).transpose(0, 1).flatten(1)


def bin_edges(x_num: Tensor, n_bins: int) -> tuple[Tensor, Tensor]:
    """Left edges and inverse widths of each column's bins, both ``(n_num, n_bins)``; short columns are padded.

    Half of the edges are quantiles of the rows, half are quantiles of the distinct values: a column that is mostly
    zero would otherwise get all its edges there.

    Args:
        x_num: training rows, shape ``(n_rows, n_num)``.
        n_bins: the most bins of a column.
    """
    left = torch.zeros(x_num.shape[1], n_bins)
    inverse_width = torch.zeros(x_num.shape[1], n_bins)
    ordered = x_num.sort(dim=0).values
    for j, column in enumerate(ordered.unbind(1)):
        distinct = column[torch.cat([torch.ones(1, dtype=torch.bool), column.diff() > 0])]
        half = n_bins // 2
        # n_bins + 1 edges in all: both halves hold the first and the last value.
        chosen = torch.cat([_spread(column, half + 2), _spread(distinct, n_bins - half + 1)]).sort().values
        edges = chosen[torch.cat([torch.ones(1, dtype=torch.bool), chosen.diff() > 0])]
        widths = edges.diff()
        left[j, : len(widths)] = edges[:-1]
        inverse_width[j, : len(widths)] = 1 / widths
    return left, inverse_width


def _spread(ordered: Tensor, n: int) -> Tensor:
    """``n`` values at even ranks, the first and the last among them."""
    return ordered[torch.linspace(0, len(ordered) - 1, n).round().long()]


class CategoryEmbedding(nn.Module):
    """One-hot vectors for categories with few codes, learned vectors for the others; code 0 starts as zeros.

    Shape:
        ``(B, n_cat)`` int to ``(B, d_out)``: one-hot columns first, then embeddings.
    """

    def __init__(
        self, cardinalities: tuple[int, ...], one_hot: list[int], embedded: list[int], generator: torch.Generator
    ) -> None:
        """Sorts the columns into those that are one-hot encoded and those that are embedded."""
        super().__init__()
        self._one_hot, self._embedded = one_hot, embedded
        widths = [cardinalities[j] - 1 for j in one_hot]
        offsets = torch.tensor([0, *widths], dtype=torch.long).cumsum(0)
        self.register_buffer("offsets", offsets[:-1], persistent=False)
        self._n_one_hot = int(offsets[-1])
        self.tables = nn.ParameterDict()
        for j in embedded:
            table = torch.empty(cardinalities[j], D_CATEGORY).normal_(generator=generator)
            table[0] = 0
            self.tables[str(j)] = nn.Parameter(table)

    def forward(self, x_cat: Tensor) -> Tensor:
        """Encodes a batch."""
        codes = x_cat[:, self._one_hot].long()
        hot = torch.zeros(len(x_cat), self._n_one_hot + 1, device=x_cat.device)
        # Code 0 has no column: it is written to a spare one that is cut off.
        places = torch.where(codes > 0, codes - 1 + self.get_buffer("offsets"), self._n_one_hot)
        hot.scatter_(1, places, 1.0)
        vectors = [F.embedding(x_cat[:, j].long(), self.tables[str(j)]) for j in self._embedded]
        return torch.cat([hot[:, :-1], *vectors], dim=1)


def uniform_(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    """Initial weights: uniform within one over the root of the fan-in."""
    bound = 1 / math.sqrt(max(fan_in, 1))
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
