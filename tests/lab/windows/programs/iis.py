# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""appcmd: application pools, sites and worker processes from the command line."""

from __future__ import annotations

import typing as t
from xml.sax.saxutils import quoteattr

from tests.lab.windows import errors
from tests.lab.windows.execution import Execution
from tests.lab.windows.tool import Tool

NOT_FOUND = 50
Row = dict[str, str]


def appcmd(run: Execution) -> int:
    arguments = run.arguments
    if len(arguments) < 2:
        return run.unknown("appcmd")
    verb, kind = arguments[0].lower(), arguments[1].lower()
    options: dict[str, str] = {}
    name: str | None = None
    for argument in arguments[2:]:
        key, separator, value = argument.partition(":")
        if not argument.startswith("/"):
            name = argument
        elif key.lower() in (f"/{kind}.name", "/name"):
            name = value
        elif key.lower() in ("/xml", "/text"):
            options[key.lower()] = value if separator else ""
        else:
            return run.unknown(f"appcmd option {argument}")
    if kind not in ("apppool", "site", "wp") or verb not in ("list", "start", "stop") or (kind == "wp" and verb != "list"):
        return run.unknown(f"appcmd {verb} {kind}")
    if not run.user.admin:
        run.out(f"ERROR ( hresult:80070005, message:Command execution failed.\n{errors.TEXTS[5]}\n )\n")
        return 5
    if verb == "list":
        return _list(run, kind, name, options)
    if name is None or options:
        return run.unknown(f"appcmd {verb} without a name or with output options")
    return _control(run, kind, name, verb)


def _rows(run: Execution, kind: str) -> list[Row]:
    iis = run.machine.iis
    if kind == "apppool":
        return [
            {"APPPOOL.NAME": pool.name, "PipelineMode": "Integrated", "RuntimeVersion": "v4.0", "state": iis.pool_state(pool)}
            for pool in iis.pools()
        ]
    if kind == "site":
        return [
            {"SITE.NAME": site.name, "SITE.ID": str(site.site_id), "bindings": site.bindings, "state": iis.site_state(site)}
            for site in iis.sites()
        ]
    return [{"WP.NAME": str(pool.worker.pid), "APPPOOL.NAME": pool.name} for pool in iis.pools() if pool.worker is not None]


def _list(run: Execution, kind: str, name: str | None, options: Row) -> int:
    key = f"{kind.upper()}.NAME"
    rows = [row for row in _rows(run, kind) if name is None or row[key].lower() == name.lower()]
    if "/xml" in options:
        run.out('<?xml version="1.0" encoding="UTF-8"?>\n<appcmd>\n')
        for row in rows:
            run.out(f"    <{kind.upper()} {' '.join(f'{column}={quoteattr(value)}' for column, value in row.items())} />\n")
        run.out("</appcmd>\n")
    elif "/text" in options:
        column = options["/text"]
        for row in rows:
            found = next(
                (value for title, value in row.items() if column.lower() in (title.lower(), title.lower().partition(".")[2])), None
            )
            if found is None:
                return run.unknown(f"appcmd /text:{column}")
            run.out(found + "\n")
    else:
        for row in rows:
            rest = ",".join(f"{column.rpartition('.')[2]}:{value}" for column, value in row.items() if column != key)
            run.out(f'{kind.upper()} "{row[key]}" ({rest})\n')
    return 0 if rows else 1


def _control(run: Execution, kind: str, name: str, verb: str) -> int:
    iis = run.machine.iis
    start = verb == "start"
    if kind == "apppool":
        pool = iis.pool(name)
        code = NOT_FOUND if pool is None else iis.control_pool(pool, start)
    else:
        site = iis.site(name)
        code = NOT_FOUND if site is None else iis.control_site(site, start)
    if code == NOT_FOUND:
        run.out(f'ERROR ( message:Cannot find {kind.upper()} object with identifier "{name}". )\n')
        return NOT_FOUND
    if code:
        run.out(f"ERROR ( hresult:{0x80070000 + code:08x}, message:Command execution failed.\n{errors.TEXTS[code]}\n )\n")
        return code
    run.out(f'"{name}" successfully {"started" if start else "stopped"}\n')
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "appcmd.exe": Tool(appcmd, lambda arguments: bool(arguments) and arguments[0].lower() == "list"),
}
