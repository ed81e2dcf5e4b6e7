"""Packed arrays come back, in Python and in the page."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from node import needs_node, run_script

from nncli.report.smaller import smaller_script
from nncli.report.touch import _source
from nncli.report.touch_numbers import Bits, as_packed, packed

UNPACK = smaller_script(_source("touch_numbers.js"))


@given(arrays(np.float32, st.integers(0, 200), elements=st.floats(-1e6, 1e6, width=32)))
def test_no_number_is_off_by_more_than_half_a_step(array: np.ndarray) -> None:
    for bits in (12, 16):
        found = as_packed(array, bits)  # type: ignore[arg-type]
        for start in range(0, array.size, 64):
            block = slice(start, start + 64)
            largest = np.abs(array[block]).max()
            step = largest / (2 ** (bits - 1) - 1)
            # Single precision rounds what is packed, and what is unpacked.
            assert np.abs(found[block] - array[block]).max() <= 0.5 * step + np.spacing(largest) + 1e-30


@needs_node
@pytest.mark.parametrize("bits", [12, 16, 32])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 63, 64, 65, 1001])
def test_the_page_unpacks_what_was_packed(tmp_path: Path, bits: Bits, size: int) -> None:
    array = (np.random.default_rng(size).normal(size=size) * np.logspace(-6, 6, size)).astype(np.float32)
    found = run_script(tmp_path, UNPACK, "Array.from(nncliTouch.unpack(given))", packed(array, bits))
    assert np.allclose(np.array(found, dtype=np.float32), as_packed(array, bits), rtol=1e-6, atol=0)


def test_text_holds_nothing_that_has_to_be_escaped() -> None:
    text = packed(np.random.default_rng(0).normal(size=20_000), 16)[2]
    assert not set("<>&\"'\\\u2028") & set(text)
    assert len(set(text)) == 85
