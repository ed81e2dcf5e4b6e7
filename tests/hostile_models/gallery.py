"""Model folders that a stranger might send: how to make each from a good one.

Each must be refused with exit code 4 and one line, quickly and in little memory. Almost all have a manifest that fits:
sizes and hashes tell damage, and nothing of a stranger.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save
from stored_models import Files, files_of, header_of, under_header, with_arrays, with_description, with_files

from nncli.bundle.folder import MANIFEST

Make = Callable[[Path, Path], object]
"""Makes a hostile folder, the first argument, from a good one."""
DEEP = b"[" * 200_000
LONG = "x" * 100_000


def copied(change: Callable[[Path], object]) -> Make:
    """Of a change to the files."""

    def make(folder: Path, good: Path) -> None:
        shutil.copytree(good, folder)
        change(folder)

    return make


def file_of(folder: Path, role: str) -> Path:
    (path,) = folder.glob(f"{role}-*")
    return path


def replaced(name: str, put: Callable[[Path, Path], object]) -> Make:
    """Of something else in the place of a file; ``put`` is told its name, and that of the file that stood there."""

    def change(folder: Path) -> None:
        path = folder / name if "." in name else file_of(folder, name)
        aside = folder.with_name(f"{folder.name}.{path.name}")
        path.rename(aside)
        put(path, aside)

    return copied(change)


def listening(path: Path, _: Path) -> None:
    """A socket; names of those have a limit, so it is made in its folder."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


IN_PLACE: dict[str, Callable[[Path, Path], object]] = {
    "a link to the same file elsewhere": lambda path, aside: path.symlink_to(aside),
    "a hard link to the same file elsewhere": lambda path, aside: path.hardlink_to(aside),
    "a link to itself": lambda path, _: path.symlink_to(path.name),
    "a link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a FIFO": lambda path, _: os.mkfifo(path),
    "a socket": listening,
    "a folder": lambda path, _: path.mkdir(),
    "a file that is cut off": lambda path, aside: path.write_bytes(aside.read_bytes()[:-1]),
    "a file with a byte more": lambda path, aside: path.write_bytes(aside.read_bytes() + b" x"),
    "an empty file": lambda path, _: path.write_bytes(b""),
    "a sparse file of a terabyte": lambda path, _: sparse(path, 1 << 40),
}


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def manifest(change: Callable[[dict[str, Any]], object]) -> Make:
    def write(folder: Path) -> None:
        data = json.loads((folder / MANIFEST).read_bytes())
        change(data)
        (folder / MANIFEST).write_text(json.dumps(data))

    return copied(write)


def raw_manifest(change: Callable[[bytes], bytes]) -> Make:
    return copied(lambda folder: (folder / MANIFEST).write_bytes(change((folder / MANIFEST).read_bytes())))


def description(change: Callable[[dict[str, Any]], object]) -> Make:
    return lambda folder, good: with_description(folder, files_of(good), change)


def raw_description(change: Callable[[bytes], bytes]) -> Make:
    def make(folder: Path, good: Path) -> None:
        files = files_of(good)
        with_files(folder, files, model=change(files["model.json"]))

    return make


def arrays(role: str, change: Callable[[dict[str, np.ndarray]], object]) -> Make:
    return lambda folder, good: with_arrays(folder, files_of(good), role, change)


def file(role: str, change: Callable[[bytes], bytes]) -> Make:
    def make(folder: Path, good: Path) -> None:
        files = files_of(good)
        with_files(folder, files, **{role: change(files[f"{role}.safetensors"])})

    return make


def header(role: str, change: Callable[[dict[str, Any]], object]) -> Make:
    """Of another header over the same bytes."""

    def changed(data: bytes) -> bytes:
        found, body = header_of(data)
        change(found)
        return under_header(found, body)

    return file(role, changed)


