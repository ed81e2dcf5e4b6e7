"""Numbers and categories become vectors, another one in each net."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nncli.bundle.architecture import D_CATEGORY


class PiecewiseLinearEmbedding(nn.Module):
    """A linear embedding of each number plus a piecewise-linear one that starts at zero.

    Source: Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning"; version "B"
    of the rtdl-num-embeddings package.

    Shape:
        ``(B, n_num)`` to ``(n_nets, B, n_num * d_embedding)``.
    """

    def __init__(
        self, left: Tensor, inverse_width: Tensor, d_embedding: int, n_nets: int, generator: torch.Generator
    ) -> None:
        """Takes the bins of every column.

        Args:
            left: left edges, shape ``(n_num, n_bins)``.
            inverse_width: one over each bin's width; 0 for bins that pad a column with fewer.
            d_embedding: width of one number's vector.
            n_nets: the nets share the bins, not the vectors.
            generator: source of the initial weights.
        """
        super().__init__()
        n_num, n_bins = left.shape
        self.register_buffer("left", left)
        self.register_buffer("inverse_width", inverse_width)
        shape = (n_nets, n_num, d_embedding)  # one input feeds each embedding: the bound of its weights is 1
        self.linear = nn.Parameter(torch.empty(shape).uniform_(-1, 1, generator=generator))
        self.bias = nn.Parameter(torch.empty(shape).uniform_(-1, 1, generator=generator))
        self.bins = nn.Parameter(torch.zeros(n_nets, n_num, n_bins, d_embedding))

    def forward(self, x_num: Tensor) -> Tensor:
        """Embeds a batch: one matrix product a column, for all nets together."""
        n_nets, n_num, _, d_embedding = self.bins.shape
        columns = x_num.T.unsqueeze(-1)  # (n_num, B, 1)
        left, inverse_width = self.get_buffer("left"), self.get_buffer("inverse_width")
        shares = ((columns - left.unsqueeze(1)) * inverse_width.unsqueeze(1)).clamp_(0, 1)
        inputs = torch.cat([shares, columns, torch.ones_like(columns)], dim=2)
        weights = torch.cat([self.bins, self.linear.unsqueeze(2), self.bias.unsqueeze(2)], dim=2)
        vectors = torch.bmm(inputs, weights.permute(1, 2, 0, 3).flatten(2))  # (n_num, B, n_nets * d_embedding)
        return vectors.view(n_num, -1, n_nets, d_embedding).permute(2, 1, 0, 3).flatten(2)


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


class ValueEmbedding(nn.Module):
    """A vector for each value of a number that has a code, added to the number's embedding in the last nets.

    It starts at zero: a number is a quantity first, and a name where that helps. Where values are names, such as a
    limit or a code, no smooth curve through them helps. That such columns be treated as categories is an idea of arXiv
    2602.23182, "Fourier and implicit categorical features"; this form of it is ours.
    """

    def __init__(self, value_cardinalities: Sequence[int], d_embedding: int, n_nets: int) -> None:
        """Takes the number of codes of each number's values, 0 for none, and how many nets use them."""
        super().__init__()
        codes = torch.tensor(value_cardinalities)
        valued = codes.nonzero().squeeze(1)
        self.register_buffer("valued", valued, persistent=False)
        self.register_buffer("offsets", (codes.cumsum(0) - codes)[valued], persistent=False)
        self.table = nn.Parameter(torch.zeros(n_nets, int(codes.sum()), d_embedding))

    def add_to_(self, numbers: Tensor, x_value: Tensor, kept: Tensor | None) -> None:
        """Adds the vectors in place.

        Args:
            numbers: embedded numbers of all nets, ``(all nets, B, n_num * d_embedding)``.
            x_value: codes, ``(B, numbers with codes)``.
            kept: a factor for each net and number with codes; see :class:`~nncli.network.layers.BatchDropout`.
        """
        vectors = _looked_up(self.table, x_value + self.get_buffer("offsets"))  # (n_nets, B, numbers, width)
        if kept is not None:
            vectors = vectors * kept[:, None, :, None]
        n_nets, n_rows, _, width = vectors.shape
        of_numbers = numbers[-n_nets:].view(n_nets, n_rows, -1, width)
        of_numbers.index_add_(2, self.get_buffer("valued"), vectors)


class OneHot(nn.Module):
    """One-hot vectors of some categories side by side; code 0 is all zeros.

    Shape:
        ``(B, n_cat)`` int to ``(B, sum of cardinalities - their number)``.
    """

    def __init__(self, columns: list[int], cardinalities: list[int]) -> None:
        """Takes the positions of the columns, and the number of codes of each."""
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.long), persistent=False)
        offsets = torch.tensor([0, *(codes - 1 for codes in cardinalities)]).cumsum(0)
        self.register_buffer("offsets", offsets[:-1].clone(), persistent=False)
        self._width = int(offsets[-1])

    def forward(self, x_cat: Tensor) -> Tensor:
        """Encodes a batch."""
        codes = x_cat.index_select(1, self.get_buffer("columns")).long()  # a list of positions would stall a GPU
        hot = torch.zeros(codes.shape[0], self._width + 1, device=codes.device)  # len() would fix an export's batch
        # Code 0 has no column: it is written to a spare one that is cut off.
        hot.scatter_(1, torch.where(codes > 0, codes - 1 + self.get_buffer("offsets"), self._width), 1.0)
        return hot[:, :-1]


class CategoryEmbedding(nn.Module):
    """A learned vector for each code of one category; that of code 0 starts as zeros.

    Shape:
        ``(B,)`` int to ``(n_nets, B, D_CATEGORY)``.
    """

    def __init__(self, cardinality: int, n_nets: int, generator: torch.Generator) -> None:
        """Takes the number of codes."""
        super().__init__()
        table = torch.empty(n_nets, cardinality, D_CATEGORY).normal_(generator=generator)
        table[:, 0] = 0
        self.table = nn.Parameter(table)

    def forward(self, codes: Tensor) -> Tensor:
        """Looks a batch up."""
        return _looked_up(self.table, codes)


def _looked_up(table: Tensor, codes: Tensor) -> Tensor:
    """Each code's vector in each net, by one look-up for all nets.

    Shape:
        ``(n_nets, n_codes, width)`` and codes of any shape to ``(n_nets, *codes.shape, width)``.
    """
    n_nets, n_codes, width = table.shape
    vectors = F.embedding(codes.long(), table.transpose(0, 1).reshape(n_codes, n_nets * width))
    return vectors.view(*codes.shape, n_nets, width).movedim(-2, 0)


def uniform_(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    """Initial weights: uniform within one over the root of the fan-in."""
    bound = 1 / math.sqrt(max(fan_in, 1))
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
