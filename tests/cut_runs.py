"""Trainings that are killed at random moments and taken up again, until they are done."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "sample_data"
SHARED = "--threads", "1", "-o", "m"
PENGUINS = "train", str(SAMPLES / "penguins.csv"), "--target", "species", *SHARED
ATTRITION = "train", str(SAMPLES / "hr_attrition.csv"), "--target", "Attrition", *SHARED
RUNS: dict[str, tuple[str, ...]] = {
    "muon": (*PENGUINS, "--effort", "quick"),
    "adamw, dropout, one class of two chosen": (
        *ATTRITION, "--effort", "quick", "--optimizer", "adamw", "--dropout", "0.2", "--max-f1",
    ),
    "sgd, mlp": (*ATTRITION, "--effort", "quick", "--network", "mlp", "--optimizer", "sgd", "--batch-size", "64"),
    "four nets, weights": (*ATTRITION, "--epochs", "12", "--class-weight", "balanced"),
    "search": (*PENGUINS, "--effort", "best"),
}  # fmt: skip
"""Commands whose models must not depend on whether they were cut off."""
OFTEN = (
    "import signal\n"
    "heed = signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])\n"
    "from dataclasses import replace\n"
    "import nncli.settings as s, nncli.training.checkpointer as c\n"
    "c.SECONDS_BETWEEN, c._TIMES_AS_LONG = {seconds}, 0\n"
    "s.EFFORTS['best'] = replace(s.EFFORTS['quick'], n_trials=3, max_epochs=25)\n"
    "from nncli.__main__ import main\n"
    "signal.signal(signal.SIGINT, heed)\n"
    "main()"
)
"""The program, but a search is small, and networks are kept many times a second."""
_SIGNALS = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
_LINES = "", "trees (careful)", "network:", "network:", "fast network:", "both learn on"
"""What a run says by the way, the longest part of it twice."""
_MOST_CUTS = 5
_SAID = "said.txt"
_GO_ON = "nncli train "


@dataclass(frozen=True)
class Cuts:
    """How a run went that was cut off."""

    sha256: str
    """Of the model."""
    signals: list[str]
    """In order, those that ended it."""
    n_taken_up: int
    """Starts that found something to go on with."""


def _heed_later() -> None:
    """What runs in the background ignores SIGINT; while the interpreter comes up, it would say so itself."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


class Run:
    """A training in a folder of its own, as a process that may be told to stop."""

    def __init__(self, folder: Path, words: tuple[str, ...], seconds: float = 0.1) -> None:
        self._folder, self._words = folder, words
        self._start = [sys.executable, "-c", OFTEN.format(seconds=seconds)]

    def unbroken(self) -> str:
        """Runs to the end; the hash of the model."""
        subprocess.run([*self._start, *self._words, "-q"], cwd=self._folder, check=True, timeout=600)
        return self._sha256()

    def cut(self, random: random.Random, longest: float) -> Cuts:
        """Runs, is cut off up to five times, and goes on each time, until it is done.

        Args:
            random: decides when, and by which signals.
            longest: seconds from what it says by the way to the signal.
        """
        words, signals, n_taken_up, n_cuts = self._words, list[str](), 0, random.randint(1, _MOST_CUTS)
        while not (self._folder / "m").exists():
            process = self._begun(words)
            number = self._cut(process, random, longest) if len(signals) < n_cuts else None
            process.wait(timeout=600)
            err = self._said()
            assert "Traceback" not in err, err
            n_taken_up += "going on with" in err
            if process.returncode != 0:
                # While the interpreter comes up or goes down, signals do what they do by default.
                assert number, err
                assert process.returncode in (-number, 128 + number), (process.returncode, number, err)
                signals.append(number.name)
            told = [line for line in err.splitlines() if line.startswith(_GO_ON)]
            words = tuple(shlex.split(told[-1])[1:]) if told else (*self._words, "--resume")
        if "SIGKILL" not in signals:  # which may leave what saving had begun with
            assert {*os.listdir(self._folder)} == {"m", _SAID}, os.listdir(self._folder)
        return Cuts(self._sha256(), signals, n_taken_up)

    def _begun(self, words: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        with (self._folder / _SAID).open("wb") as said:
            return subprocess.Popen([*self._start, *words], cwd=self._folder, stderr=said, preexec_fn=_heed_later)

    def _cut(self, process: "subprocess.Popen[bytes]", random: random.Random, longest: float) -> signal.Signals:
        """Sends a signal at a random moment after a random line, or none if the process ends before."""
        number, line = random.choice(_SIGNALS), random.choice(_LINES)
        while process.poll() is None and line not in self._said():
            time.sleep(0.02)
        try:
            process.wait(random.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        return number

    def _said(self) -> str:
        return (self._folder / _SAID).read_text()

    def _sha256(self) -> str:
        found: str = json.loads((self._folder / "m" / "report.json").read_text())["model_sha256"]
        return found
