"""Named arrays to safetensors bytes and back, matched exactly against the shapes that are expected."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.records import parse_json
from nncli.errors import DAMAGED, ModelError, show

_HEADER_BYTES, _BYTES_OF_AN_ARRAY = 1024, 256
"""Of a header, the most: for all arrays, and for each besides its name."""
Shapes = Mapping[str, tuple[int, ...]]
_DTYPE_NAMES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.uint32): "U32",
    np.dtype(np.uint8): "U8",
}


def dump_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Safetensors bytes that depend on the arrays alone."""
    from safetensors.numpy import save

    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def load_arrays(data: bytes, shapes: Shapes, dtypes: Mapping[str, type], where: str) -> dict[str, NDArray[Any]]:
    """Arrays from safetensors bytes.

    Args:
        data: the file.
        shapes: name and shape of every array that must be there, and no other.
        dtypes: name and type of every array.
        where: the file's name, for messages.

    Raises:
        ModelError: another name, shape or type, or a number that is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    expected = {name: (_DTYPE_NAMES[np.dtype(dtypes[name])], list(shape)) for name, shape in shapes.items()}
    if _declared(data, _most_header(shapes), where) != expected:
        raise ModelError(f"{where}: its arrays are not those that the model describes; {DAMAGED}")
    try:
        arrays = load(data)
    except SafetensorError as error:
        raise ModelError(f"{where}: is no safetensors file ({show(error)}); {DAMAGED}") from error
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{where}: '{name}' holds numbers that are not finite; {DAMAGED}")
    return arrays


def most_bytes(shapes: Shapes, dtypes: Mapping[str, type]) -> int:
    """No file with these arrays is larger; counted before anything is read."""
    sizes = (np.dtype(dtypes[name]).itemsize * prod(shape) for name, shape in shapes.items())
    return 8 + _most_header(shapes) + sum(sizes)


def _most_header(shapes: Shapes) -> int:
    return _HEADER_BYTES + sum(_BYTES_OF_AN_ARRAY + len(name) for name in shapes)


def _declared(data: bytes, most_header: int, where: str) -> dict[str, tuple[Any, Any]]:
    """Type and shape of every array, as the file's header states them; nothing is allocated for them yet."""
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= min(most_header, len(data) - 8):
        raise ModelError(f"{where}: is cut off or no safetensors file; {DAMAGED}")
    header = parse_json(data[8 : 8 + length], where)
    if not isinstance(header, dict) or not all(isinstance(entry, dict) for entry in header.values()):
        raise ModelError(f"{where}: its header is no object of objects; {DAMAGED}")
    return {name: (entry.get("dtype"), entry.get("shape")) for name, entry in header.items()}
