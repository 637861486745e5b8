# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marked passwords are in nothing that anybody can read, however a run ends."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host import base
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.spec import ARGUMENT_SPEC
from tests.unit.fake_host import FakeHost, FakeJob
from tests.unit.oracle.fake_oracle import FakeOracle, ora
from tests.unit.oracle.support import call, make_host, run_tool

SECRETS = ("canary#1 p@ss/word", "canary-2-admin", "canary-3-wallet")
PARAMS: t.Mapping[str, t.Any] = {
    "password": SECRETS[0],
    "admin_user": "system",
    "admin_password": SECRETS[1],
    "wallet_password": SECRETS[2],
    "elevate": "dba",
}


def well(host: FakeHost, database: FakeOracle) -> None:
    host.job = lambda job: run_tool(host, job)


def tool_fails_and_repeats_the_login(host: FakeHost, database: FakeOracle) -> None:
    def job(started: FakeJob) -> base.JobStatus:
        return run_tool(host, started, f"LRM-00108: invalid value '{SECRETS[0]}'\nExport terminated unsuccessfully\n", 1)

    host.job = job


def tool_hangs_and_repeats_the_login(host: FakeHost, database: FakeOracle) -> None:
    def job(started: FakeJob) -> base.JobStatus:
        started.output = f"Password: {SECRETS[0]}"
        return base.JobStatus(base.JOB_RUNNING, None, 1)

    host.job = job


def login_fails(host: FakeHost, database: FakeOracle) -> None:
    database.passwords["SYSTEM"] = "another"


def revoke_fails(host: FakeHost, database: FakeOracle) -> None:
    def refuse(operation: str) -> None:
        if operation.startswith("REVOKE"):
            raise ora(1031, "insufficient privileges")

    database.on_operation = refuse


def parameter_file_cannot_be_removed(host: FakeHost, database: FakeOracle) -> None:
    def refuse(operation: str, path: str) -> None:
        if operation == "remove" and path.endswith(".par"):
            raise LockstepError("access_denied", f"{path} cannot be removed")

    host.before_write = refuse


ENDS = [
    well,
    tool_fails_and_repeats_the_login,
    tool_hangs_and_repeats_the_login,
    login_fails,
    revoke_fails,
    parameter_file_cannot_be_removed,
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_no_secret_is_left_or_shown(end: t.Callable[[FakeHost, FakeOracle], None], check_mode: bool) -> None:
    host, database = make_host(), FakeOracle()
    database.passwords.update(AESUSER313=SECRETS[0], SYSTEM=SECRETS[1])
    end(host, database)
    try:
        shown = json.dumps(call(host, database, check_mode=check_mode, **PARAMS))
    except LockstepError as error:
        shown = json.dumps(error.as_result()) + str(error) + repr(error.details)
    written = {path: data.decode("utf-8", "replace") for path, data in host.files.items()}
    if end is parameter_file_cannot_be_removed and not check_mode:
        left = [path for path in written if path.endswith(".par")]
        assert "access_denied" in shown
        assert left, "the next run removes it: its journal stays"
        assert set(left) <= host.private
        assert any(path.endswith(".json") and left[0] in json.loads(text).values() for path, text in written.items())
        del written[left[0]]
    # The log is the tool's own: what it says there is in a file of the set, and is not repeated.
    searched = [text for path, text in written.items() if not path.endswith(".log")]
    everything = "\n".join([shown, *searched, *host.events, *database.operations, *map(repr, host.jobs.values())])
    if end is tool_hangs_and_repeats_the_login:
        everything = everything.replace(f"output='Password: {SECRETS[0]}'", "")
    assert [secret for secret in SECRETS if secret in everything] == []


def test_every_password_option_is_hidden_by_ansible() -> None:
    assert {name for name, option in ARGUMENT_SPEC.items() if option.get("no_log")} == {
        "password",
        "admin_password",
        "wallet_password",
    }
