# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tape_rotate on Linux' own tape drivers, in a machine of its own: see ``tests.uml``."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest

from tests.uml import machine

TESTS = "tests/uml/test_tape_rotate.py"
DEADLINE = 240.0
"""Seconds; it takes a tenth of that."""
LACKING = machine.missing()


@pytest.mark.skipif(bool(LACKING), reason=f"this machine lacks: {', '.join(LACKING)}")
def test_tape_rotate_works_with_the_real_drivers_st_and_sg_and_the_real_mtx(tmp_path: pathlib.Path) -> None:
    # The project's conftest needs libraries that take seconds to import there.
    command = [sys.executable, "-m", "pytest", TESTS, "--noconftest", "-p", "no:cacheprovider", "--basetemp=/run/pytest"]
    environment = {
        "PYTHONPATH": "build/collections",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    finished = machine.run(command, environment, tmp_path, DEADLINE)
    told = f"{finished.console}\n{finished.output}"
    assert finished.exit_code == 0, told
    # All of them ran: inside, nothing has a reason to be skipped.
    assert re.search(r"^[= ]*\d+ passed in ", finished.output, re.MULTILINE), told
