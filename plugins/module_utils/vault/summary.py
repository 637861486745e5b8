# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person wants to know at the end of a run, in lines. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

Result = t.Mapping[str, t.Any]

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def shown_bytes(size: int) -> str:
    """A size for people, with three digits at least where there are that many: ``1.46 GiB``."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{size} bytes" if unit == 0 else f"{value:.3g} {_UNITS[unit]}" if value < 1000 else f"{value:.0f} {_UNITS[unit]}"


def summary_lines(committed: t.Sequence[Result], pruned: t.Sequence[Result]) -> list[str]:
    """Lines about one set. ``committed``: results of state=committed, the commit point's first; ``pruned``: of state=pruned, with
    the ``host`` of each added by the caller."""
    first = committed[0]["manifest"]
    lines = [f"set {first['set']} of {first['installation']} ({first['system']}): {first['grade']}, id {first['set_id']}"]
    lines += [f"why {first['grade']}: {reason}" for reason in first["grade_reasons"]]
    for result in committed:
        manifest = result["manifest"]
        for part in manifest["parts"]:
            size = "not made in check mode" if part["bytes"] is None else shown_bytes(part["bytes"])
            digest = f", SHA-256 {part['sha256']}" if part["sha256"] else ""
            lines.append(f"{manifest['host']}: {result['folder']}: {part['path']}, {size}{digest}")
    if first["outage"]:
        lines.append(f"outage {first['outage']['seconds']:.1f} s, from {first['outage']['started']} to {first['outage']['ended']}")
    for result in pruned:
        lines += [f"{result['host']}: moved to Archive: {', '.join(result['archived'])}"] if result["archived"] else []
        deleted = [*result["deleted"], *result["failed_deleted"]]
        lines += [f"{result['host']}: deleted: {', '.join(deleted)}"] if deleted else []
    return lines


_NAMES_OF_A_STEP = ("action", "step")


def plan_lines(results: t.Sequence[Result]) -> list[str]:
    """The plans of several results, one line a step, numbered through. Results without a plan (skipped tasks) have none."""
    lines: list[str] = []
    for result in results:
        for step in result.get("plan") or ():
            name = next((step[key] for key in _NAMES_OF_A_STEP if step.get(key)), "step")
            lines.append(f"{len(lines) + 1}. {result['host']}: {name.replace('_', ' ')}{_what(step)}")
    return lines


def _what(step: Result) -> str:
    if step.get("text"):
        return f": {step['text']}"
    words = [f"{key} {_short(value)}" for key, value in step.items() if key not in _NAMES_OF_A_STEP and value not in (None, "", [], {})]
    return f": {', '.join(words)}" if words else ""


def _short(value: t.Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
