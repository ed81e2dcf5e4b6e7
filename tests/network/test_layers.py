import torch
from torch.nn import functional as F

from nncli.bundle.architecture import Architecture
from nncli.network.embeddings import (
    CategoryEmbedding,
    OneHot,
    PiecewiseLinearEmbedding,
    ValueEmbedding,
    bin_edges,
)
from nncli.network.layers import BatchDropout, StackedLinear
from nncli.network.mlp import MLP


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_stacked_linear_is_a_linear_layer_in_each_net() -> None:
    layer = StackedLinear(3, 5, 4, generator())
    x = torch.randn(3, 7, 5, generator=generator(1))
    nets = [F.linear(x[net], layer.weight[net].T, layer.bias[net]) for net in range(3)]
    torch.testing.assert_close(layer(x), torch.stack(nets))


def test_a_scale_makes_members_that_stand_side_by_side() -> None:
    layer = StackedLinear(3, 5, 4, generator())
    x, scale = torch.randn(3, 7, 5, generator=generator(1)), torch.randn(3, 5, 2, generator=generator(2))
    members = [layer(x * scale[:, None, :, k]) for k in range(2)]
    torch.testing.assert_close(layer(x, scale).view(3, 7, 2, 4), torch.stack(members, dim=2))


def test_dropout_is_a_factor_for_each_unit_and_keeps_the_mean() -> None:
    dropout = BatchDropout(0.25, generator()).train()
    kept = dropout(3, 40_000)
    assert kept is not None
    assert torch.equal(kept.unique(), torch.tensor([0, 1 / 0.75]))
    assert not torch.equal(kept[0], kept[1])
    assert abs(float(kept.mean()) - 1) < 0.01
    assert not torch.equal(kept, dropout(3, 40_000))
    assert dropout.eval()(3, 4) is None


def test_switching_units_off_in_the_weights_is_switching_them_off_in_the_rows() -> None:
    layer, x = StackedLinear(3, 5, 4, generator()), torch.randn(3, 7, 5, generator=generator(1))
    kept = torch.tensor([[0.0, 2, 1, 0, 2]] * 3)
    torch.testing.assert_close(layer(x, kept=kept), layer(x * kept.unsqueeze(1)))


def test_bins_cover_the_range_and_follow_rows_and_values() -> None:
    mostly_zero = torch.cat([torch.zeros(900), torch.linspace(1, 10, 100)])
    x_num = torch.stack([mostly_zero, torch.linspace(-1, 1, 1000), torch.ones(1000)], dim=1)
    left, inverse_width = bin_edges(x_num, 8)
    n_bins = (inverse_width > 0).sum(dim=1)
    assert n_bins[0] >= 4  # quantiles of the rows alone would give one
    assert n_bins[2] == 0
    for j in (0, 1):
        edges, widths = left[j, : n_bins[j]], 1 / inverse_width[j, : n_bins[j]]
        torch.testing.assert_close(edges[0] + widths.sum(), x_num[:, j].max())
        torch.testing.assert_close(edges[1:], (edges + widths)[:-1])


def test_piecewise_linear_embedding_starts_linear_and_is_continuous() -> None:
    x = torch.linspace(-2, 2, 401).unsqueeze(1)
    embedding = PiecewiseLinearEmbedding(*bin_edges(x, 8), 3, 2, generator())
    with torch.no_grad():
        start = embedding(x)
        torch.testing.assert_close(start, x * embedding.linear + embedding.bias)
        embedding.bins.normal_(generator=generator(1))
        for moved in embedding(x):
            assert float(moved.diff(dim=0).abs().max()) < 0.2
            middle_of_bins = (moved[2:] - 2 * moved[1:-1] + moved[:-2]).abs().amax(dim=1) < 1e-5
            assert int((~middle_of_bins).sum()) <= 7  # a kink at each inner edge, nowhere else


def test_each_number_has_vectors_of_its_own() -> None:
    x = torch.randn(30, 2, generator=generator(1))
    embedding = PiecewiseLinearEmbedding(*bin_edges(x, 4), 3, 2, generator())
    with torch.no_grad():
        embedding.bins.normal_(generator=generator(2))
        both, moved = embedding(x), embedding(torch.stack([x[:, 0], x[:, 1] + 1], dim=1))
    assert torch.equal(both[:, :, :3], moved[:, :, :3])
    assert not torch.isclose(both[:, :, 3:], moved[:, :, 3:]).all(dim=-1).any()


def test_values_add_their_vectors_to_their_numbers_in_the_last_nets() -> None:
    embedding = ValueEmbedding([3, 0, 4], 2, n_nets=2)
    numbers = torch.randn(3, 5, 6, generator=generator(1))
    x_value = torch.tensor([[0, 1], [1, 3], [2, 0], [2, 2], [0, 0]], dtype=torch.int32)
    start = numbers.clone()
    embedding.add_to_(start, x_value, None)
    assert torch.equal(start, numbers)
    with torch.no_grad():
        embedding.table.normal_(generator=generator(2))
    kept = torch.tensor([[1.0, 0.0], [2.0, 1.0]])
    for factors in (None, kept):
        found = numbers.clone()
        embedding.add_to_(found, x_value, factors)
        expected = numbers.clone().view(3, 5, 3, 2)
        for net in (0, 1):
            for row, (first, third) in enumerate(x_value.tolist()):
                for position, (number, code) in enumerate(((0, first), (2, 3 + third))):
                    factor = 1.0 if factors is None else factors[net, position]
                    expected[1 + net, row, number] += factor * embedding.table[net, code]
        torch.testing.assert_close(found.view(3, 5, 3, 2), expected)


def test_categories_are_one_hot_or_looked_up_and_code_zero_starts_as_nothing() -> None:
    hot = OneHot([0, 2], [3, 4])(torch.tensor([[0, 9, 0], [2, 9, 1]], dtype=torch.int32))
    assert hot.tolist() == [[0] * 5, [0, 1, 1, 0, 0]]
    embedding = CategoryEmbedding(50, 2, generator())
    out = embedding(torch.tensor([0, 7], dtype=torch.int32))
    assert out.shape == (2, 2, 8)
    assert not out[:, 0].any()
    torch.testing.assert_close(out[:, 1], embedding.table[:, 7])


def test_nets_and_members_differ_from_the_first_step_and_the_seed_decides() -> None:
    architecture = Architecture(
        n_num=2, n_dense=0, cat_cardinalities=(3,), n_classes=2, layers=(8,), activation="relu",
        n_nets=2, n_members=4, n_bins=0, d_embedding=0,
    )  # fmt: skip
    x_num, x_cat = torch.randn(5, 2, generator=generator(3)), torch.ones(5, 1, dtype=torch.int32)
    x = x_num, x_cat, torch.zeros(5, 0), x_cat[:, :0]

    def logits(seed: int) -> torch.Tensor:
        return MLP(architecture, None, 0.0, generator(seed), generator(seed)).eval()(*x)

    first = logits(0)
    assert first.shape == (2, 4, 5, 2)
    assert not torch.allclose(first[0, 0], first[0, 1])
    assert not torch.allclose(first[0], first[1])
    assert torch.equal(first, logits(0))
    assert not torch.equal(first, logits(1))
