# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of error codes in docs/errors.md is complete, true, and tested."""

from __future__ import annotations

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def documented() -> set[str]:
    return set(ROW.findall((ROOT / "docs/errors.md").read_text(encoding="utf-8")))


def trees(*folders: str) -> list[ast.Module]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py") if file != pathlib.Path(__file__)]
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def words(modules: list[ast.Module]) -> set[str]:
    """All string constants that are a whole code, and the codes inside longer ones (tests look for them in output)."""
    strings = [
        node.value
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {word for text in strings for word in re.findall(r"[a-z_]+", text)}


def raised(modules: list[ast.Module]) -> set[str]:
    """The codes that are written where the error is made; tables of codes are beyond this."""
    return {
        node.args[0].value
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "LockstepError"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_error_code_that_is_raised_is_documented() -> None:
    assert raised(trees("plugins")) - documented() == set()


def test_every_documented_error_code_can_happen() -> None:
    assert documented() - words(trees("plugins")) == set()


def test_every_documented_error_code_has_a_test() -> None:
    assert documented() - words(trees("tests/unit", "tests/integration")) == set()


def test_error_codes_are_listed_once_and_in_order() -> None:
    codes = ROW.findall((ROOT / "docs/errors.md").read_text(encoding="utf-8"))
    assert codes == sorted(set(codes))
