# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing of expressions, names and type names."""

from __future__ import annotations

import decimal

from tests.lab.oracle.plsql.syntax import (
    Argument,
    Between,
    Binary,
    Bind,
    CaseExpression,
    Expression,
    InList,
    IsNull,
    Literal,
    Path,
    Segment,
    Target,
    TypeName,
    Unary,
)
from tests.lab.oracle.sqltext import BIND, NUMBER, STRING, TokenReader

_COMPARISONS = ("=", "<>", "!=", "^=", "<", ">", "<=", ">=")
_NOT_NAMES = frozenset("THEN LOOP END ELSE ELSIF WHEN IF BEGIN DECLARE EXCEPTION IS AND OR NOT IN INTO FROM USING BETWEEN".split())


class ExpressionParser(TokenReader):
    def expression(self) -> Expression:
        left = self._conjunction()
        while self.take_word("OR"):
            left = Binary("OR", left, self._conjunction())
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.take_word("AND"):
            left = Binary("AND", left, self._negation())
        return left

    def _negation(self) -> Expression:
        return Unary("NOT", self._negation()) if self.take_word("NOT") else self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        if self.token.is_operator(*_COMPARISONS):
            operator = self.next().value
            return Binary("<>" if operator in ("!=", "^=") else operator, left, self._sum())
        if self.take_word("IS"):
            negated = self.take_word("NOT")
            self.expect_word("NULL")
            return IsNull(left, negated)
        negated = self.peek().is_word("IN", "LIKE", "BETWEEN") and self.take_word("NOT")
        if self.take_word("LIKE"):
            like = Binary("LIKE", left, self._sum())
            return Unary("NOT", like) if negated else like
        if self.take_word("BETWEEN"):
            low = self._sum()
            self.expect_word("AND")
            return Between(left, low, self._sum(), negated)
        if self.take_word("IN"):
            self.expect_operator("(")
            choices = [self.expression()]
            while self.take_operator(","):
                choices.append(self.expression())
            self.expect_operator(")")
            return InList(left, tuple(choices), negated)
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while self.token.is_operator("+", "-", "||"):
            left = Binary(self.next().value, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while self.token.is_operator("*", "/") or self.token.is_word("MOD"):
            left = Binary(self.next().value, left, self._power())
        return left

    def _power(self) -> Expression:
        if self.token.is_operator("+", "-"):
            return Unary(self.next().value, self._power())
        left = self._primary()
        return Binary("**", left, self._power()) if self.take_operator("**") else left

    def _primary(self) -> Expression:
        token = self.token
        if token.kind == STRING:
            self.next()
            return Literal(token.value or None)
        if token.kind == NUMBER:
            self.next()
            return Literal(int(token.value) if token.value.isdigit() else decimal.Decimal(token.value))
        if token.kind == BIND:
            self.next()
            return Bind(token.value)
        if self.take_operator("("):
            inner = self.expression()
            self.expect_operator(")")
            return inner
        for word, value in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if self.take_word(word):
                return Literal(value)
        if self.take_word("CASE"):
            return self._case()
        return self.path()

    def _case(self) -> Expression:
        subject = None if self.token.is_word("WHEN") else self.expression()
        choices = []
        while self.take_word("WHEN"):
            condition = self.expression()
            self.expect_word("THEN")
            choices.append((condition, self.expression()))
        otherwise = self.expression() if self.take_word("ELSE") else None
        self.expect_word("END")
        return CaseExpression(subject, tuple(choices), otherwise)

    def path(self) -> Path:
        """A dotted name with optional brackets after each part; SQL%ROWCOUNT counts as one, too."""
        line = self.token.line
        segments = [self._segment()]
        while self.token.is_operator(".", "%"):
            self.next()
            segments.append(self._segment())
        return Path(tuple(segments), line)

    def _segment(self) -> Segment:
        if not self.token.is_name or self.token.is_word(*_NOT_NAMES):
            raise self.unexpected("a name")
        name = self.next().value
        if not self.take_operator("("):
            return Segment(name, None)
        arguments: list[Argument] = []
        while not self.take_operator(")"):
            if arguments:
                self.expect_operator(",")
            if self.peek().is_operator("=>"):
                argument_name = self.expect_name()
                self.next()
                arguments.append(Argument(argument_name, self.expression()))
            else:
                arguments.append(Argument(None, self.expression()))
        return Segment(name, tuple(arguments))

    def target(self) -> Target:
        if self.token.kind == BIND:
            return Bind(self.next().value)
        return self.path()

    def type_name(self) -> TypeName:
        """``SYS.KU$_STATUS``, ``VARCHAR2(30 CHAR)``, ``T.C%TYPE``; the schema SYS is left out."""
        parts = [self.expect_name()]
        while self.take_operator("."):
            parts.append(self.expect_name())
        if self.take_operator("%"):
            parts.append("%" + self.expect_name())
        size = None
        if self.take_operator("("):
            size = int(self.next().value)
            while not self.take_operator(")"):
                self.next()
        if parts[0] == "LONG" and self.take_word("RAW"):
            parts = ["RAW"]
        return TypeName(".".join(parts[1:] if parts[0] == "SYS" else parts), size)
