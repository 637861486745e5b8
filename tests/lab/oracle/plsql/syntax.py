# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree that a block is parsed into."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Literal:
    value: t.Any


@dataclasses.dataclass(frozen=True)
class Bind:
    name: str


@dataclasses.dataclass(frozen=True)
class Argument:
    """``name`` None for a positional one."""

    name: str | None
    value: Expression


@dataclasses.dataclass(frozen=True)
class Segment:
    """One part of a dotted name; ``arguments`` None where no brackets follow."""

    name: str
    arguments: tuple[Argument, ...] | None


@dataclasses.dataclass(frozen=True)
class Path:
    """A variable, an attribute, an element, or a call: which one is known only when it runs."""

    segments: tuple[Segment, ...]
    line: int

    @property
    def dotted(self) -> str:
        return ".".join(segment.name for segment in self.segments)


@dataclasses.dataclass(frozen=True)
class Unary:
    operator: str
    operand: Expression


@dataclasses.dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression


@dataclasses.dataclass(frozen=True)
class IsNull:
    operand: Expression
    negated: bool


@dataclasses.dataclass(frozen=True)
class InList:
    operand: Expression
    choices: tuple[Expression, ...]
    negated: bool


@dataclasses.dataclass(frozen=True)
class Between:
    operand: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclasses.dataclass(frozen=True)
class CaseExpression:
    """``subject`` None: the choices are conditions."""

    subject: Expression | None
    choices: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


Expression = Literal | Bind | Path | Unary | Binary | IsNull | InList | Between | CaseExpression
Target = Bind | Path


@dataclasses.dataclass(frozen=True)
class TypeName:
    """``size`` in bytes of text types; ``is_table`` for collection types, ``fields`` for records."""

    name: str
    size: int | None = None
    is_table: bool = False
    fields: tuple[tuple[str, TypeName], ...] | None = None


@dataclasses.dataclass(frozen=True)
class Variable:
    name: str
    kind: TypeName
    initial: Expression | None
    line: int


@dataclasses.dataclass(frozen=True)
class ExceptionName:
    name: str


@dataclasses.dataclass(frozen=True)
class ExceptionNumber:
    """PRAGMA EXCEPTION_INIT."""

    name: str
    code: int


@dataclasses.dataclass(frozen=True)
class TypeDeclaration:
    name: str
    kind: TypeName


@dataclasses.dataclass(frozen=True)
class Parameter:
    name: str
    is_out: bool
    kind: TypeName
    default: Expression | None


@dataclasses.dataclass(frozen=True)
class Subprogram:
    name: str
    parameters: tuple[Parameter, ...]
    body: Block


Declaration = Variable | ExceptionName | ExceptionNumber | TypeDeclaration | Subprogram


@dataclasses.dataclass(frozen=True)
class Statement:
    line: int


@dataclasses.dataclass(frozen=True)
class Assign(Statement):
    target: Target
    value: Expression


@dataclasses.dataclass(frozen=True)
class Call(Statement):
    path: Path


@dataclasses.dataclass(frozen=True)
class If(Statement):
    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]


@dataclasses.dataclass(frozen=True)
class CaseStatement(Statement):
    """``otherwise`` None: no ELSE, which is an error when nothing fits."""

    subject: Expression | None
    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None


@dataclasses.dataclass(frozen=True)
class Loop(Statement):
    """``condition`` None: LOOP; else WHILE."""

    condition: Expression | None
    body: tuple[Statement, ...]
    label: str | None


@dataclasses.dataclass(frozen=True)
class ForRange(Statement):
    variable: str
    low: Expression
    high: Expression
    is_reverse: bool
    body: tuple[Statement, ...]
    label: str | None


@dataclasses.dataclass(frozen=True)
class ForQuery(Statement):
    variable: str
    query: str
    body: tuple[Statement, ...]
    label: str | None


@dataclasses.dataclass(frozen=True)
class Leave(Statement):
    """EXIT and CONTINUE."""

    is_continue: bool
    label: str | None
    condition: Expression | None


@dataclasses.dataclass(frozen=True)
class Return(Statement):
    value: Expression | None


@dataclasses.dataclass(frozen=True)
class Nothing(Statement):
    pass


@dataclasses.dataclass(frozen=True)
class Raise(Statement):
    """``name`` None: again the present one."""

    name: str | None


@dataclasses.dataclass(frozen=True)
class SelectInto(Statement):
    query: str
    targets: tuple[Target, ...]


@dataclasses.dataclass(frozen=True)
class ExecuteImmediate(Statement):
    text: Expression
    targets: tuple[Target, ...]
    using: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True)
class EndTransaction(Statement):
    is_commit: bool


@dataclasses.dataclass(frozen=True)
class Handler:
    names: tuple[str, ...]
    body: tuple[Statement, ...]


@dataclasses.dataclass(frozen=True)
class Block(Statement):
    declarations: tuple[Declaration, ...]
    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...]
