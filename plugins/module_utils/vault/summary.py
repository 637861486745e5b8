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
    lines = [f"set {first['set']} of {first['installation']} ({first['system']}): grade {first['grade']}, id {first['set_id']}"]
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


def plan_lines(results: t.Sequence[Result]) -> list[str]:
    """The plans of several results, one line a step, numbered through. Results without a plan (skipped tasks) have none."""
    lines: list[str] = []
    for result in results:
        lines += [f"{result['host']}: {_step_text(step)}" for step in result.get("plan") or ()]
    return [f"{number}. {line}" for number, line in enumerate(lines, 1)]


_LEFT_OUT = ("action", "step", "text", "kind", "name", "state", "path", "to", "reason", "timeout", "always", "seconds")


def _step_text(step: Result) -> str:
    """A step of any of this collection's plans: they share these keys, and each has some of its own."""
    if step.get("text"):
        return str(step["text"])
    words = [str(step.get("action") or step.get("step")).replace("_", " ")]
    words += [str(step[key]) for key in ("kind", "name", "path") if step.get(key)]
    words += [f"to {step['to']}"] if step.get("to") else []
    words += [f"({step['state']})"] if step.get("state") else []
    own = [
        f"{key} {_shown(value)}" for key, value in step.items() if key not in _LEFT_OUT and value not in (None, "", [], {}, False)
    ]
    words += [f"[{', '.join(own)}]"] if own else []
    words += [f"- {step['reason']}"] if step.get("reason") else []
    return " ".join(words)


def _shown(value: t.Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
