"""Every folder of the gallery, in this process and by the real program."""

import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from hostile_models.gallery import ARRAYS, GALLERY, HARMLESS, OVERFLOWING, Make
from made_models import raw_rows, rows_for
from program import Program
from stored_models import COLUMNS, store_small_model

from nncli.bundle.model import load_with_heldout
from nncli.errors import ModelError, inert
from nncli.settings import Side

_MOST_SECONDS = 5
_MOST_KILOBYTES = 300_000
ALL_AT_ONCE = """
import sys
from pathlib import Path
from nncli.bundle.model import load_with_heldout
from nncli.errors import ModelError

if __debug__:
    raise SystemExit("assertions run")
for folder in sys.argv[1:]:
    try:
        load_with_heldout(Path(folder))
    except ModelError:
        print("refused")
    else:
        print("loaded", folder)
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_small_model(tmp_path_factory.mktemp("good") / "model")


def test_what_the_gallery_is_made_from_loads(good: Path) -> None:
    load_with_heldout(good)


@pytest.mark.parametrize("name", GALLERY)
def test_a_hostile_folder_is_refused_at_once(tmp_path: Path, good: Path, name: str) -> None:
    GALLERY[name](tmp_path / "m", good)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with warnings.catch_warnings(), pytest.raises(ModelError) as refusal:
        warnings.simplefilter("error")
        load_with_heldout(tmp_path / "m")
    assert time.monotonic() - started < _MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MOST_KILOBYTES
    message = str(refusal.value)
    assert message == inert(message)
    assert len(message) < 1000


@pytest.mark.parametrize("side", OVERFLOWING)
def test_a_model_that_gives_no_probabilities_says_so(tmp_path: Path, good: Path, side: Side) -> None:
    OVERFLOWING[side](tmp_path / "m", good)
    model, _ = load_with_heldout(tmp_path / "m")
    for answer in [model.predict_proba, *([model.raw_proba] if side == "network" else [])]:
        with warnings.catch_warnings(), pytest.raises(ModelError, match=f"{side} gives no probabilities"):
            warnings.simplefilter("error")
            answer(model.encode(rows_for(model, 5)), side)
    write_rows(tmp_path / "rows.csv")
    options = ["--fast"] if side == "fast" else ["--with", side]
    outcome = Program(tmp_path)("predict", "rows.csv", "-m", "m", *options, "-o", "out.csv")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)
    assert not (tmp_path / "out.csv").exists()


def write_rows(path: Path) -> None:
    cells = raw_rows(6, seed=1)
    lines = [",".join(cells[name][i] for name in COLUMNS) for i in range(6)]
    path.write_text("\n".join([",".join(COLUMNS), *lines, ""]))


@pytest.mark.parametrize(
    "name",
    [
        "a FIFO in the place of manifest.json",
        "a link to a device in the place of weights",
        "a hard link to the same file elsewhere in the place of model",
        "a sparse file of a terabyte in the place of manifest.json",
        "a name that clears the screen",
        "a size beyond all integers",
        "keys of control characters",
        "layers of 4 TB",
        "arrays of no size and 2^62 units",
    ],
)
def test_the_program_refuses_with_one_line(nncli: Program, good: Path, name: str) -> None:
    GALLERY[name](nncli.folder / "m", good)
    write_rows(nncli.folder / "rows.csv")
    outcome = nncli("predict", "rows.csv", "-m", "m")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.startswith("nncli: ")
    assert outcome.err == inert(outcome.err[:-1]) + "\n"


def test_nothing_rests_on_assertions(tmp_path: Path, good: Path) -> None:
    """The whole gallery once more where Python leaves ``assert`` out."""
    folders = [tmp_path / f"{i:03}" for i in range(len(GALLERY))]
    for folder, make in zip(folders, GALLERY.values(), strict=True):
        make(folder, good)
    process = subprocess.run(
        [sys.executable, "-O", "-c", ALL_AT_ONCE, *folders], capture_output=True, text=True, timeout=120, check=True
    )
    assert process.stderr == ""
    assert process.stdout == "refused\n" * len(GALLERY)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_a_sound_folder_holds_stays_inert(nncli: Program, good: Path, name: str) -> None:
    HARMLESS[name](nncli.folder / "m", good)
    outcome = nncli("info", "-m", "m", "-v")
    assert (outcome.code, outcome.err) == (0, "")
    assert inert(outcome.out.replace("\n", "")) == outcome.out.replace("\n", "")


def test_the_gallery_is_as_large_as_it_was() -> None:
    """A name that stands twice would hide a folder."""
    makes: set[Make] = set(GALLERY.values())
    assert len(makes) == len(GALLERY) >= 180
    assert len(ARRAYS) >= 40