def zero_sized(folder: Path, good: Path) -> None:
    """A description whose first network has no nets and layers of 2^62 units: all arrays are empty."""
    files: Files = files_of(good)
    text = json.loads(files["model.json"])
    text["networks"][0].update(n_nets=0, layers=[2**62], n_value_nets=0)
    found = load(files["weights.safetensors"])
    kept = {name: array for name, array in found.items() if not name.startswith("0.")}
    head, body = header_of(save(kept))
    shape = [0, 3, 2**62, 2]
    head["0.head.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body)]}
    with_files(folder, files, model=json.dumps(text).encode(), weights=under_header(head, body))


def twice(data: bytes) -> bytes:
    """A file in which an array stands twice."""
    length = int.from_bytes(data[:8], "little")
    head = data[8 : 8 + length].rstrip()
    first = json.loads(head)["1.head.bias"]
    again = b',"1.head.bias":' + json.dumps(first).encode() + b"}"
    return under_header(head[:-1] + again, data[8 + length :])


def put_everywhere(value: float, name: str) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda found: found[name].fill(value)


def put(name: str, place: int | slice, value: float) -> Callable[[dict[str, np.ndarray]], object]:
    def change(found: dict[str, np.ndarray]) -> None:
        found[name].reshape(-1)[place] = value

    return change


def inner_node(found: dict[str, np.ndarray]) -> int:
    return int(np.flatnonzero(found["is_leaf"] == 0)[0])


def cycle(found: dict[str, np.ndarray]) -> None:
    node = inner_node(found)
    found["left"][node] = node


def net(**changes: object) -> Make:
    return description(lambda d: d["networks"][0].update(changes))


FILES: dict[str, Make] = {
    f"{what} in the place of {name}": replaced(name, put_there)
    for name in (MANIFEST, "model", "weights")
    for what, put_there in IN_PLACE.items()
}
MANIFESTS: dict[str, Make] = {
    "no manifest": copied(lambda folder: (folder / MANIFEST).unlink()),
    "a missing file": copied(lambda folder: file_of(folder, "trees").unlink()),
    "a manifest in UTF-16": raw_manifest(lambda data: data.decode().encode("utf-16")),
    "a manifest nested without end": raw_manifest(lambda _: DEEP),
    "a manifest of a number": raw_manifest(lambda _: b"1"),
    "a manifest of two megabytes": raw_manifest(lambda data: data + b" " * (2 << 20)),
    "a key twice in the manifest": raw_manifest(lambda data: data[:-1] + b',"format_version":1}'),
    "an unknown key in the manifest": manifest(lambda m: m.update(loader_module="os")),
    "a newer format": manifest(lambda m: m.update(format_version=2)),
    "a format of many digits": manifest(lambda m: m.update(format_version=10**4000)),
    "a format below the first": manifest(lambda m: m.update(format_version=0)),
    **{
        f"a format of {json.dumps(version)}": manifest(lambda m, version=version: m.update(format_version=version))
        for version in (True, 1.0, "1", None, [1], {})
    },
    "a name above the folder": manifest(lambda m: m["files"][0].update(name="../../etc/passwd")),
    "an absolute name": manifest(lambda m: m["files"][0].update(name="/etc/passwd")),
    "a name of nothing": manifest(lambda m: m["files"][0].update(name="")),
    "a name with NUL": manifest(lambda m: m["files"][0].update(name=m["files"][0]["name"] + "\0")),
    "a name with a line end": manifest(lambda m: m["files"][0].update(name=m["files"][0]["name"] + "\n")),
    "a name that clears the screen": manifest(lambda m: m["files"][0].update(name="\x1b[2J\x9b2J\u202e")),
    "a name without end": manifest(lambda m: m["files"][0].update(name=LONG)),
    "a negative size": manifest(lambda m: m["files"][0].update(size=-1)),
    "a size beyond all integers": manifest(lambda m: m["files"][0].update(size=10**400)),
    "a size of 2^63 - 1": manifest(lambda m: m["files"][0].update(size=2**63 - 1)),
    "a wrong size": manifest(lambda m: m["files"][0].update(size=m["files"][0]["size"] + 1)),
    "a wrong hash": manifest(lambda m: m["files"][0].update(sha256=m["files"][0]["sha256"][:-1] + "x")),
    "a hash that is no text": manifest(lambda m: m["files"][0].update(sha256=0)),
    "a file less": manifest(lambda m: m["files"].pop()),
    "a file twice": manifest(lambda m: m["files"].append(m["files"][0])),
    "a role that is unknown": manifest(
        lambda m: m["files"].append({"role": "code", "name": f"code-{'0' * 16}.json", "size": 1, "sha256": "0" * 64})
    ),
    "roles exchanged": manifest(
        lambda m: [m["files"][i].update(role=role) for i, role in enumerate(["weights", "model"])]
    ),
}
DESCRIPTIONS: dict[str, Make] = {
    "a description nested without end": raw_description(lambda _: DEEP),
    "a nested value": raw_description(lambda data: data[:-1] + b',"x":' + DEEP),
    "a description of nothing": raw_description(lambda _: b"null"),
    "a key twice": raw_description(lambda data: data[:-1] + b',"decision":null}'),
    "NaN": raw_description(lambda data: data.replace(b'"text_scale":0.3', b'"text_scale":NaN', 1)),
    "a number beyond all numbers": raw_description(
        lambda data: data.replace(b'"text_scale":0.3', b'"text_scale":1e999', 1)
    ),
    "a whole number beyond all numbers": net(text_scale=10**400),
    "a whole number of 5,000 digits": raw_description(
        lambda data: data.replace(b'"seed":0', b'"seed":' + b"9" * 5000, 1)
    ),
    "half a character": description(lambda d: d["schema"]["classes"].__setitem__(0, "\ud800")),
    "half a character in a level": description(lambda d: d["encoder"]["categories"][0]["levels"].append("\udfff")),
    "a class of a key": description(lambda d: d.update({"__class__": "os.system"})),
    "an unknown key without end": description(lambda d: d.update({LONG: 1})),
    "keys of control characters": description(lambda d: d.update({"\x1b]0;x\x07\x9b2J\u202e\u2028": 1})),
    "an unknown activation": net(activation="__import__('os').system('id')"),
    "an activation without end": net(activation=LONG),
    "an unknown kind": description(lambda d: d["schema"]["columns"][0].update(kind="pickle")),
    "an unknown side": description(lambda d: d.update(default_side="trees")),
    "a level of a finding that is unknown": description(
        lambda d: d["provenance"].update(findings=[{"code": "x", "level": "fatal", "columns": [], "message": "x"}])
    ),
    "no networks": description(lambda d: d.update(networks=[])),
    "no columns": description(lambda d: d["schema"].update(columns=[])),
    "a column twice": description(lambda d: d["schema"]["columns"].append(d["schema"]["columns"][0])),
    "the target among the columns": description(lambda d: d["schema"].update(target=d["schema"]["columns"][0]["name"])),
    "one class": description(lambda d: (d["schema"]["classes"].pop(), d["class_shares"].pop())),
    "no classes": description(lambda d: (d["schema"].update(classes=[]), d.update(class_shares=[]))),
    "a class twice": description(lambda d: d["schema"].update(classes=["a", "a"])),
    "a column of another kind": description(lambda d: d["schema"]["columns"][0].update(kind="text")),
    "columns in another order": description(lambda d: d["encoder"]["numeric"].reverse()),
    "a level twice": description(
        lambda d: d["encoder"]["categories"][0]["levels"].__setitem__(0, d["encoder"]["categories"][0]["levels"][1])
    ),
    "layers of 4 TB": net(layers=[10**6, 10**6]),
    "layers beyond all integers": net(layers=[10**100]),
    "no layers": net(layers=[]),
    "a layer of no units": net(layers=[0, 8]),
    "a layer of less than no units": net(layers=[-16, -8]),
    "a thousand layers": net(layers=[1] * 1000),
    "no nets": net(n_nets=0),
    "less than no nets": net(n_nets=-2),
    "no members": net(n_members=0),
    "members without end": net(n_members=2**40),
    "bins without end": net(n_bins=2**40),
    "less than no bins": net(n_bins=-4),
    "an embedding of no width": net(d_embedding=0),
    "more nets with values than nets": net(n_value_nets=3),
    "numbers without end": net(n_num=2**62),
    "arrays of no size and 2^62 units": zero_sized,
    "trees without end": description(lambda d: d["trees"].update(n_iterations=10**12)),
    "nodes without end": description(lambda d: d["trees"].update(n_nodes=2**62)),
    "less than no nodes": description(lambda d: d["trees"].update(n_nodes=-1)),
    "a text of components without end": description(lambda d: d["encoder"]["texts"][0].update(n_components=2**62)),
    "a text of no n-grams and components without end": description(
        lambda d: d["encoder"]["texts"][0].update(n_grams=0, n_components=2**62)
    ),
    "a temperature of zero": description(lambda d: d["network_calibration"].update(temperature=0.0)),
    "a temperature below zero": description(lambda d: d["trees_calibration"].update(temperature=-1.0)),
    "a temperature of nearly nothing": description(lambda d: d["trees_calibration"].update(temperature=5e-324)),
    "a share of the uniform above one": description(lambda d: d["network_calibration"].update(uniform_share=2.0)),
    "a threshold above one": description(lambda d: d["decision"].update(network=1.5)),
    "a threshold below zero": description(lambda d: d["decision"].update(blend=-1e300)),
    "a positive class that is none": description(lambda d: d["decision"]["rule"].update(positive=2)),
    "a precision of one": description(lambda d: d["decision"]["rule"].update(precision=1.0)),
    "costs below zero": description(
        lambda d: d["decision"]["rule"].update(costs={"false_negative": -1.0, "false_positive": 1.0})
    ),
    "two rules": description(
        lambda d: d["decision"]["rule"].update(precision=0.9, costs={"false_negative": 1.0, "false_positive": 1.0})
    ),
    "no rows of a class": description(lambda d: d.update(class_shares=[0.0, 1.0])),
    "shares that make no whole": description(lambda d: d.update(class_shares=[0.1, 0.1])),
    "a map without values": description(lambda d: d["scaler"]["numeric"][0].update(values=[], scores=[])),
    "a map with a score less": description(lambda d: d["scaler"]["numeric"][0]["scores"].pop()),
    "a map that goes back": description(lambda d: d["scaler"]["numeric"][0]["values"].reverse()),
    "a text that is divided by nothing": description(lambda d: d["scaler"]["text_std"].__setitem__(0, 0.0)),
    "a seed below zero": description(lambda d: d["provenance"].update(seed=-1)),
    "no held-out rows": description(lambda d: d["provenance"].update(n_test=0)),
    "less than no held-out rows": description(lambda d: d["provenance"].update(n_test=-40)),
    "held-out rows without end": description(lambda d: d["provenance"].update(n_test=2**62)),
}
ARRAYS: dict[str, Make] = {
    "a file of noise": file("weights", lambda data: bytes(range(256)) * (len(data) // 256)),
    "a length beyond the file": file("weights", lambda data: (2**63).to_bytes(8, "little") + data[8:]),
    "a length of nothing": file("weights", lambda data: bytes(8) + data[8:]),
    "seven bytes": file("weights", lambda data: data[:7]),
    "a header of 90 MB": file("weights", lambda data: under_header(b"{" + b" " * 90_000_000 + b"}", b"")),
    "a header nested without end": file("weights", lambda _: under_header(DEEP, b"")),
    "a header of a list": file("weights", lambda _: under_header(b"[]", b"")),
    "a shape without end": header("weights", lambda h: h["0.head.bias"].update(data_offsets=LONG)),
    "a number of a thousand digits": file("weights", lambda _: under_header(b"[1" + b"0" * 1000 + b".0]", b"")),
    "an entry that is no object": header("weights", lambda h: h.update({"x": 1})),
    "metadata": header("weights", lambda h: h.update(__metadata__={"loader": "os.system"})),
    "an array twice": file("weights", twice),
    "an array named ../../x": header("weights", lambda h: h.update({"../../x": h.pop("0.head.bias")})),
    "an array less": arrays("weights", lambda a: a.pop("0.head.bias")),
    "an array more": arrays("weights", lambda a: a.update(x=np.zeros(1, np.float32))),
    "an array of no size and 2^62 rows": header(
        "weights", lambda h: h.update(x={"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]})
    ),
    "an array of another type": arrays("weights", lambda a: a.update({"0.head.bias": a["0.head.bias"].view(np.int32)})),
    "an array of another shape": header("weights", lambda h: h["0.head.weight"]["shape"].reverse()),
    "shapes that overflow": header("weights", lambda h: h["0.head.weight"].update(shape=[2**33, 2**33, 1, 1])),
    "a negative shape": header("weights", lambda h: h["0.head.bias"]["shape"].__setitem__(0, -2)),
    "offsets that overlap": header("weights", lambda h: h["1.head.bias"].update(data_offsets=[0, 24])),
    "offsets beyond the file": header("weights", lambda h: h["1.head.bias"].update(data_offsets=[2**40, 2**40 + 24])),
    "offsets that go back": header("weights", lambda h: h["1.head.bias"]["data_offsets"].reverse()),
    "bytes after the arrays": file("weights", lambda data: data + b"\x80\x04."),
    "a pickle in the place of the weights": file("weights", lambda _: b"\x80\x04\x95cos\nsystem\n(S'id'\ntR."),
    "NaN in the weights": arrays("weights", put("0.hidden.0.weight", 5, np.nan)),
    "infinity in the weights": arrays("weights", put("1.head.bias", 0, np.inf)),
    "NaN in the student": arrays("fast", put("head.bias", 0, np.nan)),
    "NaN in a text's weights": arrays("weights", put("text.0.idf", 0, np.nan)),
    "n-grams out of order": arrays("weights", lambda a: a["text.0.buckets"].sort() or a["text.0.buckets"][:2].sort()
                                   or a.update({"text.0.buckets": a["text.0.buckets"][::-1].copy()})),
    "n-grams twice": arrays("weights", lambda a: put("text.0.buckets", 0, int(a["text.0.buckets"][1]))(a)),
    "n-grams beyond all": arrays("weights", put("text.0.buckets", -1, 2**31)),
    "a tree that goes in a circle": arrays("trees", cycle),
    "a child beyond the trees": arrays("trees", lambda a: put("right", inner_node(a), 2**31 - 1)(a)),
    "a child before its parent": arrays("trees", lambda a: put("left", inner_node(a), -1)(a)),
    "a feature that is none": arrays("trees", lambda a: put("feature", inner_node(a), 10_000)(a)),
    "a negative feature": arrays("trees", lambda a: put("feature", inner_node(a), -1)(a)),
    "a set of codes that is none": arrays("trees", lambda a: put("left_codes", inner_node(a), 10_000)(a)),
    "a set of codes for a number": arrays(
        "trees", lambda a: (put("left_codes", inner_node(a), 0)(a), put("feature", inner_node(a), 6)(a))
    ),
    "a root beyond the trees": arrays("trees", put("roots", 0, 2**31 - 1)),
    "a tree a thousand times": arrays("trees", put_everywhere(0, "roots")),
    "more rows below a split than above": arrays("trees", put("count", 0, 2**31 - 1)),
    "no rows at all": arrays("trees", put_everywhere(0, "count")),
    "both ways to one node": arrays("trees", lambda a: put("left", inner_node(a), a["right"][inner_node(a)])(a)),
    "NaN in a leaf": arrays("trees", put("value", 0, np.nan)),
    "a split at NaN": arrays("trees", put("threshold", 0, np.nan)),
    "a label that is no class": arrays("heldout", put("labels", 0, 2)),
    "a label below zero": arrays("heldout", put("validation.labels", 0, -1)),
    "probabilities that make no whole": arrays("heldout", put("network", 0, 0.99)),
    "a probability below zero": arrays("heldout", lambda a: a["trees"].__setitem__(0, [-1.0, 2.0])),
    "NaN among the held-out rows": arrays("heldout", put("trees_default", 0, np.nan)),
}  # fmt: skip
GALLERY = FILES | MANIFESTS | DESCRIPTIONS | ARRAYS
"""Folders that are refused, by name."""

HARMLESS: dict[str, Make] = {
    "levels of control characters": description(
        lambda d: d["encoder"]["categories"][0]["levels"].__setitem__(0, "\x1b[2J\x00\x9b\u202e\r\n")
    ),
    "a class of control characters": description(
        lambda d: d["schema"]["classes"].__setitem__(0, "\x1b]0;title\x07[/bad]\u2028")
    ),
    "a column of control characters": description(
        lambda d: (
            d["schema"]["columns"][0].update(name="\x1b[2J\x9b"),
            d["encoder"]["numeric"].__setitem__(0, "\x1b[2J\x9b"),
        )
    ),
    "a version of control characters": description(
        lambda d: d["provenance"].update(nncli_version="\x1b[2J\x9b1J\n\u202e")
    ),
    "a hash of the data of control characters": description(
        lambda d: d["provenance"].update(data_sha256="\x1b[2J\x9b1J\n")
    ),
    "files that no manifest names": copied(lambda folder: (folder / "\x1b[2Jx.pkl").write_bytes(b"\x80\x04.")),
}
"""Folders that are sound: what they hold must not act on a terminal."""
OVERFLOWING: dict[str, Make] = {
    "network": arrays("weights", put_everywhere(3e38, "0.hidden.0.weight")),
    "fast": arrays("fast", put_everywhere(3e38, "hidden.0.weight")),
}
"""Folders that can be read, and of which this side gives no probabilities."""
