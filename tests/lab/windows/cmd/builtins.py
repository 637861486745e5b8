# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands inside cmd.exe. Each returns its error level, or None where cmd.exe leaves the error level alone."""

from __future__ import annotations

import fnmatch
import ntpath
import re
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.cmdline import split_arguments
from tests.lab.windows.errors import WinError
from tests.lab.windows.execution import Environment

if t.TYPE_CHECKING:
    from tests.lab.windows.cmd.interpreter import Interpreter, Streams

Builtin = t.Callable[["Interpreter", "Streams", str], "int | None"]


class EndBatch(Exception):
    """``exit /b``"""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class EndInterpreter(EndBatch):
    """``exit``"""


BUILTINS: dict[str, Builtin] = {}
READS_ONLY = frozenset({"type", "echo", "set", "cd", "chdir", "exit", "rem", "setlocal", "endlocal", "ver", "title"})
"""Commands that change nothing on the machine (redirections apart)."""


def _builtin(*names: str) -> t.Callable[[Builtin], Builtin]:
    def register(function: Builtin) -> Builtin:
        for name in names:
            BUILTINS[name] = function
        return function

    return register


_NAME = re.compile(r"([a-z]+)(?=[\s,;=/.\\:(+\[\]]|$)", re.IGNORECASE)


def builtin_name(text: str) -> tuple[str | None, str]:
    """The inner command that the text begins with, and the raw rest; (None, ...) for programs."""
    match = _NAME.match(text)
    if match is None or match.group(1).lower() not in BUILTINS:
        return None, text
    name = match.group(1).lower()
    rest = text[match.end() :]
    if rest[:1] in (".", "\\", ":") and name not in ("echo", "cd", "chdir"):
        return None, text
    return name, rest


def _words(rest: str) -> tuple[list[str], list[str]]:
    """Switches in lower case, and the other words without quotes."""
    switches: list[str] = []
    words: list[str] = []
    for word in re.findall(r'(?:"[^"]*"?|[^\s,;="])+', rest):
        if word.startswith("/"):
            switches += ["/" + one.lower() for one in word.split("/") if one]
        else:
            words.append(word.replace('"', ""))
    return switches, words


def _fail(shell: Interpreter, streams: Streams, text: str, code: int = 1) -> int:
    shell.print(streams.stderr, text + "\n")
    return code


@_builtin("echo")
def _echo(shell: Interpreter, streams: Streams, rest: str) -> None:
    word = rest.strip().lower()
    if word in ("on", "off"):
        shell.echo = word == "on"
    elif rest[:1] not in (".", ":", "/", "(", "\\", "+", "[", "]") and not word:
        shell.print(streams.stdout, f"ECHO is {'on' if shell.echo else 'off'}.\n")
    else:
        shell.print(streams.stdout, rest[1:] + "\n")


@_builtin("rem", "title")
def _nothing(shell: Interpreter, streams: Streams, rest: str) -> None:
    return None


@_builtin("ver")
def _ver(shell: Interpreter, streams: Streams, rest: str) -> int:
    shell.print(streams.stdout, f"\nMicrosoft Windows [Version {shell.machine.version}]\n")
    return 0


@_builtin("set")
def _set(shell: Interpreter, streams: Streams, rest: str) -> int | None:
    text = rest.strip()
    if text.lower().startswith(("/a", "/p")) or not text:
        return shell.shell.unknown(f"set {text}")
    if text.startswith('"'):
        text = text[1:]
        last = text.rfind('"')
        if last >= 0:
            text = text[:last]
    else:
        text = rest.lstrip()
    name, separator, value = text.partition("=")
    if not separator:
        found = shell.environment.get(name)
        if found is None:
            return _fail(shell, streams, f"Environment variable {name} not defined")
        shell.print(streams.stdout, f"{name}={found}\n")
        return 0
    if value:
        shell.environment[name] = value
    else:
        shell.environment.remove(name)
    return 0 if shell.batch_depth else None


