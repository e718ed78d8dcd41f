"""Arithmetic for the calculator and the offline model: exact where possible, limited in time, and without `eval`."""
# Contract file: replaced by updates.

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction

from .limits import MAX_DIGITS, MAX_EXPRESSION_CHARACTERS, MAX_NUMBER_BITS

Number = Fraction | float

_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "atan")},
    "abs": abs,
    "ceil": lambda value: Fraction(math.ceil(value)),
    "floor": lambda value: Fraction(math.floor(value)),
    "max": max,
    "min": min,
    "round": lambda value, digits=Fraction(0): _rounded(value, digits),
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def computed(expression: str) -> str:
    """Computes an expression and returns the value as a decimal number.

    Raises `ZeroDivisionError` for a division by zero, and `ValueError` for anything but short, plain arithmetic.
    """
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_EXPRESSION_CHARACTERS} characters")
    plain = expression.replace("^", "**").replace("\u00d7", "*").replace("\u00f7", "/").strip()
    try:
        value = _value(ast.parse(plain, mode="eval").body)
        if isinstance(value, float) or value.denominator != 1:
            return f"{float(value):.12g}"
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError("it cannot be read as arithmetic") from None
    except (OverflowError, TypeError):
        raise ValueError("its numbers are too large, or a function has wrong arguments") from None
    return str(value.numerator)


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _small(Fraction(str(number)))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _small(_OPERATORS[type(sign)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as given, keywords=[]) if name in _FUNCTIONS:
            return _small(_FUNCTIONS[name](*(_value(one) for one in given)))
    raise ValueError("it is not plain arithmetic")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > MAX_NUMBER_BITS:
            raise ValueError("one of its powers is too large")
        return base ** int(exponent)
    result = float(base) ** float(exponent)
    if isinstance(result, complex):
        raise ValueError("one of its roots is not a real number")  # noqa: TRY004 - the value is wrong, not its type
    return float(result)


def _rounded(value: Number, digits: Number) -> Number:
    places = int(digits)
    if abs(places) > MAX_DIGITS:
        raise ValueError(f"it rounds to more than {MAX_DIGITS} digits")
    return Fraction(round(Fraction(value), places))


def _small(value: Number) -> Number:
    if (
        isinstance(value, Fraction)
        and max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_NUMBER_BITS
    ):
        raise ValueError("one of its numbers is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("one of its numbers is not finite")
    return value
