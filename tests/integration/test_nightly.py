# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nightly run when nothing goes wrong."""

from __future__ import annotations

import hashlib
import json
import pathlib
import zipfile

from tests.integration.etravel import Server
from tests.integration.support import run_playbook, vault_folder
from tests.lab.lab import Lab


def test_both_installations_get_a_set_whose_parts_are_real_and_carry_one_id(lab: Lab) -> None:
    run = run_playbook(lab, "nightly")
    assert run.exit_code == 0, run.output
    for number in (1, 2):
        parts = {}
        for host, part in ((f"aes{number}", "enterprise_server.zip"), (f"ora{number}", "AESUSER313.dmp")):
            (folder,) = vault_folder(lab, host, f"aes{number}", "Recent").iterdir()
            manifest = json.loads((folder / "manifest.json").read_text())
            parts[host] = manifest["set_id"]
            (recorded,) = [entry for entry in manifest["parts"] if entry["path"] == part]
            assert recorded["sha256"] == hashlib.sha256((folder / part).read_bytes()).hexdigest()
            assert recorded["bytes"] == (folder / part).stat().st_size
            assert manifest["grade"] == "quiesced"
        assert len(set(parts.values())) == 1
        with zipfile.ZipFile(
            vault_folder(lab, f"aes{number}", f"aes{number}", "Recent", folder.name, "enterprise_server.zip")
        ) as made:
            assert made.testzip() is None
            assert len(made.namelist()) > 5


def test_when_all_installations_of_one_system_fail_the_others_are_backed_up_all_the_same(tmp_path: pathlib.Path) -> None:
    with Lab(tmp_path / "lab", installations=1, etravel=1) as lab:
        server = Server(lab)
        server.until("tuesday", "03:13")
        lab.faults.set("aes1", "avbackup_missing")
        run = run_playbook(lab, "nightly", etravel_exports_by="lockstep", etravel_tape_poll=0.1)
        assert run.exit_code != 0
        assert "avbackup.exe is missing" in run.failures("aes1")[-1]["msg"]
        assert [event["task"] for event in run.events if event["host"] == "etravel1" and event["failed"]] == []
        assert len(server.sets()) == 1
        unknown = list(lab.unknown)
    assert unknown == []
