"""Nothing is unpickled or run from a file: every way to do it ends the process, and the commands run all the same."""

import subprocess
import sys
from pathlib import Path

UNPICKLED = 99
TRIPWIRES = f"""
import _pickle, importlib, marshal, os, pickle, runpy, shelve, sys, threading, traceback

def end(*args, **options):
    traceback.print_stack()
    os._exit({UNPICKLED})

class End(pickle._Unpickler):  # others are made from it
    __init__ = end

WAKE_UP = pickle.dumps(None)

def loads(data, *args, **options):  # scikit-learn's threads wake each other up by a pipe of their own
    return None if bytes(data) == WAKE_UP and threading.current_thread().name != "MainThread" else end()

pickle.loads = _pickle.loads = pickle._loads = loads
pickle.load = _pickle.load = pickle._load = end
pickle.Unpickler = pickle._Unpickler = _pickle.Unpickler = End
runpy.run_path = runpy.run_module = runpy._run_code = end
shelve.open = shelve.Shelf.__init__ = shelve.DbfilenameShelf.__init__ = end
unmarshal = marshal.loads

def marshal_loads(*args):  # how Python itself reads what it has compiled
    importer = sys._getframe(1).f_globals.get("__name__")
    return unmarshal(*args) if importer == "importlib._bootstrap_external" else end()

marshal.loads, marshal.load = marshal_loads, end
import joblib.numpy_pickle, numpy, pandas, torch
import numpy.lib.format
torch.load = torch.serialization.load = joblib.load = pandas.read_pickle = end
load = numpy.load
numpy.load = lambda *args, allow_pickle=False, **options: end() if allow_pickle else load(*args, **options)
"""
RUN = """
from nncli.cli.app import app
for line in sys.argv[1:]:
    try:
        app(line.split("\\n"), prog_name="nncli")
    except SystemExit as leave:
        if leave.code:
            raise
print("all ran", file=sys.stderr)
"""


def run(code: str, *args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TRIPWIRES + code, *args],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        check=False,
    )


def test_commands_unpickle_nothing(tmp_path: Path, samples: Path) -> None:
    table = str(samples / "penguins.csv")
    commands = [
        ["train", table, "--target", "species", "--effort", "quick", "--threads", "1", "-q"],
        ["info"],
        ["verify"],
        ["evaluate", table],
        ["compare-baseline"],
        ["explain", table, "--row", "1"],
        ["report", "--format", "html"],
        ["predict", table, "-o", "scored.csv", "--with", "both", "--explain", "1", "--coverage", "0.9", "-q"],
        ["predict", table, "-o", "fast.parquet", "--fast"],
    ]
    done = run(RUN, *("\n".join(command) for command in commands), folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (0, ["all ran"]), done.stderr


WAYS = [
    "pickle.loads(b'N.')",
    "pickle.load(open(os.devnull, 'rb'))",
    "pickle.Unpickler(open(os.devnull, 'rb'))",
    "_pickle.loads(b'N.')",
    "torch.load('x')",
    "joblib.load('x')",
    "joblib.numpy_pickle.NumpyUnpickler('x', open(os.devnull, 'rb'), False)",
    "numpy.load('x', allow_pickle=True)",
    "_pickle.load(open(os.devnull, 'rb'))",
    "_pickle.Unpickler(open(os.devnull, 'rb'))",
    "marshal.loads(b'N')",
    "marshal.load(open(os.devnull, 'rb'))",
    "shelve.open('x')",
    "shelve.Shelf({})",
    "runpy.run_path('x')",
    "runpy.run_module('x')",
    "pandas.read_pickle('x')",
    "__import__('multiprocessing.reduction').reduction.ForkingPickler.loads(b'N.')",
    "reader, writer = __import__('multiprocessing').Pipe(); writer.send(None); reader.recv()",
]
TRY_EACH = """
for way in sys.argv[1:]:
    child = os.fork()
    if not child:
        exec(way)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_the_tripwires_are_there(tmp_path: Path) -> None:
    done = run(TRY_EACH, *WAYS, folder=tmp_path)
    assert done.stdout.split() == [str(UNPICKLED)] * len(WAYS), done.stderr
