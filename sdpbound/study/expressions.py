"""Numbers written as expressions, such as "pi/2 - 0.02"; parsed, never evaluated as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

__all__ = ["evaluate"]

#: Longer texts are refused.
LIMIT = 200

_CONSTANTS: dict[str, float] = {"pi": math.pi}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
}
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}

ALLOWED = f"numbers, {', '.join(_CONSTANTS)}, + - * / **, parentheses and {', '.join(_FUNCTIONS)}"


def evaluate(text: str) -> float:
    """The value of an arithmetic expression; ValueError, with the reason, for anything else.

    >>> evaluate("pi/2 - 0.02") == math.pi / 2 - 0.02
    True
    >>> evaluate("__import__('os')")
    Traceback (most recent call last):
    ...
    ValueError: '__import__' is not known
    """
    if len(text) > LIMIT:
        raise ValueError(f"it is longer than {LIMIT} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not an arithmetic expression") from None
    try:
        value = _value(tree.body)
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None
    except OverflowError:
        raise ValueError("it is too large") from None
    if not math.isfinite(value):
        raise ValueError("it is not finite")
    return value


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        if node.id not in _CONSTANTS:
            raise ValueError(f"{node.id!r} is not known")
        return _CONSTANTS[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left), _value(node.right)
        try:
            return _BINARY[type(node.op)](left, right)
        except ValueError:
            raise ValueError(f"{left:g} to the power {right:g} is not a real number") from None
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if name not in _FUNCTIONS:
            raise ValueError(f"{name!r} is not known")
        if len(node.args) != 1 or node.keywords:
            raise ValueError(f"{name} takes one number")
        argument = _value(node.args[0])
        try:
            return _FUNCTIONS[name](argument)
        except ValueError:
            raise ValueError(f"{name}({argument:g}) is not defined") from None
    raise ValueError("it contains more than arithmetic")
