# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tape_rotate`` as a process, on a tape in a folder, beside the programs that write the same bytes to the same disk."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys
import time
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, Catalogue, StoredSet, Tape, write
from tests.bench.rows import Row, at_most

MODULE = "ansible_collections.lockstep.backup.plugins.modules.tape_rotate"
SIZE = 512 << 20
"""Bytes of the set that is written."""
ROUNDS = 5
HASHING = 6
"""How much longer than a program that does not hash: each byte is hashed before the tape is touched, and again on its way there."""
TAPES = 10_000
POOLS = 100
BLOCK = 256 << 10
POOL = {"name": "pool0", "tapes": TAPES // POOLS, "retention_days": 0, "keep_newer": 0}

# What a site without Lockstep would ask its own list of tapes: which one was written longest ago, and may be overwritten.
_OLDEST = """
import json, sys
with open(sys.argv[1]) as source:
    tapes = json.load(source)["tapes"]
free = [tape for tape in tapes if tape["pool"] == "pool0" and (tape["expires"] or "") < sys.argv[2]]
print(min(free, key=lambda tape: tape["last_written"] or "")["label"])
"""


def tapes(place: pathlib.Path) -> list[Row]:
    place.mkdir(parents=True)
    return [*writing(place), *asking(place)]


def _seconds(*command: str, stdin: str = "", flush: pathlib.Path | None = None) -> float:
    """Of the whole process, until what it wrote below ``flush`` is on the disk."""
    began = time.monotonic()
    subprocess.run(command, check=True, input=stdin.encode(), stdout=subprocess.PIPE)
    for path in flush.rglob("*") if flush else ():
        if path.is_file():
            with path.open("rb") as written:
                os.fsync(written)
    return time.monotonic() - began


def _module(place: pathlib.Path, flush: pathlib.Path | None = None, **options: t.Any) -> float:
    common = {
        "path": str(place / "catalogue"),
        "installation": "bench",
        "device": {"kind": "folder", "path": str(place / "drive")},
        "pool": POOL,
    }
    return _seconds(sys.executable, "-m", MODULE, stdin=json.dumps({"ANSIBLE_MODULE_ARGS": {**common, **options}}), flush=flush)


def writing(place: pathlib.Path) -> list[Row]:
    """The best of several rounds for each, in turns: what else the machine does slows all of them."""
    tape = place / "drive" / "tapes" / "one"
    tape.mkdir(parents=True)
    (tape / "tape.json").write_text(json.dumps({"capacity": 2 * SIZE}), encoding="utf-8")
    (place / "drive" / "drive.json").write_text(json.dumps({"tape": "one"}), encoding="utf-8")
    copies = place / "copies"
    copies.mkdir()
    source, copy = str(place / "export.dmp"), str(copies / "copy")
    with open(source, "wb") as target:
        target.writelines(os.urandom(1 << 20) for _unused in range(SIZE >> 20))
    _module(place, state="labelled")
    parts = [{"path": source}]
    set_ids = (f"set{number}" for number in range(2 * ROUNDS))

    def dd() -> float:
        return _seconds("dd", f"if={source}", f"of={copy}", f"bs={BLOCK}", "status=none", flush=copies)

    def checked_dd() -> float:
        return _seconds("sha256sum", source) + dd() + _seconds("sha256sum", copy)

    def tar() -> float:
        return _seconds(
            "tar", "--create", f"--file={copy}", f"--blocking-factor={BLOCK // 512}", "-C", str(place), "export.dmp", flush=copies
        )

    def ours(verify: bool) -> float:
        return _module(place, tape, state="written", set_id=next(set_ids), parts=parts, block_size=BLOCK, verify=verify)

    measured = {"dd": dd, "checked dd": checked_dd, "tar": tar, "ours": lambda: ours(False), "checked ours": lambda: ours(True)}
    best = dict.fromkeys(measured, math.inf)
    names = list(measured)
    for number in range(ROUNDS):
        # Each comes first once: some systems make whoever follows a deletion wait.
        for name in names[number:] + names[:number]:
            best[name] = min(best[name], measured[name]())
            pathlib.Path(copy).unlink(missing_ok=True)
    size = SIZE / 1e6
    told = f"tape: {SIZE >> 20} MiB hashed and written to the disk"
    return [
        _throughput(told, size, best["ours"], "dd, which does not hash", best["dd"], HASHING),
        _throughput(told, size, best["ours"], "tar, which does not hash", best["tar"], HASHING),
        _throughput(f"{told}, and read back", size, best["checked ours"], "sha256sum, dd, sha256sum", best["checked dd"], 1),
    ]


def _throughput(name: str, size: float, seconds: float, other: str, its: float, bound: float) -> Row:
    return at_most(name, size / seconds, "MB/s", f"{other}: {size / its:.0f} MB/s", seconds / its, bound)


def asking(place: pathlib.Path) -> list[Row]:
    """With a set on every tape."""
    found = Catalogue("bench")
    for number in range(TAPES):
        label, at = f"B{number:05d}", f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}T18:00:00+00:00"
        pool = f"pool{number % POOLS}"
        found.tapes[label] = Tape(label, "v", pool, "", at, first_written=at, last_written=at, expires=at, writes=1)
        part = {"name": "export.dmp", "path": "/backup/export.dmp", "bytes": 1, "sha256": "0" * 64}
        segment = {"index": 0, "part": "export.dmp", "offset": 0, "bytes": 1, "sha256": "0" * 64, "blocks": 1, "file": 1}
        on_tape = [{"label": label, "volume_id": "v", "first_file": 0, "segments": [segment]}]
        found.sets[label] = StoredSet(label, pool, COMPLETE, at, BLOCK, [part], on_tape)
    catalogue = place / "catalogue" / "tapes.json"
    catalogue.write_text(write(found), encoding="utf-8")
    ours, all_of_them, theirs = [], [], []
    for _unused in range(ROUNDS):
        ours.append(_module(place, state="query", date="2027-06-01"))
        all_of_them.append(_module(place, state="query", pool=None))
        theirs.append(_seconds(sys.executable, "-c", _OLDEST, str(catalogue), "2027-06-01"))
    compared = f"a script that finds the oldest one in the same file: {min(theirs):.2f} s"
    return [
        at_most(
            f"tape: which of a pool's {POOL['tapes']} is next, {TAPES} in the catalogue",
            min(ours),
            "s",
            compared,
            min(ours) / min(theirs),
            8,
        ),
        at_most(f"tape: all about {TAPES} tapes and their sets", min(all_of_them), "s", "5 s", min(all_of_them) / 5, 1),
    ]
