# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads at the end of a run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.vault.summary import plan_lines, shown_bytes, summary_lines


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (30515, "29.8 KiB"),
        (1_570_000_000, "1.46 GiB"),
        (1_047_000, "1022 KiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_sizes_are_shown_in_the_unit_that_fits(size: int, shown: str) -> None:
    assert shown_bytes(size) == shown


def committed(host: str, part: str, size: int | None = 10, **changed: t.Any) -> dict[str, t.Any]:
    manifest = {
        "set": "26112101",
        "set_id": "berlin-26112101-aa",
        "installation": "berlin",
        "system": "Altium Enterprise Server",
        "host": host,
        "grade": "quiesced",
        "grade_reasons": [],
        "parts": [{"path": part, "bytes": size, "sha256": "ab" * 32 if size else None}],
        "outage": {"seconds": 12.34, "started": "s", "ended": "e"},
    }
    return {"manifest": manifest | changed, "folder": "F"}


def test_the_summary_names_the_set_each_part_the_outage_and_what_was_pruned() -> None:
    pruned = [
        {"host": "aes1", "archived": ["26111901"], "deleted": [], "failed_deleted": []},
        {"host": "ora1", "archived": [], "deleted": ["26111001"], "failed_deleted": ["26110901"]},
    ]
    assert summary_lines([committed("aes1", "a.zip"), committed("ora1", "b.dmp")], pruned) == [
        "set 26112101 of berlin (Altium Enterprise Server): grade quiesced, id berlin-26112101-aa",
        f"aes1: F: a.zip, 10 bytes, SHA-256 {'ab' * 32}",
        f"ora1: F: b.dmp, 10 bytes, SHA-256 {'ab' * 32}",
        "outage 12.3 s, from s to e",
        "aes1: moved to Archive: 26111901",
        "ora1: deleted: 26111001, 26110901",
    ]


def test_a_degraded_set_says_why() -> None:
    lines = summary_lines([committed("aes1", "a.zip", grade="degraded", grade_reasons=["W3SVC ran again."])], [])
    assert lines[1] == "why degraded: W3SVC ran again."


def test_a_part_that_check_mode_did_not_make_has_no_size() -> None:
    assert summary_lines([committed("aes1", "a.zip", None, outage=None)], [])[1:] == ["aes1: F: a.zip, not made in check mode"]


def test_plans_of_all_modules_become_one_numbered_list() -> None:
    results: list[dict[str, t.Any]] = [
        {"host": "aes1", "plan": [{"action": "stop", "kind": "service", "name": "W3SVC", "state": "running", "timeout": 120.0}]},
        {"host": "ora1", "skipped": True},
        {"host": "ora1", "plan": [{"step": "grant", "text": "Grant DBA to X.", "always": False}]},
        {"host": "aes1", "plan": [{"action": "rename", "path": "A", "to": "B", "reason": "good from here on"}]},
        {"host": "aes1", "plan": [{"step": "run", "argv": ["tool", "-z"], "cwd": None}]},
    ]
    assert plan_lines(results) == [
        "1. aes1: stop service W3SVC (running)",
        "2. ora1: Grant DBA to X.",
        "3. aes1: rename A to B - good from here on",
        "4. aes1: run [argv tool -z]",
    ]
