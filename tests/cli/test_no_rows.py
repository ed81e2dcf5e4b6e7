"""``train --no-rows`` by the real program: what it writes holds no row of the table."""

import json
import re
from pathlib import Path

import pandas as pd
from program import Program


def test_no_row_of_the_table_is_in_the_folder(nncli: Program, samples: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)
    rows["body_mass_g"] = [f"{mass}.{i:06}" if mass else "" for i, mass in enumerate(rows.body_mass_g)]
    rows.to_csv(tmp_path / "marked.csv", index=False)
    command = ("train", "marked.csv", "--target", "species", "--effort", "quick", "--epochs", "5", "--threads", "1")

    shown = nncli(*command, "-o", "shown", "--json", "-q")
    hidden = nncli(*command, "-o", "hidden", "--json", "-q", "--no-rows")
    assert (shown.code, hidden.code) == (0, 0), hidden.err
    with_rows, without = json.loads(shown.out), json.loads(hidden.out)
    assert len(with_rows["examples"]["rows"]) == 16
    assert all("cells" in row for row in with_rows["wrong"])
    assert without["examples"] is None
    assert not any("cells" in row for row in without["wrong"])
    for key in ("curves", "confusion", "importances", "dependence", "model_sha256"):
        assert without[key] == with_rows[key]
    assert without["seconds"]["explaining"] > 0

    def marked(folder: str) -> set[str]:
        """Rows whose mark stands where people read."""
        pages = "".join((tmp_path / folder / name).read_text() for name in ("report.json", "report.html", "README.md"))
        # The network page has quantiles of each column, as the model itself has: values, but no rows.
        pages = re.sub(r'<script type="application/json".*?</script>', "", pages, flags=re.DOTALL)
        grid = {str(value) for each in with_rows["dependence"] for value in [*each["grid"], *each.get("deciles", [])]}
        [model] = (tmp_path / folder).glob("model-*.json")  # whose scale of a column the network page shares
        known = grid | {str(float(number)) for number in re.findall(r"\d+(?:\.\d+)?", model.read_text())}
        return {mass for mass in rows.body_mass_g if mass and mass in pages and str(float(mass)) not in known}

    assert marked("shown")
    assert not marked("hidden")
