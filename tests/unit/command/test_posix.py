# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup_command with real programs on this machine."""

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from tests.unit.fake_host import OWNER
from tests.unit.host_posix.real import script

WRITES = "#!/bin/sh\necho printed\necho \"$1\" >>'{log}'\nexit $2\n"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    script(tmp_path, "backup", WRITES.format(log=tmp_path / "backup.log"))
    return tmp_path


def run(folder: pathlib.Path, says: str = "all done", code: int = 0, **options: t.Any) -> dict[str, t.Any]:
    common = {
        "name": "own",
        "argv": [str(folder / "backup"), says, str(code)],
        "log": str(folder / "backup.log"),
        "log_format": "patterns",
        "success_patterns": ["^all done$"],
        "state_folder": str(folder / "state"),
    }
    validated = ArgumentSpecValidator(dict(FEATURE.argument_spec)).validate({**common, **options})
    return FEATURE.run(Task(params=validated.validated_parameters, host=PosixHost(str(folder / "state")), owner=OWNER))


def test_a_real_program_is_run_and_judged(folder: pathlib.Path) -> None:
    result = run(folder, keep_log=str(folder / "kept.log"))
    assert (result["exit_code"], result["output_tail"], result["log"]["tail"]) == (0, "printed", "all done")
    assert (folder / "kept.log").read_text() == "all done\n"
    assert (folder / "state/commands/own.log").read_text() == "printed\n"
    assert list((folder / "state/jobs").iterdir()) == []


def test_a_program_that_appends_to_its_log_is_judged_by_what_it_appends(folder: pathlib.Path) -> None:
    run(folder)
    with pytest.raises(LockstepError) as caught:
        run(folder, says="began")
    assert caught.value.slug == "backup_unproven"
    assert (folder / "backup.log").read_text() == "began\n"
    assert pathlib.Path(caught.value.details["log"]["previous"]).read_text() == "all done\n"


def test_a_real_exit_code_is_judged(folder: pathlib.Path) -> None:
    with pytest.raises(LockstepError) as caught:
        run(folder, code=3)
    assert (caught.value.slug, caught.value.details["exit_code"]) == ("tool_failed", 3)


def test_a_program_that_is_not_there_leaves_nothing(folder: pathlib.Path) -> None:
    with pytest.raises(LockstepError) as caught:
        run(folder, argv=["no-such-program-anywhere"])
    assert (caught.value.slug, caught.value.details["failed_step"]) == ("tool_missing", "run")
    assert not (folder / "state/jobs/command-own").exists()


def test_output_serves_as_the_log(folder: pathlib.Path) -> None:
    argv = [sys.executable, "-c", "print('all done')"]
    assert run(folder, argv=argv, log=None)["log"]["tail"] == "all done"
