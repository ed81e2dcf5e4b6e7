from pathlib import Path

import pytest

from nncli.errors import MemoryLimitError
from nncli.guard import memory
from nncli.guard.memory import free_bytes, refuse_too_large


def test_what_cannot_fit_is_refused_and_what_may_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 8_000_000_000)
    refuse_too_large(5_000_000, 40)
    words = "to learn from 5,000,000 rows of 41 columns takes 8.2 GB or more, and 8.0 GB are free; use fewer rows"
    with pytest.raises(MemoryLimitError, match=words):
        refuse_too_large(5_000_000, 41)
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    refuse_too_large(10**9, 10**6)


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux tells what is free")
def test_the_least_is_told_of_system_and_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    monkeypatch.setattr(memory, "_OWN_GROUP", tmp_path / "own")
    (tmp_path / "own").write_text("1:name=systemd:/x\n0::/a/b\n")
    of_system = free_bytes()
    assert of_system is not None
    assert of_system > 2**20
    group = tmp_path / "a" / "b"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("900000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 300000\n")
    (group / "memory.max").write_text("max\n")
    assert free_bytes() > 2**20
    (group / "memory.max").write_text("1000000\n")
    assert free_bytes() == 400_000
    (group / "memory.max").write_text("500000\n")
    assert free_bytes() == 0
