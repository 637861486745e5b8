# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record beside a dump: what it is, and which set it belongs to. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Record:
    """``files``: name and bytes of each file of the dump, which lie in one folder. ``tables``: rows by table, as far as the log
    tells; ``finished``: the host's time as ISO 8601. ``full``: a whole database; ``schema`` is then that of its account."""

    set_id: str
    schema: str
    service: str
    method: str
    consistent: bool
    scn: int | None
    version: str
    charset: str
    files: t.Mapping[str, int]
    log: str
    tables: t.Mapping[str, int]
    finished: str
    full: bool = False

    @property
    def size(self) -> int:
        return sum(self.files.values())

    def dumps(self) -> str:
        return json.dumps(dict(dataclasses.asdict(self), format=FORMAT), indent=2, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str, path: str) -> Record:
        """Slug ``record_damaged``."""
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise ValueError("another format")
            record = cls(**data)
            if not all(isinstance(size, int) for size in record.files.values()):
                raise ValueError("a size is no number")
            return record
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LockstepError(
                "record_damaged", f"The record {path} beside the dump cannot be read ({error.__class__.__name__}).", path=path
            ) from error


def path_for(dump: str) -> str:
    return f"{dump}.lockstep.json"


def refuse_other_set(record: Record | None, dump: str, expected_set_id: str | None) -> None:
    """Slug ``set_mismatch``. Without an expected set only the record must be there."""
    if record is None:
        raise LockstepError(
            "set_mismatch",
            f"There is no record beside {dump}, so nothing tells which set it belongs to. Say allow_other_set=true only when you "
            "know "
            "where it comes from.",
        )
    if expected_set_id is not None and record.set_id != expected_set_id:
        raise LockstepError(
            "set_mismatch",
            f"{dump} belongs to the set {record.set_id}, and not to {expected_set_id}. Parts of different sets do not fit "
            "together. "
            "Take the dump of that set, or say allow_other_set=true.",
            set_id=record.set_id,
            expected_set_id=expected_set_id,
        )


def refuse_import(
    record: Record | None,
    dump: str,
    schema: str,
    from_schema: str | None,
    expected_set_id: str | None,
    allow_other_schema: bool,
    allow_other_set: bool,
) -> str:
    """The schema to be taken out of the dump, when it may go into ``schema``. Slugs ``import_refused``, ``set_mismatch``."""
    if not allow_other_set:
        refuse_other_set(record, dump, expected_set_id)
    if record is not None and from_schema is not None and not record.full and record.schema != from_schema:
        raise LockstepError(
            "import_refused",
            f"{dump} holds the schema {record.schema}, and not {from_schema}. Correct from_schema.",
            dump_schema=record.schema,
        )
    source = from_schema
    if source is None and record is not None:
        source = schema if record.full else record.schema
    if source is None:
        raise LockstepError("import_refused", f"Nothing tells which schema {dump} holds. Say it with from_schema.")
    if source != schema and not allow_other_schema:
        raise LockstepError(
            "import_refused",
            f"{dump} holds the schema {source}, and would go into {schema}. Say allow_other_schema=true if that is meant.",
            dump_schema=source,
        )
    return source


def refuse_full_import(record: Record | None, dump: str, expected_set_id: str | None, allow_other_set: bool) -> None:
    """Raise unless the dump may be imported as a whole database. Slugs ``import_refused``, ``set_mismatch``."""
    if not allow_other_set:
        refuse_other_set(record, dump, expected_set_id)
    if record is not None and not record.full:
        raise LockstepError(
            "import_refused",
            f"{dump} holds only the schema {record.schema}, and not a whole database. Leave out full, and give schema.",
            dump_schema=record.schema,
        )
