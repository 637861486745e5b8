# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running blocks: scopes, control flow, exceptions, calls."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.lab.oracle.errors import OracleError, UnknownRequest
from tests.lab.oracle.plsql import syntax
from tests.lab.oracle.plsql.library import EXCEPTIONS, Library
from tests.lab.oracle.plsql.values import Collection, Record, Ref, Value, as_bool, as_number, as_text, binary, coerce, initial

USER_EXCEPTION = 6510
NO_DATA_FOUND = 1403


class NamedException(OracleError):
    """Raised by its name, declared in the block."""

    def __init__(self, name: str) -> None:
        super().__init__(USER_EXCEPTION, text="PL/SQL: unhandled user-defined exception")
        self.name = name


class _Leave(Exception):
    def __init__(self, is_continue: bool, label: str | None) -> None:
        self.is_continue, self.label = is_continue, label


class _Return(Exception):
    def __init__(self, value: Value) -> None:
        self.value = value


class Surroundings(t.Protocol):
    """What a block needs of its session."""

    library: Library

    def check_interrupted(self) -> None:
        """Raise when the client broke the call off, or is gone."""

    def select(self, query: str, variables: t.Callable[[str], tuple[bool, Value]], limit: int | None) -> list[Record]:
        """Rows with their columns in order. ``variables(dotted name)`` says whether there is such a variable, and its value."""

    def execute_immediate(self, text: str, binds: list[Value]) -> list[tuple[Value, ...]]:
        """EXECUTE IMMEDIATE."""


@dataclasses.dataclass
class _Variable:
    value: Value
    kind: syntax.TypeName
    frozen: bool = False


class Scope:
    """The names of one block, inside those of the block around it."""

    def __init__(self, outer: Scope | None) -> None:
        self.outer = outer
        self.variables: dict[str, _Variable] = {}
        self.types: dict[str, syntax.TypeName] = {}
        self.exceptions: dict[str, int | None] = {}
        self.subprograms: dict[str, tuple[syntax.Subprogram, Scope]] = {}

    def chain(self) -> t.Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def variable(self, name: str) -> _Variable | None:
        return next((scope.variables[name] for scope in self.chain() if name in scope.variables), None)


@dataclasses.dataclass
class _Place:
    """A Ref out of two functions."""

    get: t.Callable[[], Value]
    set: t.Callable[[Value], None]


