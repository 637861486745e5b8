# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HB.LOG and RESTORE.txt."""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.module_utils.host.base import POSIX, WINDOWS
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault import restore_text, step_log
from tests.unit.vault import examples


def test_the_step_log_has_the_form_of_the_overview_in_the_order_and_zone_of_the_sets_time() -> None:
    manifest = examples.opened()
    manifests.add_step(manifest, "2026-11-21T03:15:00+01:00", "SET_COMMITTED", "grade quiesced")
    manifests.add_step(manifest, "2026-11-21T02:14:00.5Z", "units stopped", "all|of\nthem")
    assert step_log.write(manifest).splitlines() == [
        "11/21/2026 03:13:00|l:SET_OPENED|Scheduled, backup on control1 (process 4711, run run1)",
        "11/21/2026 03:14:00|l:units_stopped|all of them",
        "11/21/2026 03:15:00|l:SET_COMMITTED|grade quiesced",
    ]


def test_the_restore_text_says_all_that_a_person_needs() -> None:
    text = restore_text.write(examples.committed(grade_reasons=["IIS was down"]), WINDOWS)
    for expected in (
        "Backup set 26112101 of berlin (altium_enterprise_server)",
        "berlin-26112101-00000000",
        "quiesced: everything that writes was stopped",
        "- IIS was down",
        "300.5 s",
        "1234 bytes, made by avbackup.exe 5.0",
        "a" * 64,
        'certutil -hashfile "zips\\vault.zip" SHA256',
        "The rest lies in the vaults on ora1.",
        "1. Stop IIS.",
        "2. Restore the zip.",
    ):
        assert expected in text


def test_the_restore_text_of_a_posix_host_names_its_own_commands() -> None:
    assert "sha256sum 'zips/vault.zip'" in restore_text.write(examples.committed(), POSIX)


def test_a_set_on_one_host_is_not_called_incomplete() -> None:
    manifest = {**examples.committed(), "hosts": ["aes1"], "outage": None, "restore_steps": []}
    text = restore_text.write(manifest, WINDOWS)
    assert "OTHER HOSTS" not in text
    assert "No steps were recorded" in text


def test_every_grade_is_explained() -> None:
    for grade in ("quiesced", "hot", "crash_consistent", "degraded"):
        assert f"Grade:    {grade}: " in restore_text.write({**examples.committed(), "grade": grade}, WINDOWS)
