# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for each test; a request that it did not know fails the test."""

from __future__ import annotations

import collections.abc
import pathlib

import pytest

# They assert for the tests, and their failures should say as much.
pytest.register_assert_rewrite(*(f"tests.integration.{name}" for name in ("promises", "nights", "etravel", "weeks")))

from tests.integration.etravel import Server  # noqa: E402 (rewriting only works before the import)
from tests.integration.promises import Installation  # noqa: E402
from tests.lab.lab import Lab  # noqa: E402


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> collections.abc.Iterator[Lab]:
    """Two installations, one per transport, on a network of their own. ``lab.unknown`` must be empty at the end."""
    with Lab(tmp_path / "lab", installations=2) as running:
        yield running
        unknown = list(running.unknown)
    assert unknown == []


@pytest.fixture
def first(lab: Lab) -> Installation:
    return Installation(lab, 1)


@pytest.fixture
def second(lab: Lab) -> Installation:
    return Installation(lab, 2)


@pytest.fixture
def server(tmp_path: pathlib.Path) -> collections.abc.Iterator[Server]:
    """One eTravel server on a network of its own; the same must hold for its lab."""
    with Lab(tmp_path / "lab", installations=0, etravel=1) as running:
        yield Server(running)
        unknown = list(running.unknown)
    assert unknown == []
