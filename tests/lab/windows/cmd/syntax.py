# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of cmd.exe's commands: text in, a tree out. Variables are expanded before, except those of ``for``."""

from __future__ import annotations

import dataclasses
import re
import typing as t

DELIMITERS = " \t,;="
_PLAIN, _QUOTED = re.compile(r'[^"^&|<>)\n]+'), re.compile(r'[^"\n]+')
_REDIRECTION = re.compile(r"(\d?)(>>|>|<)")


class SyntaxProblem(Exception):
    """cmd.exe would refuse the line, or the lab does not know the construct (``unknown``)."""

    def __init__(self, near: str, unknown: bool = False) -> None:
        super().__init__(near)
        self.near, self.unknown = near, unknown


@dataclasses.dataclass
class Redirection:
    """``handle`` 0 to 9; ``operator`` one of <, >, >>, >& (then ``target`` is a handle)."""

    handle: int
    operator: str
    target: str


@dataclasses.dataclass
class Node:
    redirections: list[Redirection] = dataclasses.field(default_factory=list)
    silent: bool = False


@dataclasses.dataclass
class Simple(Node):
    """``text`` is the command with its redirections taken out and its carets resolved."""

    text: str = ""


@dataclasses.dataclass
class Joined(Node):
    """``left operator right``; operator is one of &, && and ||."""

    operator: str = ""
    left: Node = dataclasses.field(default_factory=Node)
    right: Node | None = None


@dataclasses.dataclass
class Block(Node):
    commands: list[Node] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class If(Node):
    """``kind`` is one of errorlevel, exist, defined, or a comparison operator."""

    kind: str = ""
    negated: bool = False
    ignore_case: bool = False
    left: str = ""
    right: str = ""
    then: Node = dataclasses.field(default_factory=Node)
    otherwise: Node | None = None


@dataclasses.dataclass
class For(Node):
    """``folder`` is set for ``/r``; ``values`` is the text in the brackets."""

    recursive: bool = False
    folder: str = ""
    variable: str = ""
    values: str = ""
    body: Node = dataclasses.field(default_factory=Node)


_KEYWORD = re.compile(r"(if|for|rem)(?=[\s,;=(]|$)", re.IGNORECASE)
_COMPARISONS = ("equ", "neq", "lss", "leq", "gtr", "geq")


def open_brackets(line: str) -> int:
    """How many brackets a line leaves open, for joining the lines of a block (quotes respected, roughly as cmd does)."""
    quoted, depth, position = False, 0, 0
    while position < len(line):
        character = line[position]
        if character == '"':
            quoted = not quoted
        elif not quoted and character == "^":
            position += 1
        elif not quoted and character == "(":
            depth += 1
        elif not quoted and character == ")" and depth:
            depth -= 1
        position += 1
    return depth


