# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that was cut short left of a journal that it had not put in place yet."""

from __future__ import annotations

import datetime

from tests.unit.oracle.fake_oracle import FakeOracle
from tests.unit.oracle.support import JOURNAL, PRIVILEGES, call, make_host

OTHER_ACCOUNTS = f"{PRIVILEGES}\\AESUSER313@XE2.json~run9"


def test_a_draft_that_is_a_day_old_is_removed_and_no_other_file() -> None:
    host = make_host()
    host.make_folder(PRIVILEGES)
    old, young = f"{JOURNAL}~run7", f"{JOURNAL}~run8"
    for path in (old, young, OTHER_ACCOUNTS):
        host.write_text(path, "{}")
    for path in (old, OTHER_ACCOUNTS):
        host.modified[path] = host.wall - datetime.timedelta(days=1, seconds=1)
    call(host, FakeOracle(), state="recovered", dump=None, log=None, set_id=None)
    assert old not in host.files
    assert {young, OTHER_ACCOUNTS} <= set(host.files)


def test_check_mode_removes_none() -> None:
    host = make_host()
    host.make_folder(PRIVILEGES)
    host.write_text(f"{JOURNAL}~run7", "{}")
    host.modified[f"{JOURNAL}~run7"] = host.wall - datetime.timedelta(days=2)
    call(host, FakeOracle(), check_mode=True, state="recovered", dump=None, log=None, set_id=None)
    assert f"{JOURNAL}~run7" in host.files
