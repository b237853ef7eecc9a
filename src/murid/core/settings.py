"""Settings in frozen dataclasses: changed by dotted names, checked by type, read from TOML."""

from __future__ import annotations

import ast
import inspect
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from murid.errors import ConfigError

T = TypeVar("T")

# TOML has no null: this word switches an optional setting off.
_NONE = "none"

# How error messages and --help-all name the types of settings.
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a configuration.

    Attributes
    ----------
    name : str
        Dotted name, such as ``tracking.stage1_max_cost``.
    default : object
        Value in the configuration that was listed.
    expected : str
        Values that it accepts, in words.
    summary : str
        What it does: the docstring below the field.
    """

    name: str
    default: Any
    expected: str
    summary: str


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the content of a TOML file; raises `ConfigError` if it cannot be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a readable file, got: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML, got: {error}") from error


def parse_assignment(text: str) -> dict[str, Any]:
    """Return ``table.name=value`` as nested tables.

    The value is read as TOML (``0.8``, ``true``, ``[1, 2]``), or else as a string.

    Raises
    ------
    ConfigError
        If there is no name or no value.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not all(name.split(".")) or not value:
        raise ConfigError(f"--set: expected NAME=VALUE, got {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    for part in reversed(name.split(".")):
        parsed = {part: parsed}
    nested: dict[str, Any] = parsed
    return nested


def change_settings(base: T, given: Mapping[str, Any], prefix: str = "") -> T:
    """Return a copy of a configuration in which some settings are changed.

    Parameters
    ----------
    base : dataclass
        Configuration; its fields may be configurations themselves.
    given : mapping
        New values by field name; a mapping changes fields of a nested configuration.
    prefix : str
        Dotted name of `base` in error messages, with a dot at its end.

    Raises
    ------
    ConfigError
        If a name is unknown, or a value has the wrong type or is out of range.
    """
    hints = _get_hints(type(base))
    changed: dict[str, Any] = {}
    for key, value in given.items():
        name = f"{prefix}{key}"
        if key not in hints:
            raise ConfigError(f"{name}: expected one of {', '.join(hints)}")
        current = getattr(base, key)
        if is_dataclass(current):
            if not isinstance(value, Mapping):
                inner = ", ".join(f"{name}.{field.name}" for field in fields(current))
                raise ConfigError(f"{name}: expected one of its settings ({inner}), got {value!r}")
            changed[key] = change_settings(current, value, f"{name}.")
        elif isinstance(value, Mapping):
            raise ConfigError(f"{name}: expected {describe_type(hints[key])}, got a table")
        else:
            changed[key] = _convert(value, hints[key], name)
    try:
        return replace(base, **changed)  # type: ignore[type-var]
    except ConfigError as error:
        # A nested configuration names its field alone; the names around it are added here.
        message = str(error)
        known = message.startswith(prefix) or not message.startswith(tuple(hints))
        raise ConfigError(message if known else f"{prefix}{message}") from error


def flatten_settings(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one dictionary whose keys join the names by dots."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten_settings(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def load_settings(path: str | Path, base: T) -> T:
    """Return a configuration changed by a TOML file; raises `ConfigError` with its path."""
    given = read_toml(path)
    try:
        return change_settings(base, given)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def list_settings(config: Any, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting of a configuration, nested ones too, in the order of its fields."""
    hints = _get_hints(type(config))
    summaries = read_field_docs(type(config))
    for name, hint in hints.items():
        value = getattr(config, name)
        if is_dataclass(value):
            yield from list_settings(value, f"{prefix}{name}.")
        else:
            yield Setting(f"{prefix}{name}", value, describe_type(hint), summaries.get(name, ""))


def read_field_docs(config: type) -> dict[str, str]:
    """Return the docstring below each field of a dataclass, on one line, by name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(config)))
    body: Sequence[ast.stmt] = tree.body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, after in pairwise(body):
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and documented:
            found[field.target.id] = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
    return found


def describe_type(hint: Any) -> str:
    """Return in words which values a type annotation accepts."""
    if get_origin(hint) is Literal:
        return " or ".join(str(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(describe_type(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return "a list"
    return _NONE if hint is NoneType else _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _get_hints(config: type) -> dict[str, Any]:
    hints = get_type_hints(config)
    return {field.name: hints[field.name] for field in fields(config)}


def _convert(value: Any, hint: Any, name: str) -> Any:
    """Return a value as its type annotation wants it; raises `ConfigError`."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        parts = get_args(hint)
        if NoneType in parts and (value is None or value == _NONE):
            return None
        for part in parts:
            if part is not NoneType and _fits(value, part):
                return _convert(value, part, name)
    elif _fits(value, hint):
        if hint is float:
            return float(value)
        return tuple(value) if origin is tuple else value
    raise ConfigError(f"{name}: expected {describe_type(hint)}, got {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)
