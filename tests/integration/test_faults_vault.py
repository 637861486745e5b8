# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second run at the same time, clocks that jump, sets dated in the future, sets that are damaged."""

from __future__ import annotations

import threading
import typing as t

from tests.integration.chains import AVBACKUP_STARTS, EXPORT_STARTS, nightly, once
from tests.integration.promises import DUMP, ZIP, Installation, final_message
from tests.integration.support import PlaybookRun
from tests.lab.lab import Lab

LONGEST_WAIT = 60.0
KEEP: t.Mapping[str, t.Any] = {"altium_enterprise_server_keep_recent": 1, "altium_enterprise_server_keep_archive": 1}


def test_a_second_run_at_the_same_time_is_refused_and_does_not_disturb_the_first(lab: Lab, first: Installation) -> None:
    reached, may_go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert may_go_on.wait(LONGEST_WAIT)

    once(lab, "aes1", AVBACKUP_STARTS, hold)
    runs: list[PlaybookRun] = []
    earlier = threading.Thread(target=lambda: runs.append(nightly(first)))
    earlier.start()
    assert reached.wait(LONGEST_WAIT)
    held = first.left()
    during = Installation(lab, 1)
    later = nightly(during)
    message = during.refused_before_anything_stopped(
        later, "run_in_progress", "aes1", "belongs to another run", "Wait until it has ended", left=held
    )
    assert f"process {_run_that_holds(first)}" in message
    may_go_on.set()
    earlier.join()
    first.succeeded(runs[0])


def _run_that_holds(installation: Installation) -> int:
    (name,) = installation.newly_failed(installation.server)
    return int(installation.manifest(installation.server, "Failed", name)["owner"]["pid"])


def test_a_clock_that_jumps_during_the_outage_falsifies_neither_set_nor_outage(
    lab: Lab, first: Installation, second: Installation
) -> None:
    once(lab, "ora1", EXPORT_STARTS, lambda: lab.faults.set("aes1", "clock_jump", -3600))
    once(lab, "ora2", EXPORT_STARTS, lambda: lab.faults.set("aes2", "clock_jump", 3600))
    run = nightly(first, second)
    assert run.exit_code == 0, run.output
    for installation in (first, second):
        manifest = installation.succeeded(run)
        assert manifest["outage"]["seconds"] < LONGEST_WAIT


def test_sets_dated_in_the_future_stop_the_deletion_and_not_the_backup(lab: Lab, first: Installation) -> None:
    for host in ("aes1", "ora1"):
        lab.faults.set(host, "clock_jump", 400 * 86400)
    assert nightly(first, **KEEP).exit_code == 0
    (future,) = first.recent(first.server)
    lab.faults.clear()
    run = nightly(first, **KEEP)
    assert run.exit_code != 0
    assert "set_in_future" in run.error_codes()
    message = final_message(run, "aes1")
    assert f"dated in the future ({future})" in message
    assert "Nothing is deleted until that is set right: correct the clock, or move those sets out of the vault" in message
    first.service_is_back()
    assert first.left() == set()
    # The new set is good all the same, and the old one is still there.
    for machine in first.hosts:
        names = first.recent(machine)
        assert future in names
        assert len(names) == 2


def test_damaged_sets_are_told_and_neither_counted_nor_deleted_nor_taken_for_good(lab: Lab, first: Installation) -> None:
    names: list[str] = []
    for _unused in range(2):
        installation = Installation(lab, 1)
        installation.succeeded(nightly(installation))
        names += sorted(installation.recent(installation.server) - set(names))
    cut, unreadable = names
    for host, part in ((first.server, ZIP), (first.oracle, DUMP)):
        path = first.folder(host, "Recent", cut, part)
        path.write_bytes(path.read_bytes()[:-100])
        first.folder(host, "Recent", unreadable, "manifest.json").write_text("{ no manifest")
    installation = Installation(lab, 1)
    run = nightly(installation, **KEEP)
    assert run.exit_code == 0, run.output
    installation.succeeded(run)
    for host in first.hosts:
        assert {cut, unreadable} < first.recent(host)
    for name, problem in ((cut, "bytes instead of"), (unreadable, "manifest.json")):
        said = [line for line in run.output.splitlines() if f"set {name} in Recent is damaged" in line]
        assert len(said) == 2, run.output
        assert problem in said[0]
        assert "It is neither counted nor deleted" in " ".join(said)
