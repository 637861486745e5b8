# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing of blocks and statements."""

from __future__ import annotations

from tests.lab.oracle.plsql import syntax
from tests.lab.oracle.plsql.expressions import ExpressionParser
from tests.lab.oracle.sqltext import BIND, END, NUMBER, tokenize


def parse_block(text: str) -> syntax.Block:
    """An anonymous block or a CALL statement. Raises UnknownRequest for what is outside the subset."""
    parser = BlockParser(text)
    if parser.take_word("CALL"):
        call = syntax.Call(1, parser.path())
        parser.take_operator(";")
        block = syntax.Block(1, (), (call,), ())
    else:
        block = parser.block()
        parser.take_operator("/")
    parser.expect_end()
    return block


class BlockParser(ExpressionParser):
    def __init__(self, text: str) -> None:
        super().__init__(tokenize(text))
        self.text = text

    def block(self) -> syntax.Block:
        line = self.token.line
        declarations: list[syntax.Declaration] = []
        if self.take_word("DECLARE"):
            declarations = self._declarations()
        return self._body(line, declarations)

    def _body(self, line: int, declarations: list[syntax.Declaration]) -> syntax.Block:
        self.expect_word("BEGIN")
        body = self._statements("EXCEPTION", "END")
        handlers = []
        if self.take_word("EXCEPTION"):
            while self.take_word("WHEN"):
                names = [self._dotted_name()]
                while self.take_word("OR"):
                    names.append(self._dotted_name())
                self.expect_word("THEN")
                handlers.append(syntax.Handler(tuple(names), self._statements("WHEN", "END")))
        self.expect_word("END")
        if self.token.is_name:
            self.next()
        self.expect_operator(";")
        return syntax.Block(line, tuple(declarations), body, tuple(handlers))

    def _dotted_name(self) -> str:
        name = self.expect_name()
        while self.take_operator("."):
            name += "." + self.expect_name()
        return name.removeprefix("SYS.")

    # declarations
    def _declarations(self) -> list[syntax.Declaration]:
        found: list[syntax.Declaration] = []
        while not self.token.is_word("BEGIN"):
            if self.take_word("PRAGMA"):
                pragma = self._pragma()
                if pragma is not None:
                    found.append(pragma)
            elif self.take_word("TYPE"):
                found.append(self._type_declaration())
            elif self.token.is_word("PROCEDURE", "FUNCTION"):
                found.append(self._subprogram())
            else:
                found.append(self._variable())
        return found

    def _pragma(self) -> syntax.ExceptionNumber | None:
        kind = self.expect_name()
        number = None
        if kind == "EXCEPTION_INIT":
            self.expect_operator("(")
            name = self.expect_name()
            self.expect_operator(",")
            self.take_operator("-")
            if self.token.kind != NUMBER:
                raise self.unexpected("an error number")
            number = syntax.ExceptionNumber(name, int(self.next().value))
            self.expect_operator(")")
        elif kind != "AUTONOMOUS_TRANSACTION":
            raise self.unexpected("a known pragma")
        self.expect_operator(";")
        return number

    def _type_declaration(self) -> syntax.TypeDeclaration:
        name = self.expect_name()
        self.expect_word("IS")
        if self.take_word("TABLE", "OF"):
            self.type_name()
            if self.take_word("INDEX", "BY"):
                self.type_name()
            kind = syntax.TypeName(name, is_table=True)
        else:
            self.expect_word("RECORD")
            self.expect_operator("(")
            fields = []
            while not self.take_operator(")"):
                field = self.expect_name()
                fields.append((field, self.type_name()))
                self.take_operator(",")
            kind = syntax.TypeName(name, fields=tuple(fields))
        self.expect_operator(";")
        return syntax.TypeDeclaration(name, kind)

    def _variable(self) -> syntax.Declaration:
        line = self.token.line
        name = self.expect_name()
        if self.take_word("EXCEPTION"):
            self.expect_operator(";")
            return syntax.ExceptionName(name)
        self.take_word("CONSTANT")
        kind = self.type_name()
        self.take_word("NOT", "NULL")
        initial = self.expression() if self.take_operator(":=") or self.take_word("DEFAULT") else None
        self.expect_operator(";")
        return syntax.Variable(name, kind, initial, line)

    def _subprogram(self) -> syntax.Subprogram:
        self.next()
        name = self.expect_name()
        parameters = []
        if self.take_operator("("):
            while not self.take_operator(")"):
                parameters.append(self._parameter())
                self.take_operator(",")
        if self.take_word("RETURN"):
            self.type_name()
        if not self.take_word("IS"):
            self.expect_word("AS")
        line = self.token.line
        return syntax.Subprogram(name, tuple(parameters), self._body(line, self._declarations()))

    def _parameter(self) -> syntax.Parameter:
        name = self.expect_name()
        self.take_word("IN")
        is_out = self.take_word("OUT")
        self.take_word("NOCOPY")
        kind = self.type_name()
        default = self.expression() if self.take_operator(":=") or self.take_word("DEFAULT") else None
        return syntax.Parameter(name, is_out, kind, default)

    # statements
    def _statements(self, *until: str) -> tuple[syntax.Statement, ...]:
        found = []
        while not self.token.is_word(*until):
            if self.token.kind == END:
                raise self.unexpected(" or ".join(until))
            found.append(self._statement())
        return tuple(found)

    def _statement(self) -> syntax.Statement:
        line = self.token.line
        label = None
        if self.take_operator("<<"):
            label = self.expect_name()
            self.expect_operator(">>")
        if self.token.is_word("DECLARE", "BEGIN"):
            return self.block()
        if self.take_word("IF"):
            return self._if(line)
        if self.take_word("CASE"):
            return self._case_statement(line)
        if self.take_word("LOOP"):
            return syntax.Loop(line, None, self._loop_body(), label)
        if self.take_word("WHILE"):
            condition = self.expression()
            self.expect_word("LOOP")
            return syntax.Loop(line, condition, self._loop_body(), label)
        if self.take_word("FOR"):
            return self._for(line, label)
        statement = self._select_into(line) if self.token.is_word("SELECT") else self._simple(line)
        self.expect_operator(";")
        return statement

    def _simple(self, line: int) -> syntax.Statement:
        if self.token.is_word("EXIT", "CONTINUE"):
            is_continue = self.next().value == "CONTINUE"
            label = self.next().value if self.token.is_name and not self.token.is_word("WHEN") else None
            return syntax.Leave(line, is_continue, label, self.expression() if self.take_word("WHEN") else None)
        if self.take_word("RETURN"):
            return syntax.Return(line, None if self.token.is_operator(";") else self.expression())
        if self.take_word("NULL"):
            return syntax.Nothing(line)
        if self.take_word("RAISE"):
            return syntax.Raise(line, self._dotted_name() if self.token.is_name else None)
        if self.take_word("EXECUTE", "IMMEDIATE"):
            return self._execute_immediate(line)
        if self.token.is_word("COMMIT", "ROLLBACK"):
            is_commit = self.next().value == "COMMIT"
            self.take_word("WORK")
            return syntax.EndTransaction(line, is_commit)
        if self.token.kind == BIND or self.token.is_name:
            target = self.target()
            if self.take_operator(":="):
                return syntax.Assign(line, target, self.expression())
            if isinstance(target, syntax.Path):
                return syntax.Call(line, target)
        raise self.unexpected("a statement")

    def _if(self, line: int) -> syntax.If:
        branches = []
        otherwise: tuple[syntax.Statement, ...] = ()
        while True:
            condition = self.expression()
            self.expect_word("THEN")
            branches.append((condition, self._statements("ELSIF", "ELSE", "END")))
            if not self.take_word("ELSIF"):
                break
        if self.take_word("ELSE"):
            otherwise = self._statements("END")
        self.expect_word("END", "IF")
        self.expect_operator(";")
        return syntax.If(line, tuple(branches), otherwise)

    def _case_statement(self, line: int) -> syntax.CaseStatement:
        subject = None if self.token.is_word("WHEN") else self.expression()
        branches = []
        while self.take_word("WHEN"):
            condition = self.expression()
            self.expect_word("THEN")
            branches.append((condition, self._statements("WHEN", "ELSE", "END")))
        otherwise = self._statements("END") if self.take_word("ELSE") else None
        self.expect_word("END", "CASE")
        self.expect_operator(";")
        return syntax.CaseStatement(line, subject, tuple(branches), otherwise)

    def _loop_body(self) -> tuple[syntax.Statement, ...]:
        body = self._statements("END")
        self.expect_word("END", "LOOP")
        if self.token.is_name:
            self.next()
        self.expect_operator(";")
        return body

    def _for(self, line: int, label: str | None) -> syntax.Statement:
        variable = self.expect_name()
        self.expect_word("IN")
        if self.token.is_operator("(") and self.peek().is_word("SELECT", "WITH"):
            self.next()
            query = self._text_until_closing_bracket()
            self.expect_word("LOOP")
            return syntax.ForQuery(line, variable, query, self._loop_body(), label)
        is_reverse = self.take_word("REVERSE")
        low = self.expression()
        self.expect_operator("..")
        high = self.expression()
        self.expect_word("LOOP")
        return syntax.ForRange(line, variable, low, high, is_reverse, self._loop_body(), label)

    def _text_until_closing_bracket(self) -> str:
        start, depth = self.token.start, 1
        while True:
            token = self.token
            if token.kind == END:
                raise self.unexpected(")")
            self.next()
            depth += token.is_operator("(") - token.is_operator(")")
            if depth == 0:
                return self.text[start : token.start]

    def _select_into(self, line: int) -> syntax.SelectInto:
        start = self.token.start
        depth = 0
        while depth or not self.token.is_word("INTO"):
            if self.token.kind == END or self.token.is_operator(";"):
                raise self.unexpected("INTO")
            token = self.next()
            depth += token.is_operator("(") - token.is_operator(")")
        head = self.text[start : self.token.start]
        self.next()
        targets = self._targets()
        rest = self.token.start
        while not self.token.is_operator(";") and self.token.kind != END:
            self.next()
        return syntax.SelectInto(line, head + self.text[rest : self.token.start], targets)

    def _targets(self) -> tuple[syntax.Target, ...]:
        targets = [self.target()]
        while self.take_operator(","):
            targets.append(self.target())
        return tuple(targets)

    def _execute_immediate(self, line: int) -> syntax.ExecuteImmediate:
        text = self.expression()
        targets = self._targets() if self.take_word("INTO") else ()
        using = []
        if self.take_word("USING"):
            while True:
                self.take_word("IN")
                using.append(self.expression())
                if not self.take_operator(","):
                    break
        return syntax.ExecuteImmediate(line, text, targets, tuple(using))