@_builtin("cd", "chdir")
def _cd(shell: Interpreter, streams: Streams, rest: str) -> int:
    switches = _words(rest)[0]
    text = re.sub(r"^\s*/d\b", "", rest, flags=re.IGNORECASE).strip().strip('"')
    if not text:
        shell.print(streams.stdout, shell.cwd + "\n")
        return 0
    path = shell.absolute(text)
    if not shell.machine.files.is_dir(path):
        return _fail(shell, streams, errors.TEXTS[errors.PATH_NOT_FOUND])
    if ntpath.splitdrive(path)[0].upper() == ntpath.splitdrive(shell.cwd)[0].upper() or "/d" in switches:
        shell.cwd = path
    return 0


@_builtin("type")
def _type(shell: Interpreter, streams: Streams, rest: str) -> int:
    _switches, words = _words(rest)
    if len(words) != 1 or "*" in words[0]:
        return shell.shell.unknown(f"type {rest}")
    if words[0].lower() == "nul":
        return 0
    try:
        content = shell.machine.files.read(shell.absolute(words[0]))
    except WinError as error:
        return _fail(shell, streams, error.text)
    if content.startswith(b"\xff\xfe"):
        content = content[2:].decode("utf-16-le", "replace").encode(shell.shell.console.encoding, "replace")
    streams.stdout.write(content)
    return 0


@_builtin("mkdir", "md")
def _mkdir(shell: Interpreter, streams: Streams, rest: str) -> int:
    _switches, words = _words(rest)
    code = 0
    for word in words:
        path = shell.absolute(word.rstrip("\\") or word)
        try:
            shell.machine.files.make_folder(path)
        except WinError as error:
            taken = error.code == errors.ALREADY_EXISTS and error.path == path
            code = _fail(shell, streams, f"A subdirectory or file {word} already exists." if taken else error.text)
    return code


@_builtin("rmdir", "rd")
def _rmdir(shell: Interpreter, streams: Streams, rest: str) -> int:
    switches, words = _words(rest)
    if "/s" in switches and "/q" not in switches:
        return shell.shell.unknown(f"rmdir {rest}: would ask")
    code = 0
    for word in words:
        path = shell.absolute(word)
        try:
            shell.machine.files.remove_folder(path, recursive="/s" in switches)
        except WinError as error:
            text = "The directory name is invalid." if error.code == errors.INVALID_NAME else error.text
            code = _fail(shell, streams, text, 2 if error.code == errors.FILE_NOT_FOUND else error.code)
    return code


@_builtin("del", "erase")
def _del(shell: Interpreter, streams: Streams, rest: str) -> int:
    switches, words = _words(rest)
    files = shell.machine.files
    code = 0
    for word in words:
        path = shell.absolute(word)
        if files.is_dir(path) or "*" in word or "?" in word:
            if "/q" not in switches:
                return shell.shell.unknown(f"del {rest}: would ask")
            folder, pattern = (path, "*") if files.is_dir(path) else ntpath.split(path)
            found = [ntpath.join(folder, name) for name in files.names(folder) if fnmatch.fnmatch(name.lower(), pattern.lower())]
            targets = [one for one in found if files.is_file(one)]
        else:
            targets = [path]
        for target in targets:
            try:
                files.remove_file(target)
            except WinError as error:
                if error.code == errors.FILE_NOT_FOUND:
                    # del does not count a missing file as an error.
                    shell.print(streams.stdout, f"Could Not Find {target}\n")
                elif error.code == errors.PATH_NOT_FOUND:
                    code = _fail(shell, streams, error.text)
                else:
                    # A file that cannot be deleted is reported, and the error level stays 0.
                    shell.print(streams.stderr, f"{target}\n{error.text}\n")
    return code


