"""``assert EXPR``: a small expression over data, read by Python's parser and computed by a walk over what is allowed.

Names lead into dicts and lists, ``port[0].link.status``. Besides there are numbers, strings, ``and or not``,
comparisons, ``in``, ``+ - * / // %`` of numbers, and ``abs``, ``min``, ``max``, ``len``. Nothing else is: no call, no
name of Python's.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from pytestpmd.errors import CheckFailed

LONGEST = 1000
#: A product of numbers with more bits than this is no count of anything.
MOST_BITS = 4096

ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, of: item in of,
    ast.NotIn: lambda item, of: item not in of,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max, "len": len}
#: As JSON spells them.
CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class ExpressionError(CheckFailed):
    """An expression that cannot be computed: which part of it, and why."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Bad expression: {what}")


class Expression(ast.NodeVisitor):
    """One expression; :meth:`value` computes it over ``names``, and ``found`` is then what its names were."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, Any] = {}
        self._names: Mapping[str, Any] = {}
        if len(text) > LONGEST:
            raise ExpressionError(f"longer than {LONGEST} characters")
        try:
            self._body = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = error.msg if isinstance(error, SyntaxError) else str(error)
            raise ExpressionError(f"{text}: {why}") from None

    def value(self, names: Mapping[str, Any]) -> Any:
        """What the expression is; :class:`ExpressionError` names what does not exist, or does not go together."""
        self._names = names
        self.found.clear()
        try:
            return self.visit(self._body)
        except RecursionError:
            raise ExpressionError(f"{self.text}: too deep") from None

    def values(self) -> str:
        """What its names were: ``port[0].rx_packets = 0, total.drops = 3``."""
        return ", ".join(f"{name} = {_shown(value)}" for name, value in self.found.items())

    def generic_visit(self, node: ast.AST) -> Any:
        raise ExpressionError(f"{ast.unparse(node)} is not allowed")

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node.value if isinstance(node.value, int | float | str | None) else self.generic_visit(node)

    def visit_List(self, node: ast.List) -> Any:
        return [self.visit(part) for part in node.elts]

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return [self.visit(part) for part in node.elts]

    def visit_Name(self, node: ast.Name) -> Any:
        return CONSTANTS[node.id] if node.id in CONSTANTS else self._found(node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        return self._found(node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return self._found(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> bool:
        values = (bool(self.visit(part)) for part in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return not self.visit(node.operand)
        return -self._number(node.operand) if isinstance(node.op, ast.USub) else self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if type(node.op) not in ARITHMETIC:
            self.generic_visit(node)
        left, right = self._number(node.left), self._number(node.right)
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MOST_BITS:
            raise ExpressionError(f"{ast.unparse(node)} is too large")
        return self._do(node, ARITHMETIC[type(node.op)], left, right)

    def visit_Compare(self, node: ast.Compare) -> bool:
        left = self.visit(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            if type(op) not in COMPARISONS:
                self.generic_visit(node)
            right = self.visit(part)
            if not self._do(node, COMPARISONS[type(op)], left, right):
                return False
            left = right
        return True

    def visit_Call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            self.generic_visit(node)
        assert isinstance(node.func, ast.Name)
        return self._do(node, FUNCTIONS[node.func.id], *map(self.visit, node.args))

    def _number(self, node: ast.expr) -> int | float:
        value = self.visit(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{ast.unparse(node)} is {_shown(value)}, not a number")
        return value

    @staticmethod
    def _do(node: ast.expr, function: Callable[..., Any], *values: Any) -> Any:
        try:
            return function(*values)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ExpressionError(f"{ast.unparse(node)}: {error}") from None

    def _found(self, node: ast.expr) -> Any:
        found = self.found[ast.unparse(node)] = self._look_up(node)
        return found

    def _look_up(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return _step(self._names, name, "there is", name)
            case ast.Attribute(value=of, attr=name):
                return _step(self._look_up(of), name, f"{ast.unparse(of)} has", ast.unparse(node))
            case ast.Subscript(value=of, slice=key):
                return _step(self._look_up(of), self.visit(key), f"{ast.unparse(of)} has", ast.unparse(node))
        return self.generic_visit(node)


def _step(of: Any, key: Any, where: str, whole: str) -> Any:
    """One step further in; a list is entered by a number, a dict by a word or a port's id."""
    try:
        if isinstance(of, Mapping) or (isinstance(of, list) and type(key) is int and key >= 0):
            return of[key]
    except (KeyError, IndexError, TypeError):
        pass
    raise ExpressionError(f"no {whole}: {where} {_inside(of)}")


def _inside(of: Any) -> str:
    if isinstance(of, Mapping):
        return ", ".join(map(str, of)) or "nothing"
    return f"{len(of)} entries" if isinstance(of, list) else f"nothing in it but {_shown(of)}"


def _shown(value: Any) -> str:
    """A value in a line, as JSON has it; of a whole object only that it is one."""
    plain = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return plain[value]
    if isinstance(value, Mapping):
        return "{...}"
    return f'"{value}"' if isinstance(value, str) else str(value)
