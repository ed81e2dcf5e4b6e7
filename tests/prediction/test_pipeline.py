import threading
import time
from itertools import count

import pytest

from nncli.prediction.pipeline import in_order


def wait_for_threads(most: int) -> int:
    """How many threads are left when no more than so many are, or after ten seconds."""
    until = time.monotonic() + 10
    while threading.active_count() > most and time.monotonic() < until:
        time.sleep(0.01)
    return threading.active_count()


@pytest.mark.parametrize("threads", [1, 3])
def test_no_thread_stays_behind_work_that_fails(threads: int) -> None:
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            list(in_order(lambda item: 1 // (5 - item), count(), threads))
    assert wait_for_threads(before) == before


@pytest.mark.parametrize("threads", [1, 3])
def test_no_thread_stays_behind_results_that_nobody_takes(threads: int) -> None:
    before = threading.active_count()
    for _ in range(5):
        results = in_order(lambda item: item, count(), threads)
        assert next(results) == 0
        results.close()
    assert wait_for_threads(before) == before