@_builtin("move")
def _move(shell: Interpreter, streams: Streams, rest: str) -> int:
    switches, words = _words(rest)
    if len(words) != 2 or "*" in rest or "?" in rest:
        return shell.shell.unknown(f"move {rest}")
    files = shell.machine.files
    source, target = (shell.absolute(word.rstrip("\\") or word) for word in words)
    if not files.exists(source):
        return _fail(shell, streams, errors.TEXTS[errors.FILE_NOT_FOUND])
    if files.is_dir(target) and files.key(source) != files.key(target):
        target = ntpath.join(target, ntpath.basename(source))
    replace = "/y" in switches or (shell.batch_depth > 0 and "/-y" not in switches)
    if files.is_file(target) and not replace and files.key(source) != files.key(target):
        shell.print(streams.stdout, f"Overwrite {target}? (Yes/No/All): ")
        return 1
    folder = files.is_dir(source)
    try:
        if ntpath.splitdrive(source)[0].upper() != ntpath.splitdrive(target)[0].upper() and not folder:
            files.copy(source, target)
            files.remove_file(source)
        else:
            files.rename(source, target, replace=replace)
    except WinError as error:
        return _fail(shell, streams, errors.TEXTS[errors.ACCESS_DENIED] if error.code == errors.ALREADY_EXISTS else error.text)
    shell.print(streams.stdout, f"        1 {'dir' if folder else 'file'}(s) moved.\n")
    return 0


@_builtin("ren", "rename")
def _ren(shell: Interpreter, streams: Streams, rest: str) -> int:
    _switches, words = _words(rest)
    if len(words) != 2 or "\\" in words[1] or "*" in rest:
        return _fail(shell, streams, "The syntax of the command is incorrect.")
    source = shell.absolute(words[0])
    try:
        shell.machine.files.rename(source, ntpath.join(ntpath.dirname(source), words[1]))
    except WinError as error:
        if error.code == errors.ALREADY_EXISTS:
            return _fail(shell, streams, "A duplicate file name exists, or the file\ncannot be found.")
        return _fail(shell, streams, error.text)
    return 0


@_builtin("copy")
def _copy(shell: Interpreter, streams: Streams, rest: str) -> int:
    switches, words = _words(rest)
    if len(words) != 2 or "+" in rest or "*" in rest or set(switches) - {"/y", "/b"}:
        return shell.shell.unknown(f"copy {rest}")
    files = shell.machine.files
    source, target = shell.absolute(words[0]), shell.absolute(words[1])
    if files.is_dir(target):
        target = ntpath.join(target, ntpath.basename(source))
    if files.exists(target) and "/y" not in switches and not shell.batch_depth:
        shell.print(streams.stdout, f"Overwrite {target}? (Yes/No/All): ")
        return 1
    try:
        files.copy(source, target)
    except WinError as error:
        return _fail(shell, streams, error.text)
    shell.print(streams.stdout, "        1 file(s) copied.\n")
    return 0


@_builtin("exit")
def _exit(shell: Interpreter, streams: Streams, rest: str) -> t.NoReturn:
    switches, words = _words(rest)
    code = int(words[0]) if words and words[0].lstrip("-").isdigit() else shell.error_level
    raise (EndBatch if "/b" in switches else EndInterpreter)(code)


@_builtin("call")
def _call(shell: Interpreter, streams: Streams, rest: str) -> int | None:
    text = rest.strip()
    if text.startswith(":"):
        return shell.shell.unknown(f"call {text}")
    name, after = builtin_name(text)
    if name is not None:
        return BUILTINS[name](shell, streams, after)
    return shell.run_external(text, streams, called=True)


@_builtin("setlocal")
def _setlocal(shell: Interpreter, streams: Streams, rest: str) -> int | None:
    words = split_arguments(rest)
    if [word for word in words if word.lower() not in ("enableextensions", "disabledelayedexpansion")]:
        return shell.shell.unknown(f"setlocal {rest}")
    if shell.batch_depth:
        shell.saved.append((Environment(shell.environment), shell.cwd))
    return None


@_builtin("endlocal")
def _endlocal(shell: Interpreter, streams: Streams, rest: str) -> None:
    if shell.saved:
        shell.environment, shell.cwd = shell.saved.pop()


@_builtin("start")
def _start(shell: Interpreter, streams: Streams, rest: str) -> int | None:
    match = re.match(r'\s*"[^"]*"\s+(?!/)(.+)', rest)
    if match is None:
        return shell.shell.unknown('start other than start "title" program arguments')
    return shell.start_external(match.group(1), streams)


@_builtin("goto", "shift", "pushd", "popd", "dir", "assoc", "ftype", "path", "prompt", "date", "time", "vol", "pause")
def _not_simulated(shell: Interpreter, streams: Streams, rest: str) -> int:
    return shell.shell.unknown("an inner command that is not simulated")
