"""Ways to spoil things: bytes, JSON, arrays in a file, cells of a table. All that is random comes from a seed."""

import json
import struct
from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
from stored_models import header_of, under_header

EXTREMES: tuple[Any, ...] = (
    *(0, 1, -1, 2, 7, 255, 256, 2**31, 2**53, 2**62, 2**63, 10**400, -(2**63)),
    *(0.0, -0.0, 0.5, 1.5, -1.5, 1e-320, 1e-30, 1e30, 1e308, -1e308),
    *(True, False, None, "", "x", "\0", "\x1b[2J\x9b\u202e", "\ud800", "é", "x" * 5000, [], {}, [[]], [None], {"x": 1}),
)
PIECES: tuple[bytes, ...] = (
    *(b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\\", b" ", b"#", b"="),
    *(b'",', b',"', b'"\n"', b",,,,", b"\n,\n", b"{", b"}", b"[", b"]", b"PAR1", b"\x1f\x8b", b"x" * 3000),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xff",
        b"\x80",
        b"\xc3",
        b"\xe9",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ),
    *(
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\xe2\x80\xae",
        b"\x1b[2J",
        b"\x1a",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x7f",
        b"\xc2\xa0",
    ),
)
CELLS: tuple[str, ...] = (
    *(
        "",
        " ",
        "NA",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "null",
        "None",
        "?",
        "-",
        "\\N",
        '"',
        "'",
        "[/b]",
        "=1+1",
    ),
    *("1e999", "-1e999", "1e-999", "-0", "1e308", "-1.7e308", "4.9e-324", "99999999999999999999999", "0x10", "1_000"),
    *("1,5", "1.5.5", "1 000", "+5", "٣", "½", "0001", "1e5", "true", "TRUE", "yes", "0", "1", "@x", "a b c d e f g h"),
    *("2024-02-30", "0000-00-00", "9999-12-31", "-1-1-1", "1970-01-01", "262144-01-01", "2024-01-01T25:61:61"),
    *("2024-01-01T00:00:00+99:99", "\u202e", "\x1b[2J", "é", "e\u0301", "\U0001f468\u200d\U0001f469", "x" * 3000),
    *("\ufeff", "\x85", "\u2028"),
)
_TABLE_ENCODINGS = (*["utf-8"] * 12, "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252")


def mutated(data: bytes, random: Random, pieces: Sequence[bytes] = PIECES) -> bytes:
    """Bytes flipped, inserted, removed, repeated or exchanged, in one to five places."""
    for _ in range(random.choice([1, 1, 1, 2, 3, 5])):
        data = _mutated_once(data, random, pieces)
    return data


def _mutated_once(data: bytes, random: Random, pieces: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice([1, 1, 2, 4, 8, 64, 1000]))
    way = random.randrange(8)
    if way == 0 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    if way == 1:
        return data[:at] + random.randbytes(random.choice([1, 2, 8])) + data[end:]
    if way == 2:
        return data[:at] + data[end:]
    if way == 3:
        return data[:at] + data[at:end] * random.choice([2, 2, 3, 50]) + data[end:]
    if way == 4:
        other = random.randrange(len(data) + 1)
        return data[:at] + data[other : other + end - at] + data[end:]
    if way == 5 and random.random() < 0.3:
        return data[:at]
    return data[:at] + random.choice(pieces) + (data[at:] if random.random() < 0.6 else data[end:])


def mutated_json(data: bytes, random: Random) -> bytes:
    """JSON with values replaced, removed, repeated, exchanged or nested, or a key that stands twice."""
    value = json.loads(data)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        _mutate_value(value, random)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5, default=str)
    if random.random() < 0.05:
        text = text.replace(
            '{"', random.choice(['{"x":' + "[" * 5000 + "]" * 5000 + ',"', '{"name":0,"', '{"a":NaN,"']), 1
        )
    return text.encode(errors="surrogatepass")


def _mutate_value(value: Any, random: Random) -> None:
    """Goes down a random way and changes something there."""
    parent, key, here = None, None, value
    while isinstance(here, (dict, list)) and here and (parent is None or random.random() < 0.85):
        parent, key = here, random.choice(list(here) if isinstance(here, dict) else range(len(here)))
        here = parent[key]
    if isinstance(here, (int, float)) and random.random() < 0.5:
        near = [here - 1, here + 1, here + 2, 2 * here, not here]
        parent[key] = random.choice(
            near if isinstance(here, int) else [-here, here * 2, here * 1e9, here * 1e-9, 1 - here]
        )
    elif parent is not None:
        _spoil(parent, key, here, random)


def _spoil(parent: Any, key: Any, here: Any, random: Random) -> None:
    way = random.randrange(6)
    if way == 0:
        del parent[key]
    elif way == 1 and isinstance(parent, list):
        parent[key:key] = [here] * random.choice([1, 1, 2, 300])
    elif way == 2:
        other = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        parent[key], parent[other] = parent[other], parent[key]
    elif way == 3 and isinstance(parent, dict):
        parent[random.choice(["x", "__class__", f"{key} ", "loader"])] = here
    else:
        parent[key] = deepcopy(random.choice(EXTREMES))


