import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from nncli.training.signals import Signals


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Taken for a test."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Signals().taken() as taken:
        yield taken
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_at_once(signals: Signals, number: int, code: int) -> None:
    with pytest.raises(SystemExit) as leaving:
        signal.raise_signal(number)
    assert leaving.value.code == code


def test_what_is_ignored_stays_ignored(signals: Signals) -> None:
    signal.raise_signal(signal.SIGHUP)
    assert not signals.came


def test_a_first_signal_may_have_to_wait(signals: Signals, capfd: pytest.CaptureFixture[str]) -> None:
    done = False
    with pytest.raises(SystemExit) as leaving, signals.waiting():
        signal.raise_signal(signal.SIGTERM)
        assert signals.came
        done = True
    assert (leaving.value.code, done) == (143, True)
    assert "once more stops at once" in capfd.readouterr().err


def test_what_waits_is_obeyed_as_soon_as_that_is_safe(signals: Signals) -> None:
    with pytest.raises(SystemExit) as leaving, signals.waiting():
        signals.obey()
        signal.raise_signal(signal.SIGINT)
        signals.obey()
        pytest.fail("it did not stop")
    assert leaving.value.code == 130


def test_a_second_signal_does_not_wait(signals: Signals) -> None:
    with pytest.raises(SystemExit) as leaving, signals.waiting():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it did not stop")
    assert leaving.value.code == 130


def test_a_signal_while_the_run_unwinds_ends_the_process(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    for _ in range(2):
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
    assert codes == [130]


def test_an_exit_that_a_library_makes_an_error_of_is_an_exit() -> None:
    with pytest.raises(SystemExit) as leaving, Signals().taken():
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit:
            raise ValueError("is not a valid PEP 3118 buffer format string") from None
    assert leaving.value.code == 143


def test_an_exit_that_a_library_swallows_comes_before_the_next_network(signals: Signals) -> None:
    with contextlib.suppress(SystemExit):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(SystemExit) as leaving, signals.waiting():
        pytest.fail("it went on")
    assert leaving.value.code == 130


def test_afterwards_signals_do_what_they_did() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Signals().taken():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_an_error_is_not_hidden_by_a_signal_that_waits(signals: Signals) -> None:
    with pytest.raises(ZeroDivisionError), signals.waiting():
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError
