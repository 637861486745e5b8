# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue is rebuilt from what tapes say of themselves. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.tape import changer as changers
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels, placing
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, PARTIAL, Catalogue, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Step
from ansible_collections.lockstep.backup.plugins.module_utils.tape.identity import Identity
from ansible_collections.lockstep.backup.plugins.module_utils.tape.session import Result, Session

Group = t.Tuple[int, t.Sequence[bytes]]
"""A tape file: its number, and its first blocks."""


def imported(task: Task) -> Result:
    """Take over the tape in the drive, and with a changer all tapes that it has."""
    session = Session(task)
    found: list[dict[str, t.Any]] = []
    with session.locked():
        if session.changer is None:
            session.drive.load()
            if not session.drive.status().loaded:
                raise LockstepError(
                    "drive_empty", f"There is no tape in the drive {session.drive.name}. Insert the one to be imported."
                )
            found.append(_one(session, None))
        else:
            found = _all(session)
        session.save("what the tapes say")
    return session.result(imported=found)


def _all(session: Session) -> list[dict[str, t.Any]]:
    changer = t.cast(changers.Changer, session.changer)
    if session.task.check_mode:
        inventory = changer.inventory()
        codes = [code for code in (inventory["drive"], *inventory["slots"].values()) if code and not changers.is_cleaning(code)]
        for code in codes:
            session.act("import", code, "load it and read what it says")
        return []
    found = []
    inventory = changer.inventory()
    if inventory["drive"] is not None:
        if not changers.is_cleaning(inventory["drive"]):
            found.append(_one(session, inventory["drive"]))
        placing.eject(session, None)
        inventory = changer.inventory()
    for slot, code in sorted(inventory["slots"].items()):
        if code is None or changers.is_cleaning(code):
            continue
        session.act("load", code, f"from slot {slot}", functools.partial(changer.load, slot))
        placing.await_ready(session)
        found.append(_one(session, code))
        session.act("unload", code, f"to slot {slot}", functools.partial(changer.unload, slot))
    return found


def _one(session: Session, barcode: str | None) -> dict[str, t.Any]:
    identity = session.identify()
    ours = identity.kind == identities.OURS and identity.info["installation"] == session.catalogue.installation
    # Of what another program wrote the catalogue knows more than the tape tells.
    if ours and not identity.sealed:
        session.act("read", identity.name, "what it says of itself")
        groups = read_groups(session)
        take_over(session.catalogue, identity, groups, barcode, session.text_moment())
    return {**identity.as_dict(), "barcode": barcode, "imported": ours}


def read_groups(session: Session) -> list[Group]:
    """The beginning of each tape file, up to the end of the data or to what cannot be read."""
    groups: list[Group] = []
    while True:
        number = len(groups)
        outcomes = session.drive.perform([Step(drives.REWIND), Step(drives.SPACE_FILES, number), Step(drives.READ_GROUP)])
        last = outcomes[-1]
        if last.step != drives.READ_GROUP or not last.blocks:
            return groups
        groups.append((number, last.blocks))
        if last.end in (drives.END_OF_DATA, drives.ERROR):
            return groups


def take_over(catalogue: Catalogue, identity: Identity, groups: t.Sequence[Group], barcode: str | None, now: str) -> None:
    """Bring the catalogue to what one tape says. Counters and history of a tape that it already has are kept."""
    label, info = identity.name, identity.info
    before = catalogue.tapes.get(label)
    if before is None or before.volume_id != info["volume_id"]:
        tape = Tape(label, info["volume_id"], info["pool"], info["group"], info.get("labelled", info["written"]), barcode)
        tape.note(now, "imported")
    else:
        tape = before
    sections = _sections(groups)
    tape.pool, tape.group, tape.barcode = info["pool"], info["group"], barcode or tape.barcode
    tape.location = placing.IN_DRIVE if barcode is None else tape.location
    tape.seal = None
    tape.files = len(groups)
    written = [header["at"] for _file, header, _trailer in sections]
    tape.first_written, tape.last_written = (min(written), max(written)) if written else (None, None)
    tape.expires = max((header["expires"] for _file, header, _trailer in sections), default=None)
    tape.used_bytes = sum(segment["bytes"] for _file, _header, trailer in sections if trailer for segment in trailer["segments"])
    # A tape whose last set has no end is not appended to.
    tape.closed = tape.closed or any(trailer is None or not trailer["complete"] for _file, _header, trailer in sections)
    tape.writes = max(tape.writes, len(sections))
    catalogue.tapes[label] = tape
    _drop_places(catalogue, label, {header["set_id"] for _file, header, _trailer in sections})
    for first_file, header, trailer in sections:
        _add_place(catalogue, tape, first_file, header, trailer)


Sections = t.List[t.Tuple[int, t.Dict[str, t.Any], t.Optional[t.Dict[str, t.Any]]]]


def _sections(groups: t.Sequence[Group]) -> Sections:
    """Each set's beginning on the tape: its tape file, its header, and its end where it has one."""
    found: Sections = []
    for number, blocks in groups:
        rest = blocks[1:] if labels.kind_of(blocks[0]) == "VOL1" else blocks
        if len(rest) < 2:
            continue
        kind, info = labels.kind_of(rest[0]), labels.read_info(rest[1])
        if info is None:
            continue
        if kind == "HDR1" and info["set_id"] is not None:
            found.append((number, info, None))
        elif kind in ("EOF1", "EOV1") and found and found[-1][1]["set_id"] == info["set_id"]:
            found[-1] = (found[-1][0], found[-1][1], info)
    return found


def _drop_places(catalogue: Catalogue, label: str, kept: set[str]) -> None:
    for stored in catalogue.sets_on(label):
        if stored.set_id not in kept:
            stored.tapes = [place for place in stored.tapes if place["label"] != label]
            catalogue.give_up(stored, f"it is no longer on {label}")
            if not stored.tapes:
                del catalogue.sets[stored.set_id]


def _add_place(
    catalogue: Catalogue, tape: Tape, first_file: int, header: t.Mapping[str, t.Any], trailer: t.Mapping[str, t.Any] | None
) -> None:
    set_id = header["set_id"]
    place = {
        "label": tape.label,
        "volume_id": tape.volume_id,
        "first_file": first_file,
        "segments": list(trailer["segments"]) if trailer else [],
    }
    stored = catalogue.sets.get(set_id)
    if stored is not None and place in stored.tapes:
        return
    if stored is None:
        parts = [dict(part) for part in header["parts"]]
        stored = StoredSet(set_id, header["pool"], PARTIAL, header["written"], header["block_size"], parts, [])
        catalogue.sets[set_id] = stored
    others = [other for other in stored.tapes if other["label"] != tape.label]
    stored.tapes = sorted([*others, place], key=_order)
    complete = _bytes(stored) == sum(part["bytes"] for part in stored.parts)
    stored.state = COMPLETE if complete else PARTIAL
    stored.error = "" if complete else "not all of it is on the tapes that were imported"


def _order(place: t.Mapping[str, t.Any]) -> tuple[int, int]:
    """Segments of a set follow each other in the order of its parts, over all of its tapes."""
    first = place["segments"][0] if place["segments"] else {"index": 1 << 30, "offset": 0}
    return first["index"], first["offset"]


def _bytes(stored: StoredSet) -> int:
    return sum(segment["bytes"] for place in stored.tapes for segment in place["segments"])