class Interpreter:
    """Runs one block. ``binds`` is changed in place; ``assigned`` tells which binds were written."""

    def __init__(self, surroundings: Surroundings, binds: dict[str, Value]) -> None:
        self.surroundings = surroundings
        self.binds = binds
        self.assigned: set[str] = set()
        self._handled: list[OracleError] = []
        self._steps = 0
        self._line = 1
        self._row_count: int | None = None

    def run(self, block: syntax.Block) -> None:
        """Raises OracleError with the line for what the block did not handle."""
        try:
            self._block(block, Scope(None))
        except _Return:
            pass
        except OracleError as error:
            error.args = (f"{error}\nORA-06512: at line {self._line}",)
            raise

    # blocks
    def _block(self, block: syntax.Block, outer: Scope) -> None:
        scope = Scope(outer)
        for declaration in block.declarations:
            self._declare(declaration, scope)
        try:
            self._statements(block.body, scope)
        except OracleError as error:
            handler = self._handler_for(error, block.handlers, scope)
            if handler is None:
                raise
            self._handled.append(error)
            try:
                self._statements(handler.body, scope)
            finally:
                self._handled.pop()

    def _handler_for(self, error: OracleError, handlers: t.Sequence[syntax.Handler], scope: Scope) -> syntax.Handler | None:
        for handler in handlers:
            for name in handler.names:
                if name == "OTHERS":
                    return handler
                if isinstance(error, NamedException):
                    if error.name == name:
                        return handler
                elif self._exception_code(name, scope) == error.code:
                    return handler
        return None

    @staticmethod
    def _exception_code(name: str, scope: Scope) -> int | None:
        for level in scope.chain():
            if name in level.exceptions:
                return level.exceptions[name]
        if name not in EXCEPTIONS:
            raise UnknownRequest(f"no exception {name}")
        return EXCEPTIONS[name]

    def _declare(self, declaration: syntax.Declaration, scope: Scope) -> None:
        if isinstance(declaration, syntax.Variable):
            self._line = declaration.line
            kind = self._resolved(declaration.kind, scope)
            value = initial(kind) if declaration.initial is None else coerce(self.value(declaration.initial, scope), kind)
            scope.variables[declaration.name] = _Variable(value, kind)
        elif isinstance(declaration, syntax.ExceptionName):
            scope.exceptions[declaration.name] = None
        elif isinstance(declaration, syntax.ExceptionNumber):
            scope.exceptions[declaration.name] = declaration.code
        elif isinstance(declaration, syntax.TypeDeclaration):
            scope.types[declaration.name] = declaration.kind
        else:
            scope.subprograms[declaration.name] = (declaration, scope)

    @staticmethod
    def _resolved(kind: syntax.TypeName, scope: Scope) -> syntax.TypeName:
        return next((level.types[kind.name] for level in scope.chain() if kind.name in level.types), kind)

    # statements
    def _statements(self, statements: t.Sequence[syntax.Statement], scope: Scope) -> None:
        for statement in statements:
            self._steps += 1
            if self._steps % 100 == 0:
                self.surroundings.check_interrupted()
            self._line = statement.line
            self._statement(statement, scope)

    def _statement(self, statement: syntax.Statement, scope: Scope) -> None:
        runners: dict[type[syntax.Statement], t.Callable[[t.Any, Scope], None]] = {
            syntax.Assign: self._assign,
            syntax.Block: self._block,
            syntax.Call: lambda call, scope: self._path_value(call.path, scope, is_statement=True),
            syntax.CaseStatement: lambda choice, scope: self._statements(self._case_branch(choice, scope), scope),
            syntax.EndTransaction: self._end_transaction,
            syntax.ExecuteImmediate: self._execute_immediate,
            syntax.ForQuery: self._for_query,
            syntax.ForRange: self._for_range,
            syntax.If: lambda choice, scope: self._statements(self._branch(choice, scope), scope),
            syntax.Leave: self._leave,
            syntax.Loop: self._loop,
            syntax.Nothing: lambda nothing, scope: None,
            syntax.Raise: self._raise,
            syntax.Return: self._return,
            syntax.SelectInto: self._select_into,
        }
        runners[type(statement)](statement, scope)

    def _assign(self, statement: syntax.Assign, scope: Scope) -> None:
        self._place(statement.target, scope).set(self.value(statement.value, scope))

    def _end_transaction(self, statement: syntax.EndTransaction, scope: Scope) -> None:
        self.surroundings.execute_immediate("COMMIT" if statement.is_commit else "ROLLBACK", [])

    def _leave(self, statement: syntax.Leave, scope: Scope) -> None:
        if statement.condition is None or self._holds(statement.condition, scope):
            raise _Leave(statement.is_continue, statement.label)

    def _loop(self, statement: syntax.Loop, scope: Scope) -> None:
        while statement.condition is None or self._holds(statement.condition, scope):
            if not self._round(statement.body, scope, statement.label):
                break

    def _return(self, statement: syntax.Return, scope: Scope) -> None:
        raise _Return(None if statement.value is None else self.value(statement.value, scope))

    def _holds(self, condition: syntax.Expression, scope: Scope) -> bool:
        return bool(as_bool(self.value(condition, scope)))

    def _branch(self, statement: syntax.If, scope: Scope) -> t.Sequence[syntax.Statement]:
        for condition, body in statement.branches:
            if self._holds(condition, scope):
                return body
        return statement.otherwise

    def _case_branch(self, statement: syntax.CaseStatement, scope: Scope) -> t.Sequence[syntax.Statement]:
        for choice, body in statement.branches:
            if self._fits(statement.subject, choice, scope):
                return body
        if statement.otherwise is None:
            raise OracleError(6592)
        return statement.otherwise

    def _fits(self, subject: syntax.Expression | None, choice: syntax.Expression, scope: Scope) -> bool:
        if subject is None:
            return self._holds(choice, scope)
        return bool(binary("=", self.value(subject, scope), self.value(choice, scope)))

    def _round(self, body: t.Sequence[syntax.Statement], scope: Scope, label: str | None) -> bool:
        """One round of a loop; False when it is left."""
        self._steps += 1
        if self._steps % 100 == 0:
            self.surroundings.check_interrupted()
        try:
            self._statements(body, scope)
        except _Leave as leave:
            if leave.label not in (None, label):
                raise
            return leave.is_continue
        return True

    def _for_range(self, statement: syntax.ForRange, scope: Scope) -> None:
        low, high = as_number(self.value(statement.low, scope)), as_number(self.value(statement.high, scope))
        if low is None or high is None:
            raise OracleError(6502, "")
        numbers = range(int(low), int(high) + 1)
        for number in reversed(numbers) if statement.is_reverse else numbers:
            inner = Scope(scope)
            inner.variables[statement.variable] = _Variable(number, syntax.TypeName("PLS_INTEGER"), frozen=True)
            if not self._round(statement.body, inner, statement.label):
                break

    def _for_query(self, statement: syntax.ForQuery, scope: Scope) -> None:
        for record in self.surroundings.select(statement.query, self._variables_of(scope), None):
            inner = Scope(scope)
            inner.variables[statement.variable] = _Variable(record, syntax.TypeName("RECORD"), frozen=True)
            if not self._round(statement.body, inner, statement.label):
                break

    def _raise(self, statement: syntax.Raise, scope: Scope) -> None:
        if statement.name is None:
            if not self._handled:
                raise UnknownRequest("RAISE outside a handler")
            raise self._handled[-1]
        code = self._exception_code(statement.name, scope)
        raise NamedException(statement.name) if code is None else OracleError(code)

    def _variables_of(self, scope: Scope) -> t.Callable[[str], tuple[bool, Value]]:
        def look_up(name: str) -> tuple[bool, Value]:
            if name.startswith(":"):
                return name[1:] in self.binds, self.binds.get(name[1:])
            first, *attributes = name.split(".")
            variable = scope.variable(first)
            if variable is None:
                return False, None
            value = variable.value
            for attribute in attributes:
                value = value.get(attribute) if isinstance(value, Record) else None
            return True, value

        return look_up

    def _select_into(self, statement: syntax.SelectInto, scope: Scope) -> None:
        records = self.surroundings.select(statement.query, self._variables_of(scope), 2)
        if len(records) > 1:
            raise OracleError(1422)
        if not records:
            raise OracleError(NO_DATA_FOUND)
        self._row_count = 1
        values = list(records[0].fields.values())
        self._assign_all(statement.targets, [records[0]] if len(statement.targets) == 1 != len(values) else values, scope)

    def _assign_all(self, targets: t.Sequence[syntax.Target], values: t.Sequence[Value], scope: Scope) -> None:
        if len(targets) != len(values):
            raise UnknownRequest(f"{len(values)} columns into {len(targets)} variables")
        for target, value in zip(targets, values, strict=True):
            self._place(target, scope).set(value)

    def _execute_immediate(self, statement: syntax.ExecuteImmediate, scope: Scope) -> None:
        text = as_text(self.value(statement.text, scope)) or ""
        rows = self.surroundings.execute_immediate(text, [self.value(expression, scope) for expression in statement.using])
        self._row_count = len(rows)
        if statement.targets:
            if not rows:
                raise OracleError(NO_DATA_FOUND)
            self._assign_all(statement.targets, rows[0], scope)

    # expressions
    def value(self, expression: syntax.Expression, scope: Scope) -> Value:
        if isinstance(expression, syntax.Literal):
            return expression.value
        if isinstance(expression, syntax.Bind):
            return self.binds[expression.name]
        if isinstance(expression, syntax.Path):
            return self._path_value(expression, scope)
        if isinstance(expression, syntax.Unary):
            return self._unary(expression, scope)
        if isinstance(expression, syntax.Binary):
            return self._binary(expression, scope)
        if isinstance(expression, syntax.IsNull):
            return (self.value(expression.operand, scope) is None) != expression.negated
        if isinstance(expression, syntax.InList):
            subject = self.value(expression.operand, scope)
            found = any(binary("=", subject, self.value(choice, scope)) for choice in expression.choices)
            return None if subject is None else found != expression.negated
        if isinstance(expression, syntax.Between):
            subject = self.value(expression.operand, scope)
            low = binary(">=", subject, self.value(expression.low, scope))
            high = binary("<=", subject, self.value(expression.high, scope))
            return None if None in (low, high) else (low and high) != expression.negated
        for choice, result in expression.choices:
            if self._fits(expression.subject, choice, scope):
                return self.value(result, scope)
        return None if expression.otherwise is None else self.value(expression.otherwise, scope)

    def _unary(self, expression: syntax.Unary, scope: Scope) -> Value:
        operand = self.value(expression.operand, scope)
        if expression.operator == "NOT":
            condition = as_bool(operand)
            return None if condition is None else not condition
        number = as_number(operand)
        return -number if number is not None and expression.operator == "-" else number

    def _binary(self, expression: syntax.Binary, scope: Scope) -> Value:
        if expression.operator not in ("AND", "OR"):
            return binary(expression.operator, self.value(expression.left, scope), self.value(expression.right, scope))
        decisive = expression.operator == "OR"
        left = as_bool(self.value(expression.left, scope))
        if left is decisive:
            return decisive
        right = as_bool(self.value(expression.right, scope))
        return decisive if right is decisive else None if None in (left, right) else not decisive

    # names
    def _path_value(self, path: syntax.Path, scope: Scope, is_statement: bool = False) -> Value:
        first = path.segments[0]
        variable = scope.variable(first.name)
        if variable is not None:
            return self._descend(variable.value, path, scope)
        if len(path.segments) == 1:
            for level in scope.chain():
                if first.name in level.subprograms:
                    return self._call_subprogram(*level.subprograms[first.name], first.arguments or (), scope)
            if any(first.name in level.types for level in scope.chain()):
                return Collection(self.value(argument.value, scope) for argument in first.arguments or ())
            if first.name in ("SQLCODE", "SQLERRM"):
                return self._error_value(first.name)
        if path.dotted in ("SQL.ROWCOUNT", "SQL.FOUND", "SQL.NOTFOUND"):
            return {"ROWCOUNT": self._row_count, "FOUND": bool(self._row_count), "NOTFOUND": not self._row_count}[
                path.segments[1].name
            ]
        return self._call_routine(path, scope, is_statement)

    def _error_value(self, name: str) -> Value:
        if not self._handled:
            return 0 if name == "SQLCODE" else "ORA-0000: normal, successful completion"
        error = self._handled[-1]
        if name == "SQLERRM":
            return str(error.args[0])
        if isinstance(error, NamedException):
            return 1
        return 100 if error.code == NO_DATA_FOUND else -error.code

    def _descend(self, value: Value, path: syntax.Path, scope: Scope) -> Value:
        for position, segment in enumerate(path.segments):
            arguments = [self.value(argument.value, scope) for argument in segment.arguments or ()]
            if position:
                if isinstance(value, Collection):
                    value, arguments = value.method(segment.name, arguments), []
                elif isinstance(value, Record):
                    value = value.get(segment.name)
                elif value is not None:
                    raise UnknownRequest(f"{path.dotted}: {segment.name} of something without attributes")
            for index in arguments:
                if value is None:
                    raise OracleError(6531)
                if not isinstance(value, Collection):
                    raise UnknownRequest(f"{path.dotted}: an index on something that is no collection")
                value = value.element(index)
        return value

    def _place(self, target: syntax.Target, scope: Scope) -> Ref:
        if isinstance(target, syntax.Bind):
            return _Place(lambda: self.binds[target.name], lambda value: self._assign_bind(target.name, value))
        first, last = target.segments[0], target.segments[-1]
        variable = scope.variable(first.name)
        if variable is None or variable.frozen:
            raise UnknownRequest(f"{target.dotted} cannot be assigned")
        if len(target.segments) == 1 and first.arguments is None:
            return _Place(lambda: variable.value, lambda value: setattr(variable, "value", coerce(value, variable.kind)))
        if last.arguments:
            inner = syntax.Path((*target.segments[:-1], syntax.Segment(last.name, None)), target.line)
            index = self.value(last.arguments[0].value, scope)
            return _Place(
                lambda: self._collection(inner, scope).element(index),
                lambda value: self._collection(inner, scope).elements.__setitem__(index, value),
            )
        owner = syntax.Path(target.segments[:-1], target.line)
        return _Place(
            lambda: self._record(owner, scope).get(last.name),
            lambda value: self._record(owner, scope).fields.__setitem__(last.name, value),
        )

    def _collection(self, path: syntax.Path, scope: Scope) -> Collection:
        found = self._path_value(path, scope)
        if not isinstance(found, Collection):
            raise OracleError(6531)
        return found

    def _record(self, path: syntax.Path, scope: Scope) -> Record:
        found = self._path_value(path, scope)
        if not isinstance(found, Record):
            raise OracleError(6530)
        return found

    def _assign_bind(self, name: str, value: Value) -> None:
        self.binds[name] = value
        self.assigned.add(name)

    # calls
    def _argument_place(self, expression: syntax.Expression, scope: Scope) -> Ref:
        if not isinstance(expression, (syntax.Bind, syntax.Path)):
            raise UnknownRequest("an OUT argument that cannot be assigned")
        return self._place(expression, scope)

    def _call_routine(self, path: syntax.Path, scope: Scope, is_statement: bool) -> Value:
        arguments = path.segments[-1].arguments or ()
        if any(segment.arguments is not None for segment in path.segments[:-1]):
            raise UnknownRequest(f"{path.dotted} is not a variable")
        positional = sum(1 for argument in arguments if argument.name is None)
        named = {argument.name for argument in arguments if argument.name is not None}
        routine = self.surroundings.library.find(path.dotted.removeprefix("SYS."), positional, named, is_statement)
        values: dict[str, t.Any] = {}
        for position, argument in enumerate(arguments):
            parameter = routine.parameter(argument.name if argument.name is not None else position)
            if parameter.is_out:
                values[parameter.keyword] = self._argument_place(argument.value, scope)
            else:
                values[parameter.keyword] = self.value(argument.value, scope)
        return routine.call(self.surroundings, values)

    def _call_subprogram(
        self, subprogram: syntax.Subprogram, home: Scope, arguments: t.Sequence[syntax.Argument], scope: Scope
    ) -> Value:
        inner = Scope(home)
        places: dict[str, Ref] = {}
        given = {
            argument.name or subprogram.parameters[position].name: argument.value for position, argument in enumerate(arguments)
        }
        for parameter in subprogram.parameters:
            expression = given.pop(parameter.name, parameter.default)
            if expression is None:
                raise UnknownRequest(f"{subprogram.name}: no value for {parameter.name}")
            if parameter.is_out:
                places[parameter.name] = self._argument_place(expression, scope)
            value = self.value(expression, scope)
            inner.variables[parameter.name] = _Variable(value, self._resolved(parameter.kind, home))
        if given:
            raise UnknownRequest(f"{subprogram.name} has no parameter {', '.join(given)}")
        result = None
        line = self._line
        try:
            self._block(subprogram.body, inner)
        except _Return as returned:
            result = returned.value
        for name, place in places.items():
            place.set(inner.variables[name].value)
        self._line = line
        return result
