import torch
from torch.nn import functional as F

from nncli.bundle.architecture import Architecture
from nncli.network.embeddings import CategoryEmbedding, PiecewiseLinearEmbedding, bin_edges
from nncli.network.layers import EnsembleLinear, SharedDropout
from nncli.network.mlp import MLP


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_ensemble_linear_is_batch_ensembles_formula() -> None:
    layer = EnsembleLinear(5, 3, 4, generator())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator(1))
        x = torch.randn(4, 7, 5, generator=generator(2))
        members = [(x[k] * layer.r[k]) @ layer.weight * layer.s[k] + layer.bias[k] for k in range(4)]
        torch.testing.assert_close(layer(x), torch.stack(members))


def test_members_share_one_input() -> None:
    layer = EnsembleLinear(5, 3, 4, generator())
    x = torch.randn(1, 7, 5, generator=generator(2))
    torch.testing.assert_close(layer(x), layer(x.expand(4, -1, -1)))


def test_one_member_is_a_plain_linear_layer() -> None:
    layer = EnsembleLinear(5, 3, 1, generator())
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
    x = torch.randn(1, 7, 5, generator=generator(2))
    torch.testing.assert_close(layer(x)[0], F.linear(x[0], layer.weight.T, layer.bias[0]))


def test_dropout_shares_its_mask_and_keeps_the_mean() -> None:
    dropout = SharedDropout(0.25, generator())
    x = torch.ones(3, 200, 200)
    out = dropout.train()(x)
    assert torch.equal(out[0], out[1])
    assert abs(float((out == 0).float().mean()) - 0.25) < 0.01
    assert abs(float(out.mean()) - 1) < 0.01
    assert torch.equal(dropout.eval()(x), x)
    rare = SharedDropout(0.001, generator()).train()(x)
    assert 0 < int((rare[0] == 0).sum()) < 100


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
    embedding = PiecewiseLinearEmbedding(*bin_edges(x, 8), 3, generator())
    with torch.no_grad():
        start = embedding(x)
        torch.testing.assert_close(start, x * embedding.linear[0] + embedding.bias[0])
        embedding.bins.normal_(generator=generator(1))
        moved = embedding(x)
        assert float(moved.diff(dim=0).abs().max()) < 0.2
        middle_of_bins = (moved[2:] - 2 * moved[1:-1] + moved[:-2]).abs().amax(dim=1) < 1e-5
        assert int((~middle_of_bins).sum()) <= 7  # a kink at each inner edge, nowhere else


def test_categories_are_one_hot_or_looked_up_and_code_zero_starts_as_nothing() -> None:
    embedding = CategoryEmbedding((3, 50, 4), [0, 2], [1], generator())
    out = embedding(torch.tensor([[0, 0, 0], [2, 7, 1]], dtype=torch.int32))
    assert out.shape == (2, 2 + 3 + 8)
    assert not out[0].any()
    assert out[1, :5].tolist() == [0, 1, 1, 0, 0]
    torch.testing.assert_close(out[1, 5:], embedding.tables["1"][7])


def test_members_differ_from_the_first_step_and_the_seed_decides() -> None:
    architecture = Architecture(
        n_num=2, n_dense=0, cat_cardinalities=(3,), n_classes=2, layers=(8,), activation="relu",
        n_members=4, n_bins=0, d_embedding=0,
    )  # fmt: skip
    x = torch.randn(5, 2, generator=generator(3)), torch.ones(5, 1, dtype=torch.int32), torch.zeros(5, 0)

    def logits(seed: int) -> torch.Tensor:
        return MLP(architecture, None, 0.0, generator(seed), generator(seed)).eval()(*x)

    first = logits(0)
    assert first.shape == (4, 5, 2)
    assert not torch.allclose(first[0], first[1])
    assert torch.equal(first, logits(0))
    assert not torch.equal(first, logits(1))
