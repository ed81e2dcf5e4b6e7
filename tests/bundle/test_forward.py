from dataclasses import replace

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from nncli.bundle.architecture import MOST_ONE_HOT, Architecture
from nncli.bundle.forward import TILE_ROWS, NumpyNetwork
from nncli.features.scaling import NetworkInputs
from nncli.network.embeddings import bin_edges
from nncli.network.mlp import MLP
from nncli.settings import Activation


def make(
    n_members: int = 4, n_bins: int = 5, activation: Activation = "relu", n_num: int = 3, n_nets: int = 2
) -> Architecture:
    return Architecture(
        n_num=n_num,
        n_dense=2,
        cat_cardinalities=(3, MOST_ONE_HOT + 7, 1),
        n_classes=3,
        layers=(16, 8),
        activation=activation,
        n_nets=n_nets,
        n_members=n_members,
        n_bins=n_bins,
        d_embedding=4,
        n_text=1,
        text_scale=0.3,
        value_cardinalities=(4, 0, 9)[:n_num],
        n_value_nets=(n_nets + 1) // 2 if n_bins and n_num else 0,
    )


def random_inputs(architecture: Architecture, n_rows: int) -> NetworkInputs:
    random = np.random.default_rng(0)
    codes = [random.integers(0, most, size=n_rows) for most in architecture.cat_cardinalities]
    n_valued = len(architecture.valued)
    return NetworkInputs(
        random.normal(size=(n_rows, architecture.n_num)).astype(np.float32),
        np.column_stack(codes).astype(np.int32),
        random.normal(size=(n_rows, architecture.n_dense)).astype(np.float32),
        random.integers(
            0, [architecture.value_cardinalities[j] for j in architecture.valued], (n_rows, n_valued)
        ).astype(np.int32),
    )


def random_module(architecture: Architecture, inputs: NetworkInputs) -> MLP:
    generator = torch.Generator().manual_seed(0)
    has_bins = architecture.n_bins and architecture.n_num
    bins = bin_edges(torch.from_numpy(inputs.x_num), architecture.n_bins) if has_bins else None
    module = MLP(architecture, bins, 0.1, generator, generator).eval()
    with torch.no_grad():  # away from the start, where scalings are one and bins are zero
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module


def tensors(inputs: NetworkInputs) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in (inputs.x_num, inputs.x_cat, inputs.x_dense, inputs.x_value)]


@pytest.mark.parametrize(("n_nets", "n_members"), [(1, 1), (1, 4), (3, 1), (3, 4)])
@pytest.mark.parametrize("n_bins", [0, 5])
@pytest.mark.parametrize("n_num", [0, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "selu", "silu", "sigmoid"])
def test_numpy_equals_torch(n_nets: int, n_members: int, n_bins: int, n_num: int, activation: Activation) -> None:
    architecture = make(n_members, n_bins, activation, n_num, n_nets)
    inputs = random_inputs(architecture, 300)
    module = random_module(architecture, inputs)
    arrays = {name: tensor.detach().numpy() for name, tensor in module.arrays().items()}
    with torch.no_grad():
        expected = module.predict_proba(*tensors(inputs))
    found = NumpyNetwork(architecture, arrays).predict_proba(inputs)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_text_counts_as_much_as_its_scale_says() -> None:
    """Text times a scale is what smaller text would be; the columns before it stay as they are."""
    architecture = make()
    inputs = random_inputs(architecture, 50)
    arrays = {k: v.detach().numpy() for k, v in random_module(architecture, inputs).arrays().items()}
    smaller = replace(inputs, x_dense=inputs.x_dense * np.array([1, 0.3], np.float32))
    found = NumpyNetwork(architecture, arrays).predict_proba(inputs)
    expected = NumpyNetwork(replace(architecture, text_scale=1.0), arrays).predict_proba(smaller)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_arrays_have_the_names_and_shapes_that_the_architecture_states() -> None:
    for n_members, n_bins in ((1, 0), (1, 5), (4, 0), (4, 5)):
        architecture = make(n_members, n_bins)
        module = random_module(architecture, random_inputs(architecture, 20))
        shapes = {name: tuple(tensor.shape) for name, tensor in module.arrays().items()}
        assert shapes == architecture.array_shapes()


@pytest.mark.parametrize(("n_nets", "n_members", "layers"), [(2, 1, (64, 64)), (2, 8, (48, 16)), (4, 3, (33, 7))])
def test_a_row_has_the_same_bits_whatever_rows_come_with_it(n_nets: int, n_members: int, layers: tuple[int]) -> None:
    architecture = replace(make(n_members, n_nets=n_nets), layers=layers)
    inputs = random_inputs(architecture, 3 * TILE_ROWS)
    module = random_module(architecture, inputs)
    network = NumpyNetwork(architecture, {k: v.detach().numpy() for k, v in module.arrays().items()})
    with threadpool_limits(1):  # as predict has it: it shares rows out among threads, not products
        whole = network.predict_proba(inputs)
        for n_rows in (1, 7, TILE_ROWS - 1, TILE_ROWS, TILE_ROWS + 1):
            for start in range(0, TILE_ROWS, 29):
                rows = slice(start, start + n_rows)
                np.testing.assert_array_equal(network.predict_proba(inputs.take(rows)), whole[rows])


def test_no_rows_give_no_rows() -> None:
    architecture = make()
    inputs = random_inputs(architecture, 10)
    module = random_module(architecture, inputs)
    network = NumpyNetwork(architecture, {k: v.detach().numpy() for k, v in module.arrays().items()})
    assert network.predict_proba(random_inputs(architecture, 0)).shape == (0, 3)
