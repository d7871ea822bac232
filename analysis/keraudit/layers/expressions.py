"""Whole-number expressions of a rules file: parsed, bounded, walked by us; never executed.

The grammar: whole numbers, names, ``name[index]``, ``+ - * // %``, a leading ``-``, parentheses,
and ``min(...)``, ``max(...)``, ``ceil_div(a, b)``, ``prod(shape)``. No powers, no attributes, no
other calls; an expression has at most 500 characters, a value at most 2**127.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import prod

from keraudit.errors import ModelError

LONGEST = 500  # characters
LARGEST = 2**127  # of a value, also on the way: a product cannot eat the memory
DEEPEST = 50  # parts within parts: our own walk cannot overflow the stack
Value = int | Sequence["Value"]  # a number, a shape, or shapes


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up: how many strides of b cover a."""
    return -(-a // b)


def product(sizes: Sequence[int]) -> int:
    return prod(sizes)


OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
FUNCTIONS = ("min", "max", "ceil_div", "prod")


def parsed(text: str) -> ast.expr:
    """The tree of an expression, every part of which is in the grammar.

    Raises:
        ModelError: it is too long, or holds anything else.
    """
    if len(text) > LONGEST:
        raise ModelError(f"has {len(text)} characters, more than {LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # refused below, not warned of
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ModelError(f"cannot be read as an expression: {text!r}") from None
    check(tree)
    return tree


def check(node: ast.expr, depth: int = 0) -> None:
    """Refuse what is not in the grammar, before any value is known."""
    if depth > DEEPEST:
        raise ModelError(f"is nested more than {DEEPEST} deep")
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            if number > LARGEST:
                raise ModelError(f"holds a number above 2**127: {number}")
        case ast.Name():
            pass
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            check(left, depth + 1)
            check(right, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            check(operand, depth + 1)
        case ast.Subscript(value=value, slice=index):
            check(value, depth + 1)
            check(index, depth + 1)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS and args:
            for arg in args:
                check(arg, depth + 1)
        case _:
            raise ModelError(
                f"may hold whole numbers, names, + - * // %, [ ] and {', '.join(FUNCTIONS)} only;"
                f" received {ast.unparse(node)!r}"
            )


def evaluated(node: ast.expr, names: Mapping[str, Value]) -> int:
    """The whole number that an expression is worth.

    >>> evaluated(parsed("batch * ceil_div(input[1], 2) * (units + 1)"),
    ...     {"batch": 2, "input": (2, 5, 7), "units": 3})
    24

    Raises:
        ModelError: a name is missing, a division by zero, an index outside, a value too large.
    """
    result = value(node, names)
    if not isinstance(result, int):
        raise ModelError(f"{ast.unparse(node)!r} is a list; take one of its numbers, as in [0]")
    return result


def value(node: ast.expr, names: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            if name not in names:
                raise ModelError(f"the name {name!r} is unknown; known are {', '.join(names)}")
            return names[name]
        case ast.UnaryOp(operand=operand):
            return -evaluated(operand, names)
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(OPERATORS[type(op)], evaluated(left, names), evaluated(right, names))
        case ast.Subscript(value=sequence, slice=index):
            sizes, place = value(sequence, names), evaluated(index, names)
            if isinstance(sizes, int) or not -len(sizes) <= place < len(sizes):
                raise ModelError(f"{ast.unparse(node)!r} names nothing")
            return sizes[place]
        case ast.Call(func=ast.Name(id=name), args=args):
            return called(name, [value(arg, names) for arg in args])
    raise ModelError(f"cannot be evaluated: {ast.unparse(node)!r}")


def called(name: str, arguments: list[Value]) -> int:
    flat = arguments[0] if len(arguments) == 1 and not isinstance(arguments[0], int) else arguments
    numbers = [number for number in flat if isinstance(number, int)]
    if len(numbers) != len(flat):
        raise ModelError(f"{name}() takes whole numbers")
    if name == "prod":
        result = 1
        for number in numbers:
            result = _bounded(OPERATORS[ast.Mult], result, number)
        return result
    if name == "ceil_div":
        if len(numbers) != 2:
            raise ModelError("ceil_div(a, b) takes two numbers")
        return _bounded(ceil_div, *numbers)
    if not numbers:
        raise ModelError(f"{name}() of nothing")
    return min(numbers) if name == "min" else max(numbers)


def _bounded(operation: Callable[[int, int], int], a: int, b: int) -> int:
    try:
        result = operation(a, b)
    except ZeroDivisionError:
        raise ModelError("divides by zero") from None
    if abs(result) > LARGEST:
        raise ModelError("is worth more than 2**127")
    return result
