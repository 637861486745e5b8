# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: drilled."""

from __future__ import annotations

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Completed
from tests.unit.altium.enterprise_server import ZIP, parameters, server
from tests.unit.fake_host import FakeHost, make_task

SCRATCH = "D:\\Scratch"


def host_with_zip(exit_code: int = 0, content: bytes = b"data") -> FakeHost:
    host = server()
    host.files[ZIP] = b"PK"

    def tar(argv: tuple[str, ...], stdin: str | None) -> Completed:
        assert argv == ("tar.exe", "-xf", ZIP, "-C", SCRATCH)
        host.files[f"{SCRATCH}\\project.bin"] = content
        return Completed(argv, exit_code, "", "bad CRC" if exit_code else "")

    host.program = tar
    return host


def drill(host: FakeHost, check_mode: bool = False, scratch: str = SCRATCH) -> dict[str, object]:
    given = parameters(path=ZIP, state="drilled", scratch_folder=scratch)
    return FEATURE.run(make_task(host, check_mode=check_mode, **given))


def test_what_came_out_of_the_zip_is_measured_and_removed_again() -> None:
    host = host_with_zip()
    assert drill(host)["unpacked_bytes"] == 4
    assert host.stat(SCRATCH) is None


def test_a_zip_that_does_not_unpack_is_damaged_and_leaves_nothing() -> None:
    host = host_with_zip(exit_code=1)
    with pytest.raises(LockstepError, match="bad CRC") as caught:
        drill(host)
    assert caught.value.slug == "zip_damaged"
    assert host.stat(SCRATCH) is None


def test_a_zip_without_data_is_damaged() -> None:
    with pytest.raises(LockstepError) as caught:
        drill(host_with_zip(content=b""))
    assert caught.value.slug == "zip_damaged"


def test_a_folder_that_was_there_is_neither_used_nor_removed() -> None:
    host = host_with_zip()
    host.make_folder(SCRATCH)
    with pytest.raises(LockstepError) as caught:
        drill(host)
    assert caught.value.slug == "path_exists"
    assert host.stat(SCRATCH) is not None


@pytest.mark.parametrize("scratch", ["\\\\server\\share", "relative", "Z:\\network"])
def test_a_scratch_folder_must_be_on_the_hosts_own_disk(scratch: str) -> None:
    with pytest.raises(LockstepError) as caught:
        drill(host_with_zip(), scratch=scratch)
    assert caught.value.slug == "path_invalid"


def test_check_mode_shows_the_plan_and_unpacks_nothing() -> None:
    host = host_with_zip()
    plan = drill(host, check_mode=True)["plan"]
    assert isinstance(plan, list)
    assert [step["step"] for step in plan] == ["make_folder", "unpack", "measure", "remove"]
    assert not any(event.startswith("run") for event in host.events)
