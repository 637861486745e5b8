# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nightly runs in which something goes wrong at a chosen moment, on one installation or on two at once."""

from __future__ import annotations

import collections.abc
import json
import threading
import typing as t

from tests.integration.promises import Installation
from tests.integration.support import PlaybookRun, run_playbook
from tests.lab.lab import Lab
from tests.lab.record import BEFORE, Request

Variables = collections.abc.Mapping[str, t.Any]

AVBACKUP_STARTS = ("Win32_Process.Create", "avbackup-backup")
EXPORT_STARTS = ("Win32_Process.Create", "oracle-")
LAST_UNIT_STOPS = ("StopService", "AltiumCollaboration")
"""Words of the requests with which a step begins, or the first step ends."""


def nightly(
    *installations: Installation, by_host: collections.abc.Mapping[str, Variables] | None = None, **common: t.Any
) -> PlaybookRun:
    """``playbooks/nightly.yml`` on these installations of one lab. ``by_host``: variables of single hosts; ``common``: of all."""
    lab = installations[0].lab
    arguments = ["--limit", ",".join(one.name for one in installations)]
    if by_host:
        # A second inventory only adds variables to the hosts of the first. JSON is YAML.
        extra = lab.root / "variables.json"
        extra.write_text(json.dumps({"all": {"hosts": {host: dict(variables) for host, variables in by_host.items()}}}))
        arguments += ["--inventory", str(extra)]
    return run_playbook(lab, "nightly", *arguments, **common)


def impatient(seconds: int) -> list[dict[str, t.Any]]:
    """The role's default units, with a deadline that a test can wait for."""
    folder = r"C:\Program Files (x86)\Altium\Altium365"
    found = [{"kind": "app_pool", "pattern": "*"}, {"kind": "service", "name": "W3SVC"}, {"kind": "service", "path_under": folder}]
    return [{**unit, "timeout": seconds} for unit in found]


def once(
    lab: Lab, host: str, words: collections.abc.Collection[str], act: collections.abc.Callable[[], t.Any], moment: str = BEFORE
) -> threading.Event:
    """Do something at the first request to the host that has all these words: before it is executed, or before it is answered.

    The event is set when it was done: a test whose moment never came has tested nothing.
    """
    done = threading.Event()
    lock = threading.Lock()

    def look(now: str, request: Request) -> None:
        if now != moment or request.host != host or not all(word in request.text for word in words):
            return
        with lock:
            if done.is_set():
                return
            act()
            done.set()

    lab.on_request(look)
    return done
