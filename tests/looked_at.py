"""Made tables as the guard sees them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from rows import rows_of

from nncli.guard.examine import ExaminedTable, examine_table
from nncli.guard.findings import Finding
from nncli.table.reading import Table


def examined(columns: Mapping[str, object], y: object, **options: object) -> ExaminedTable:
    """A column of noise, others, and the target."""
    x = np.random.default_rng(1).normal(size=len(y)).round(6)  # type: ignore[arg-type]
    frame = pd.DataFrame({"x": x, **columns, "y": y})
    return examine_table(Table(rows_of(frame), "made.csv", "0" * 64, "comma-separated"), "y", **options)  # type: ignore[arg-type]


def findings_on(name: str, table: ExaminedTable) -> list[Finding]:
    return [found for found in table.findings if name in found.columns]


def codes(table: ExaminedTable) -> list[str]:
    return [found.code for found in table.findings]