def parse(text: str) -> Node | None:
    """The tree of one logical line (which may hold line feeds inside brackets); None for an empty one."""
    parser = _Parser(text)
    node = parser.sequence(0)
    parser.skip_blank(newlines=True)
    if not parser.at_end():
        raise SyntaxProblem(parser.rest())
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def rest(self) -> str:
        return self.text[self.position :].split("\n")[0]

    def peek(self, count: int = 1) -> str:
        return self.text[self.position : self.position + count]

    def skip_blank(self, newlines: bool = False) -> None:
        skipped = DELIMITERS + ("\r\n" if newlines else "\r")
        while not self.at_end() and self.text[self.position] in skipped:
            self.position += 1

    # operators, the loosest first: & then || then &&
    def sequence(self, depth: int) -> Node | None:
        left = self.alternatives(depth)
        while left is not None:
            self.skip_blank()
            if self.peek() == "&" and self.peek(2) != "&&":
                self.position += 1
                self.skip_blank()
                if self.at_end() or self.peek() in ")\n":
                    return left
                right = self.alternatives(depth)
                left = Joined(operator="&", left=left, right=right)
            else:
                return left
        return None

    def alternatives(self, depth: int) -> Node | None:
        left = self.conjunction(depth)
        while left is not None and self._operator("||"):
            left = Joined(operator="||", left=left, right=self._operand(self.conjunction(depth)))
        return left

    def conjunction(self, depth: int) -> Node | None:
        left = self.command(depth)
        while left is not None and self._operator("&&"):
            left = Joined(operator="&&", left=left, right=self._operand(self.command(depth)))
        if self.peek() == "|" and self.peek(2) != "||":
            raise SyntaxProblem("a pipe", unknown=True)
        return left

    def _operator(self, operator: str) -> bool:
        self.skip_blank()
        if self.peek(2) == operator:
            self.position += 2
            return True
        return False

    def _operand(self, node: Node | None) -> Node:
        if node is None:
            raise SyntaxProblem(self.rest())
        return node

    # one command
    def command(self, depth: int) -> Node | None:
        self.skip_blank()
        silent = False
        while self.peek() == "@":
            silent = True
            self.position += 1
            self.skip_blank()
        leading = self._redirections()
        self.skip_blank()
        if self.at_end() or self.peek() == "\n" or (depth and self.peek() == ")"):
            if leading:
                return Simple(redirections=leading, silent=silent)
            return None
        if self.peek() in "&|" or (self.peek() == ")" and not depth):
            raise SyntaxProblem(self.rest())
        node: Node
        if self.peek() == "(":
            node = self._block(depth)
            node.redirections += self._redirections()
        else:
            keyword = _KEYWORD.match(self.text, self.position)
            word = keyword.group(1).lower() if keyword else ""
            if word == "if":
                node = self._if(depth)
            elif word == "for":
                node = self._for(depth)
            elif word == "rem":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
                node = Simple(text="rem")
            else:
                node = self._simple(depth)
        node.redirections = leading + node.redirections
        node.silent = silent
        return node

    def _block(self, depth: int) -> Block:
        self.position += 1
        block = Block()
        while True:
            self.skip_blank(newlines=True)
            if self.at_end():
                raise SyntaxProblem("(")
            if self.peek() == ")":
                self.position += 1
                return block
            command = self.sequence(depth + 1)
            if command is not None:
                block.commands.append(command)

    def _redirections(self) -> list[Redirection]:
        found: list[Redirection] = []
        while True:
            self.skip_blank()
            match = _REDIRECTION.match(self.text, self.position)
            if match is None:
                return found
            found.append(self._redirection(match.group(1)))

    def _redirection(self, digit: str) -> Redirection:
        """One redirection, from its digit (if any) on."""
        self.position += len(digit)
        operator = ">>" if self.peek(2) == ">>" else self.peek()
        self.position += len(operator)
        handle = int(digit) if digit else (0 if operator == "<" else 1)
        if self.peek() == "&":
            self.position += 1
            self.skip_blank()
            target = self.peek()
            if not target.isdigit():
                raise SyntaxProblem(self.rest())
            self.position += 1
            return Redirection(handle, ">&", target)
        self.skip_blank()
        target = self.token()
        if not target:
            raise SyntaxProblem(self.rest() or "newline")
        return Redirection(handle, operator, target)

    def token(self) -> str:
        """Up to the next delimiter or special character outside quotes; the quotes stay."""
        result: list[str] = []
        quoted = False
        while not self.at_end():
            character = self.peek()
            if character == '"':
                quoted = not quoted
            elif character == "\n" or (not quoted and character in DELIMITERS + "&|<>()\r"):
                break
            elif not quoted and character == "^":
                self.position += 1
                character = self.peek()
            result.append(character)
            self.position += 1
        return "".join(result)

    def _simple(self, depth: int) -> Simple:
        node = Simple()
        result: list[str] = []
        quoted = False
        while not self.at_end():
            plain = (_QUOTED if quoted else _PLAIN).match(self.text, self.position)
            if plain:
                result.append(plain.group())
                self.position = plain.end()
                continue
            character = self.peek()
            if character == "\n":
                break
            if character == '"':
                quoted = not quoted
            elif character == "^":
                self.position += 1
                result.append(self.peek())
                self.position += 1
                continue
            elif character in "&|" or (depth and character == ")"):
                break
            elif character in "<>":
                # A digit belongs to the redirection only when a delimiter is before it: "echo 1>f" is "echo" into f.
                digit, before = "", "".join(result)
                if before[-1:].isdigit() and (len(before) < 2 or before[-2] in DELIMITERS + '"'):
                    digit, result = before[-1], [before[:-1]]
                    self.position -= 1
                node.redirections.append(self._redirection(digit))
                continue
            result.append(character)
            self.position += 1
        node.text = "".join(result).rstrip("\r")
        return node

    def _word(self) -> str:
        """The next word in lower case, without going past it."""
        self.skip_blank()
        before = self.position
        word = self.token().lower()
        self.position = before
        return word

    def _if(self, depth: int) -> If:
        self.position += 2
        node = If()
        while self._word() in ("not", "/i"):
            if self._next() == "/i":
                node.ignore_case = True
            else:
                node.negated = True
        word = self._word()
        if word in ("errorlevel", "exist", "defined"):
            self._next()
            node.kind = word
            self.skip_blank()
            node.left = self.token()
        elif word == "cmdextversion":
            raise SyntaxProblem(word, unknown=True)
        else:
            self.skip_blank()
            node.left = self.token()
            while self.peek() in " \t":
                self.position += 1
            if self.peek(2) == "==":
                self.position += 2
                node.kind = "=="
            else:
                node.kind = self._next()
                if node.kind not in _COMPARISONS:
                    raise SyntaxProblem(node.kind or self.rest())
            self.skip_blank()
            node.right = self.token()
        node.then = self._operand(self.sequence(depth))
        if self._word() == "else":
            self._next()
            node.otherwise = self._operand(self.sequence(depth))
        return node

    def _next(self) -> str:
        self.skip_blank()
        return self.token().lower()

    def _for(self, depth: int) -> For:
        self.position += 3
        node = For()
        while self._word().startswith("/"):
            option = self._next()
            if option != "/r":
                raise SyntaxProblem(f"for {option}", unknown=True)
            node.recursive = True
            if not self._word().startswith("%"):
                self.skip_blank()
                node.folder = self.token()
        self.skip_blank()
        variable = self.token()
        if not re.fullmatch(r"%[A-Za-z]", variable):
            raise SyntaxProblem(variable or self.rest())
        node.variable = variable[1]
        if self._next() != "in":
            raise SyntaxProblem(self.rest())
        self.skip_blank()
        values = re.compile(r'\(((?:"[^"]*"|[^")])*)\)').match(self.text, self.position)
        if values is None:
            raise SyntaxProblem(self.rest())
        node.values = values.group(1)
        self.position = values.end()
        if self._next() != "do":
            raise SyntaxProblem(self.rest())
        node.body = self._operand(self.sequence(depth))
        return node


def walk(node: Node | None) -> t.Iterator[Node]:
    """The node and all below."""
    if node is None:
        return
    yield node
    if isinstance(node, Joined):
        yield from walk(node.left)
        yield from walk(node.right)
    elif isinstance(node, Block):
        for command in node.commands:
            yield from walk(command)
    elif isinstance(node, If):
        yield from walk(node.then)
        yield from walk(node.otherwise)
    elif isinstance(node, For):
        yield from walk(node.body)
