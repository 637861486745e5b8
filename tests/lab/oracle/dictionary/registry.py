# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of views, and what their definitions have in common."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from tests.lab.oracle.database import Database, Principal

PUBLIC, CATALOG, FIXED = "public", "catalog", "fixed"
Row = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Reader:
    """On whose behalf views are read."""

    database: Database
    principal: Principal
    sid: int = 1
    program: str = ""
    sessions: t.Sequence[Row] = ()

    @property
    def user(self) -> str:
        return self.principal.user


@dataclasses.dataclass(frozen=True)
class View:
    """``columns``: names with a type letter (t text, n number, d date). FIXED views need the catalog's rights too, but are
    there before the database is open."""

    columns: dict[str, str]
    rows: t.Callable[[Reader], t.Iterable[Row]]
    access: str = CATALOG


VIEWS: dict[str, View] = {}
RowFunction = t.Callable[[Reader], t.Iterable[Row]]


def view(name: str, columns: str, access: str = CATALOG) -> t.Callable[[RowFunction], RowFunction]:
    def register(function: RowFunction) -> RowFunction:
        VIEWS[name] = View(dict(column.split(":") for column in columns.split()), function, access)
        return function

    return register


def narrowed(name: str, source: str, owner: str, access: str = PUBLIC, keep_owner: bool = False) -> None:
    """USER_… (or ALL_… of a lab in which users see only their own) from DBA_…: the rows whose owner is the reader."""
    base = VIEWS[source]
    columns = {key: kind for key, kind in base.columns.items() if keep_owner or key != owner}
    VIEWS[name] = View(columns, lambda reader: (row for row in base.rows(reader) if row[owner] == reader.user), access)


def naive(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None, microsecond=0)


def yes(value: bool) -> str:
    return "YES" if value else "NO"
