# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DBMS_OUTPUT: lines for the client."""

from __future__ import annotations

import typing as t

from tests.lab.oracle.plsql.library import Library
from tests.lab.oracle.plsql.values import Collection, Ref, Value, as_text

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session


def register(library: Library) -> None:
    library.routine("DBMS_OUTPUT.ENABLE", "buffer_size?")(_enable)
    library.routine("DBMS_OUTPUT.DISABLE")(_disable)
    library.routine("DBMS_OUTPUT.PUT_LINE", "item")(_put_line)
    library.routine("DBMS_OUTPUT.GET_LINE", "line! status!")(_get_line)
    library.routine("DBMS_OUTPUT.GET_LINES", "lines! numlines!")(_get_lines)


def _enable(session: Session, buffer_size: Value = None) -> None:
    session.output = session.output or []


def _disable(session: Session) -> None:
    session.output = None


def _put_line(session: Session, item: Value) -> None:
    if session.output is not None:
        session.output.append(as_text(item))


def _get_line(session: Session, line: Ref, status: Ref) -> None:
    lines = session.output or []
    line.set(lines.pop(0) if lines else None) if lines else line.set(None)
    status.set(0 if line.get() is not None else 1)


def _get_lines(session: Session, lines: Ref, numlines: Ref) -> None:
    waiting = session.output or []
    count = min(int(numlines.get() or 0), len(waiting))
    taken, waiting[:count] = waiting[:count], []
    # A host array comes and goes as a Python list; a variable of the block is a collection.
    lines.set(Collection(taken) if isinstance(lines.get(), Collection) else taken)
    numlines.set(count)
