"""Numbers written as expressions, such as "pi/2 - 0.02" or "theta + eps".

A text is parsed, and never run as code.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

__all__ = ["ALLOWED", "KNOWN", "LIMIT", "Expression", "dependency_order", "evaluate", "parse", "unknown"]

#: Longer texts are refused.
LIMIT = 200

_CONSTANTS: dict[str, float] = {"pi": math.pi, "deg": math.pi / 180.0, "rad": 1.0}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "abs": abs,
    "min": min,
    "max": max,
}
_OF_SEVERAL = ("min", "max")


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except ValueError:
        raise ValueError(f"{base:g} to the power {exponent:g} is not a real number") from None


_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
#: Signs that people write, and what expressions have in their place.
_INSTEAD = {"π": "pi", "°": "*deg", "·": "*", "×": "*", "−": "-", "–": "-", "÷": "/", "²": "**2", "√": "sqrt(...)"}

#: The names of constants and functions.
KNOWN = frozenset(_CONSTANTS) | frozenset(_FUNCTIONS)
ALLOWED = f"numbers, {', '.join(_CONSTANTS)}, + - * / **, parentheses and {', '.join(_FUNCTIONS)}"

_Values = Mapping[str, float]
_Function = Callable[[_Values], float]


@dataclass(frozen=True, slots=True)
class Expression:
    """An arithmetic expression, compiled once.

    An expression is called with the values of the names that it mentions.

    Attributes
    ----------
    text : text as it was written
    names : names whose values the expression needs
    bound : constants that the expression mentions, with their values

    >>> double = parse("2*theta + eps", {"eps": 0.5})
    >>> double({"theta": 1.0}), sorted(double.names)
    (2.5, ['theta'])
    """

    text: str
    bound: tuple[tuple[str, float], ...]
    names: frozenset[str] = field(compare=False)
    _function: _Function = field(compare=False, repr=False)

    def __call__(self, values: _Values) -> float:
        """Return the value.

        Raises ValueError, with the reason, where there is no value.
        """
        try:
            value = self._function(values)
        except ZeroDivisionError:
            raise ValueError("it divides by zero") from None
        except OverflowError:
            raise ValueError("it is too large") from None
        if not math.isfinite(value):
            raise ValueError("it is not finite")
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return parse, (self.text, dict(self.bound))


def evaluate(text: str, constants: _Values | None = None) -> float:
    """Return the value of an arithmetic expression.

    Raises ValueError, with the reason, for any other text.

    >>> evaluate("45*deg") == math.pi / 4
    True
    >>> evaluate("__import__('os')")
    Traceback (most recent call last):
    ...
    ValueError: '__import__' is not known
    """
    constants = constants or {}
    expression = parse(text, constants)
    for name in sorted(expression.names):
        raise ValueError(unknown(name, constants))
    return expression({})


def parse(text: str, constants: _Values | None = None) -> Expression:
    """Return an expression from its text.

    Raises ValueError, with the reason, if the text is no expression. Names that are neither constants nor functions are
    left open.
    """
    if len(text) > LIMIT:
        raise ValueError(f"it is longer than {LIMIT} characters")
    for character in text:
        if not character.isascii():
            instead = f"; write {_INSTEAD[character]}" if character in _INSTEAD else ""
            raise ValueError(f"it has the character {character!r}{instead}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of texts such as "1if", which are refused below
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not an arithmetic expression") from None
    compiler = _Compiler(constants or {})
    try:
        function = compiler.compile(tree.body)
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None
    except OverflowError:
        raise ValueError("it is too large") from None
    bound = tuple((name, compiler.constants[name]) for name in sorted(compiler.used))
    return Expression(text.strip(), bound, frozenset(compiler.open), function)


def unknown(name: str, others: Collection[str] = ()) -> str:
    """Return the sentence that a name is not known, with the nearest known name."""
    near = difflib.get_close_matches(name, [*others, *KNOWN], n=1, cutoff=0.5)
    return f"{name!r} is not known" + (f" (did you mean {near[0]!r}?)" if near else "")


def dependency_order(expressions: Mapping[str, Collection[float | Expression]]) -> list[str]:
    """Return the names in an order in which each comes after the names that its expressions mention.

    Raises ValueError for a cycle.

    >>> dependency_order({"a": [parse("b/2")], "b": [1.0]})
    ['b', 'a']
    """
    mentions: dict[str, list[str]] = {}
    for name, entries in expressions.items():
        names = {n for entry in entries if isinstance(entry, Expression) for n in entry.names}
        if name in names:
            raise ValueError(f"{name}, which mentions itself")
        mentions[name] = [other for other in expressions if other in names]
    try:
        return list(TopologicalSorter(mentions).static_order())
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        shown = cycle if len(cycle) <= 12 else [*cycle[:10], "...", cycle[-1]]
        raise ValueError(f"{' -> '.join(shown)}, which is a cycle") from None


class _Compiler:
    """Compiles a syntax tree to nested closures.

    A part that mentions no open name is evaluated at once.
    """

    def __init__(self, constants: _Values) -> None:
        self.constants = constants
        self.used: set[str] = set()
        self.open: set[str] = set()

    def compile(self, node: ast.expr) -> _Function:
        result = self._compile(node)
        return (lambda values: result) if isinstance(result, float) else result

    def _compile(self, node: ast.expr) -> float | _Function:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            number = float(node.value)  # type: ignore[arg-type]
            if math.isinf(number):
                raise OverflowError
            return number
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _binary(_BINARY[type(node.op)], self._compile(node.left), self._compile(node.right))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise ValueError("it has '^'; write ** for a power")
        if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            operate, operand = _UNARY[type(node.op)], self._compile(node.operand)
            return operate(operand) if isinstance(operand, float) else lambda values: operate(operand(values))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, node)
        raise ValueError("it contains more than arithmetic")

    def _name(self, name: str) -> float | _Function:
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in _FUNCTIONS:
            raise ValueError(f"{name} is a function; write {name}(...)")
        if name in self.constants:
            self.used.add(name)
            return float(self.constants[name])
        self.open.add(name)
        return operator.itemgetter(name)

    def _call(self, name: str, node: ast.Call) -> float | _Function:
        if name not in _FUNCTIONS:
            raise ValueError(unknown(name))
        several = name in _OF_SEVERAL
        if node.keywords or not (len(node.args) > 1 if several else len(node.args) == 1):
            raise ValueError(f"{name} takes {'two numbers or more' if several else 'one number'}")
        return _call(name, [self._compile(argument) for argument in node.args])


def _binary(
    operate: Callable[[float, float], float], left: float | _Function, right: float | _Function
) -> float | _Function:
    if isinstance(left, float):
        return operate(left, right) if isinstance(right, float) else lambda values: operate(left, right(values))
    if isinstance(right, float):
        return lambda values: operate(left(values), right)
    return lambda values: operate(left(values), right(values))


def _call(name: str, arguments: list[float | _Function]) -> float | _Function:
    function = _FUNCTIONS[name]

    def run(*numbers: float) -> float:
        try:
            return function(*numbers)
        except ValueError:
            raise ValueError(f"{name}({', '.join(f'{n:g}' for n in numbers)}) is not defined") from None

    numbers = [argument for argument in arguments if isinstance(argument, float)]
    if len(numbers) == len(arguments):
        return run(*numbers)
    functions = [_constant(a) if isinstance(a, float) else a for a in arguments]
    if len(functions) == 1:
        (only,) = functions
        return lambda values: run(only(values))
    return lambda values: run(*[f(values) for f in functions])


def _constant(value: float) -> _Function:
    return lambda values: value
