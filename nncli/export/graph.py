"""An ONNX graph as it grows, node by node."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

ML_DOMAIN = "ai.onnx.ml"
"""Of the operators for categories and trees."""

Tensor = str
"""A tensor of the graph, by its name."""


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with as many underscores after it as it takes to be none of those that are taken.

    >>> free_name("label", ["age", "label"])
    'label_'
    """
    while name in taken:
        name += "_"
    return name


class Graph:
    """Nodes in the order in which they run, and the constants that they read."""

    def __init__(self, columns: Collection[str]) -> None:
        """Takes the names of the columns: these are tensors too, and no other may have such a name."""
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._columns = columns

    def add(
        self,
        operator: str,
        *inputs: Tensor | NDArray[Any] | np.generic,
        name: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> Tensor:
        """Adds a node.

        Args:
            operator: of ONNX.
            inputs: tensors of the graph, or numbers and text that become constants.
            name: of the tensor that comes out; any that is free if it does not matter.
            domain: of the operator.
            attributes: of the operator.
        """
        names = [value if isinstance(value, Tensor) else self._constant(np.asarray(value)) for value in inputs]
        output = name or free_name(f"{operator}_{len(self.nodes)}", self._columns)
        self.nodes.append(helper.make_node(operator, names, [output], domain=domain, **attributes))
        return output

    def cast(self, tensor: Tensor, dtype: type[np.generic], name: str | None = None) -> Tensor:
        """Adds a change to numbers of another type."""
        return self.add("Cast", tensor, name=name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def side_by_side(self, tensors: list[Tensor]) -> Tensor:
        """Adds what makes tensors of shape ``(n_rows,)`` the columns of one."""
        return self.add("Concat", *(self.add("Unsqueeze", tensor, np.array([1])) for tensor in tensors), axis=1)

    def _constant(self, value: NDArray[Any]) -> Tensor:
        name = free_name(f"constant_{len(self.constants)}", self._columns)
        self.constants.append(numpy_helper.from_array(value, name))
        return name
