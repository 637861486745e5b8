# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test."""

from __future__ import annotations

import os
import pathlib
import typing as t

import hypothesis
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = ROOT / "build/collections/ansible_collections/lockstep/backup"
IN_CI = bool(os.environ.get("CI"))

# Machines and their load differ, so no example is too slow; CI tries the same examples each time.
hypothesis.settings.register_profile("lockstep", deadline=None, derandomize=IN_CI)
hypothesis.settings.load_profile("lockstep")


def pytest_configure() -> None:
    if not LINK.exists() or LINK.resolve() != ROOT:
        raise pytest.UsageError(f"{LINK} does not lead to this folder: run `make setup`.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything that a test needs has been installed, so a skipped test is one that nobody would miss."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longreprtext}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> t.Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for whole files, which skip while they are collected."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longreprtext}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The chains of kills take minutes each. Both workers begin with half of them, and the short tests fill what is left:
    ``--dist worksteal`` gives each worker one half of this list to begin with."""
    long = [item for item in items if "kills" in item.path.name and "integration" in item.path.parts]
    known = set(long)
    short = [item for item in items if item not in known]
    middle = (len(items) + 1) // 2
    first = long[0::2]
    ordered = first + short[: middle - len(first)] + long[1::2] + short[middle - len(first) :]
    items[:] = ordered
