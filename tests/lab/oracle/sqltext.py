# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL and PL/SQL text as tokens: one lexer for statements, bind names and blocks."""

from __future__ import annotations

import dataclasses
import re

from tests.lab.oracle.errors import UnknownRequest

WORD, QUOTED, STRING, NUMBER, BIND, OPERATOR, END = "word", "quoted", "string", "number", "bind", "operator", "end"
_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}
_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<q>[nN]?[qQ]'(?P<delimiter>.))
    |(?P<string>[nN]?'(?:[^']|'')*')
    |(?P<quoted>"[^"]+")
    |(?P<bind>:\s*(?:"[^"]+"|[A-Za-z][\w$#]*|\d+))
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d][\w$#]*)
    |(?P<operator>:=|=>|\|\||<>|!=|\^=|<=|>=|\*\*|\.\.|<<|>>|[-+*/=<>().,;%@!])""",
    re.VERBOSE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Token:
    """``value`` is the word in upper case, a string without its quotes, or a bind's name in upper case. ``start`` and ``end``
    are offsets in the text; ``line`` counts from 1."""

    kind: str
    value: str
    start: int
    end: int
    line: int

    def is_word(self, *words: str) -> bool:
        return self.kind == WORD and self.value in words

    def is_operator(self, *operators: str) -> bool:
        return self.kind == OPERATOR and self.value in operators

    @property
    def is_name(self) -> bool:
        return self.kind in (WORD, QUOTED)


def tokenize(text: str) -> list[Token]:
    """All tokens, the last one of kind END. Raises UnknownRequest at a character that belongs to no token."""
    tokens = []
    position, line = 0, 1
    while position < len(text):
        found = _PATTERN.match(text, position)
        if found is None:
            raise UnknownRequest(f"cannot read the text from here: {text[position : position + 40]!r}")
        kind = str(found.lastgroup) if found.lastgroup != "delimiter" else "q"
        end, value = found.end(), found.group()
        if kind == "q":
            delimiter = found.group("delimiter")
            closing = text.find(_CLOSING.get(delimiter, delimiter) + "'", end)
            if closing < 0:
                raise UnknownRequest("a string without an end")
            kind, value, end = STRING, text[end:closing], closing + 2
        elif kind == STRING:
            value = value[value.index("'") + 1 : -1].replace("''", "'")
        elif kind == QUOTED:
            value = value[1:-1]
        elif kind == BIND:
            name = value[1:].strip()
            value = name[1:-1] if name.startswith('"') else name.upper()
        elif kind == WORD:
            value = value.upper()
        if kind != "space":
            tokens.append(Token(kind, value, position, end, line))
        line += text.count("\n", position, end)
        position = end
    tokens.append(Token(END, "", position, position, line))
    return tokens


def bind_names(tokens: list[Token], distinct: bool) -> list[str]:
    """In order of appearance: each occurrence (SQL), or each distinct name (PL/SQL)."""
    names = [token.value for token in tokens if token.kind == BIND]
    return list(dict.fromkeys(names)) if distinct else names


class TokenReader:
    """Reads a statement token by token; what does not fit is an unknown request."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def peek(self, distance: int = 1) -> Token:
        return self.tokens[min(self.position + distance, len(self.tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        if token.kind != END:
            self.position += 1
        return token

    def take_word(self, *words: str) -> bool:
        """Consume the whole sequence of words if it is there."""
        if all(self.peek(distance).is_word(word) for distance, word in enumerate(words)):
            self.position += len(words)
            return True
        return False

    def take_operator(self, operator: str) -> bool:
        if self.token.is_operator(operator):
            self.position += 1
            return True
        return False

    def expect_word(self, *words: str) -> None:
        if not self.take_word(*words):
            raise self.unexpected(" ".join(words))

    def expect_operator(self, operator: str) -> None:
        if not self.take_operator(operator):
            raise self.unexpected(operator)

    def expect_name(self) -> str:
        if not self.token.is_name:
            raise self.unexpected("a name")
        return self.next().value

    def expect_string(self) -> str:
        if self.token.kind != STRING:
            raise self.unexpected("a string")
        return self.next().value

    def expect_end(self) -> None:
        if self.token.kind != END:
            raise self.unexpected("the end")

    def unexpected(self, wanted: str) -> UnknownRequest:
        return UnknownRequest(f"line {self.token.line}: {wanted} expected, found {self.token.value or 'the end'!r}")
