"""Whether what came over a line is of the contract's shape: the generated types are the description."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


class WrongShape(Exception):
    """Something is not as the contract has it; the message says where, and never what stood there: it may be a secret."""


def check(value: object, shape: object, where: str = "$") -> None:
    """Raises WrongShape when a parsed JSON value is not of `shape`, a type of the contract."""
    if not _fits(value, shape, where):
        raise WrongShape(f"{where} is no {getattr(shape, '__name__', shape)}")


def _fits(value: object, shape: Any, where: str) -> bool:
    if is_typeddict(shape):
        return isinstance(value, dict) and _check_fields(value, shape, where)
    origin, inner = get_origin(shape), get_args(shape)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is list:
        return isinstance(value, list) and _check_all(enumerate(value), inner[0], where)
    if origin is dict:
        return isinstance(value, dict) and _check_all(value.items(), inner[1], where)
    if origin is Union or type(shape).__name__ == "UnionType":
        return any(_is_of(value, one, where) for one in inner)
    if shape is Any or shape is object:
        return True
    if shape is None or shape is type(None):
        return value is None
    if shape is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if shape is int:
        # JSON knows no integers: 3.0 is one.
        is_whole = isinstance(value, float) and value.is_integer()
        return is_whole or (isinstance(value, int) and not isinstance(value, bool))
    return isinstance(value, shape)


def _is_of(value: object, shape: object, where: str) -> bool:
    try:
        check(value, shape, where)
    except WrongShape:
        return False
    return True


def _check_fields(value: dict[str, object], shape: Any, where: str) -> bool:
    fields = _fields_of(shape)
    unknown = value.keys() - fields.keys()
    if unknown:
        raise WrongShape(f"{where} has {sorted(unknown)[0]}, which the contract does not know")
    for name, kind in fields.items():
        if name in value:
            check(value[name], kind, f"{where}.{name}")
        elif name in shape.__required_keys__:
            raise WrongShape(f"{where}.{name} is missing")
    return True


def _check_all(items: Any, shape: Any, where: str) -> bool:
    for key, item in items:
        check(item, shape, f"{where}[{key}]")
    return True


@cache
def _fields_of(shape: object) -> dict[str, Any]:
    return get_type_hints(shape, vars(sys.modules[shape.__module__]))
