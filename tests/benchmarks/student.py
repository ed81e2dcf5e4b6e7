"""What a model says of itself, on every table: what the small network of ``predict --fast`` costs in log loss and in
seconds of ``train``, how often the sets of ``predict --coverage`` hold the true class, and the calibration error.

``python student.py FOLDER`` (with an ``index.json``): trains on at most 10,000 rows and reads what ``info`` says. The
calibration error is of the other rows, 10,000 at most, and has beside it that of scikit-learn's
``HistGradientBoostingClassifier`` at its defaults, fitted to the same rows. Writes ``results/student.jsonl`` anew.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from peers import features, fit_hgb
from sklearn.preprocessing import LabelEncoder
from tables import Part, Table, read_index, write_split

from nncli.bundle.model import load_model, load_with_heldout
from nncli.evaluation.comparison import Interval
from nncli.evaluation.conformal import COVERAGES, check_coverage
from nncli.evaluation.reliability import calibration_error
from nncli.prediction.labelled import read_labelled

RESULTS = Path(__file__).parent / "results" / "student.jsonl"
NNCLI = sys.executable, "-m", "nncli"


def main(folder: str) -> None:
    records = []
    for table in read_index(Path(folder)):
        with tempfile.TemporaryDirectory() as work:
            records.append(measured(table, Path(work)))
        print(json.dumps(records[-1]), flush=True)
    RESULTS.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    lost = [record["lost"] for record in records]
    print(f"log loss lost: mean {statistics.mean(lost):+.2%}, median {statistics.median(lost):+.2%}")


def measured(table: Table, work: Path) -> dict[str, object]:
    part = write_split(table, 0, 10_000, work)
    model = work / "model"
    train = said("train", part.train, "--target", table.target, "-o", model, "--json")
    info = said("info", "-m", model, "--json")
    network, fast = (info["log_loss"][side] for side in ("network", "fast"))
    return {
        "table": table.name,
        "network": round(network, 4),
        "fast": round(fast, 4),
        "lost": round(fast / network - 1, 4),
        "test_rows": train["rows"]["test"],
        "nets": info["student"]["n_nets"],
        "seconds": {side: train["seconds"][side] for side in ("network", "fast")},
        "sets": sets(model),
        **errors(table, part, model),
    }


def sets(model: Path) -> list[dict[str, object]]:
    """What rules from the validation rows reach on the test rows."""
    _, heldout = load_with_heldout(model)
    known, new = heldout.validation, heldout.test
    rows = np.bincount(new.labels, minlength=next(iter(new.probabilities.values())).shape[1]).tolist()
    found = []
    for side, method, by_class, coverage in product(("network", "trees"), ("lac", "aps"), (False, True), COVERAGES):
        of_side = (known.labels, known.probabilities[side]), (new.labels, new.probabilities[side])
        check = check_coverage(*of_side, coverage, method, by_class=by_class)
        found.append({"side": side, "method": method, "each class": by_class, "class_rows": rows, **asdict(check)})
    return found


def errors(table: Table, part: Part, folder: Path) -> dict[str, object]:
    """Calibration errors on the rows that neither nncli nor the default trees were given."""
    model = load_model(folder)
    rows = read_labelled(str(part.test), model, table.target)
    encoded = model.encode(rows.rows)
    found = {s: calibration_error(rows.labels, model.predict_proba(encoded, s), 0.95) for s in ("network", "trees")}
    found["trees_default"] = error_of_default_trees(table, part)
    ece = {side: {name: round(x, 5) for name, x in asdict(error).items()} for side, error in found.items()}
    return {"n_test": rows.labels.size, "ece": ece}


def error_of_default_trees(table: Table, part: Part) -> Interval:
    train, test = (pd.read_csv(path) for path in (part.train, part.test))
    y, y_test = (rows.pop(table.target).astype(str) for rows in (train, test))
    description = {name: list(getattr(table, name)) for name in ("id_columns", "text_columns", "date_columns")}
    x, x_test = features(train, test, description, own_texts=False)
    labels = LabelEncoder().fit(y)
    proba = fit_hgb(x, labels.transform(y))(x_test)
    return calibration_error(labels.transform(y_test), proba, 0.95)


def said(*args: object) -> dict[str, dict[str, float]]:
    process = subprocess.run([*NNCLI, *map(str, args), "-q"], capture_output=True, text=True)
    if process.returncode:
        raise SystemExit(process.stderr)
    return json.loads(process.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