def mutated_arrays(data: bytes, random: Random) -> bytes:
    header, body = header_of(data)
    values = bytearray(body)
    for _ in range(random.choice([1, 2, 20])):
        entry = random.choice(list(header.values()))
        start, end = entry["data_offsets"]
        form = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U32": "I", "U8": "B"}[entry["dtype"]]
        size = struct.calcsize(form)
        if end > start:
            at = start + size * random.randrange((end - start) // size)
            values[at : at + size] = struct.pack(form, _number(form, random))
    return under_header(header, bytes(values))


def _number(form: str, random: Random) -> float:
    if form in "df":
        return random.choice([0.0, -0.0, 1.0, -1.0, 1e-40, 3e38, -3e38, np.nan, np.inf, -np.inf, 1e10])
    bits = {"q": 63, "i": 31, "I": 32, "B": 8}[form]
    least = [-1, -(2**bits)] if form in "qi" else []
    return random.choice([0, 1, 2, 7, 31, 32, 255 % 2**bits, 2**bits - 1, random.randrange(2**7), *least])


def mutated_table(data: bytes, random: Random) -> bytes:
    """A table with other cells, rows, columns or delimiters, in another encoding, with bytes changed, or all of it."""
    ways = random.choice(["cells", "cells", "bytes", "both"])
    if ways != "bytes":
        data = _mutated_cells(data, random)
    return mutated(data, random) if ways != "cells" else data


def _mutated_cells(data: bytes, random: Random) -> bytes:
    rows = [line.split(",") for line in data.decode(errors="replace").rstrip("\n").split("\n")]
    for _ in range(random.choice([1, 1, 2, 5, 30])):
        _mutate_rows(rows, random)
    text = "\n".join(",".join(_written(cell, random) for cell in row) for row in rows)
    if random.random() < 0.2:
        text = text.replace(",", random.choice(";\t|")).replace("\n", random.choice(["\n", "\r\n", "\r", "\n\n"]))
    return text.encode(random.choice(_TABLE_ENCODINGS), "replace")


def _written(cell: str, random: Random) -> str:
    needs_quotes = any(character in cell for character in ',"\n\r')
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if needs_quotes and random.random() < 0.9 else cell


def _mutate_rows(rows: list[list[str]], random: Random) -> None:
    i = random.choice([0, *[random.randrange(len(rows))] * 5])
    j = random.randrange(len(rows[i]) or 1)
    way = random.choice(["row again", "no row", "column", "more cells", "fewer cells", *["cell"] * 6])
    if way == "row again" or len(rows) < 2:
        rows.insert(i, list(rows[i]))
    elif way == "no row":
        rows.pop(i)
    elif way == "column":
        _fill_column(rows[1:], j, random)
    elif way == "more cells":
        rows[i].insert(j, random.choice(CELLS))
    else:
        rows[i][j : j + 1] = [random.choice(CELLS)] if way == "cell" else []


def _fill_column(rows: list[list[str]], j: int, random: Random) -> None:
    """One value everywhere, or values of a kind, some of which are odd."""
    same, kind = random.choice(CELLS), random.randrange(6)
    for k, row in enumerate(rows):
        if j < len(row):
            row[j] = [same, str(k), f"{k}.5e{k * 13}", f"2024-01-{k}", f"'{k}", CELLS[k % len(CELLS)]][kind]


NASTY = [
    b"a,b,y\n1,2,p\n3,4,q\n" * 8,
    b"a,b,y\n" + b"1,2,p\n3,4,q\n" * 15,
    b"a;b;y\n" + b"1,5;2;p\n3,5;4;q\n" * 15,
    b"a,b,y\n" + b'"1","x, ""y""\nz",p\n"2","u",q\n' * 12,
    "\ufeffgröße,stadt,ziel\n".encode() + "1,Köln,ja\n2,Århus,nein\n".encode() * 12,
    "größe,stadt,ziel\n".encode("cp1252") + "1,Köln,ja\n2,Århus,nein\n".encode("cp1252") * 12,
    ("a,b,y\n" + "1,x,p\n2,z,q\n" * 12).encode("utf-16"),
    b"# made by a tool\n# version 2\na,b,y\n" + b"1,2,p\n3,4,q\n" * 12 + b"total,6,\n",
    b"a,a,,y\n" + b"1,2,3,p\n4,5,6,q\n" * 12,
    b"text,y\n" + b"some words that go on %d,p\nother words here,q\n" * 40,
    b"day,n,y\n" + b"2024-01-01,1e300,p\n2024-02-29,-1e300,q\n" * 12,
    b'{"a": 1, "b": "x", "y": "p"}\n{"a": 2, "b": null, "y": "q"}\n' * 12,
    b"y\np\nq\n" * 9,
    b"a\ty\n" + b"1\tp\n2\tq\n" * 20,
    b"a,b,y\r" + b"1,2,p\r3,4,q\r" * 12,
]
"""Tables of the kinds that readers stumble over."""
