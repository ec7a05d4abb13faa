"""Whether what a Protocol of the plugin says of a thing of calibre's is so."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace
from typing import Any, get_overloads

NOT_OURS = vars(type("Empty", (), {})).keys()


def members_of(protocol: type) -> list[str]:
    """What a Protocol says that there is."""
    told = {*vars(protocol), *vars(protocol).get("__annotations__", {})} - NOT_OURS
    return sorted(name for name in told if not name.startswith(("__", "_abc", "_is_")))


def ways_to_call(protocol: type, name: str) -> list[inspect.Signature]:
    # Of a name with overloads alone a Protocol keeps a stand-in, which does not know where it stood.
    named: Any = SimpleNamespace(__module__=protocol.__module__, __qualname__=f"{protocol.__qualname__}.{name}")
    return [inspect.signature(way) for way in get_overloads(named) or [vars(protocol)[name]]]


def untrue(real: Any, protocol: type) -> list[str]:
    """What a Protocol says of a thing that is not so."""
    found = []
    for name in members_of(protocol):
        told = vars(protocol).get(name)
        if not hasattr(real, name):
            found.append(f"there is no {name}")
        elif inspect.isfunction(told):
            found.extend(
                f"{name}: {why}" for way in ways_to_call(protocol, name) if (why := refused(getattr(real, name), way))
            )
    return found


def signature_of(real: Any) -> inspect.Signature:
    """What a thing takes; from Python 3.14 on its annotations would be evaluated, of which some name types alone."""
    if sys.version_info < (3, 14):
        return inspect.signature(real)
    from annotationlib import Format

    return inspect.signature(real, annotation_format=Format.FORWARDREF)


def refused(real: Any, way: inspect.Signature) -> str:
    """Why a method cannot be called in this way; empty when it can."""
    try:
        taken = signature_of(real)
    except ValueError:
        # Written in C, it tells nothing of itself.
        return "" if callable(real) else "cannot be called"
    given = [*way.parameters.values()][1:]
    by_place = [one.name for one in given if one.kind is one.POSITIONAL_ONLY]
    try:
        taken.bind(*by_place, **{one.name: None for one in given if one.kind is not one.POSITIONAL_ONLY})
    except TypeError as error:
        return str(error)
    return ""
