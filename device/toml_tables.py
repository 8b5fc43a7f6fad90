"""Reads TOML files as dataclasses, with the defaults of what is not written, and writes their values."""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .typed_json import FieldError, parsed

Tables = TypeVar("Tables")


def read_tables(path: Path, kind: type[Tables]) -> Tables:
    """Returns a TOML file as a dataclass; a field of a dataclass is a table, of a tuple of them an array of tables.

    What is not written has its default. Raises ValueError, which names the entry, for any other file, OSError if it
    cannot be read, and ImportError on Python 3.10 without tomli.
    """
    try:
        return from_tables(loads(path.read_text(encoding="utf-8-sig")), kind)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def from_tables(tables: Mapping[str, Any], kind: type[Tables]) -> Tables:
    """Returns tables, as TOML or JSON gives them, as a dataclass; raises FieldError, which names the entry."""
    return parsed(kind, _with_defaults(kind, tables, ""), kind.__name__.lower())


def require_known(where: str, written: Iterable[str], known: Iterable[str]) -> None:
    """Raises FieldError, which names the nearest known one, if a name is unknown; `where` is the table."""
    names = list(known)
    for name in written:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(names)}"
            raise FieldError(f"{where + '.' if where else ''}{name}: nothing is called so.{hint}")


def entry(name: str, value: Any) -> str:
    """Returns a line of TOML: a text, number, truth value, or a list or mapping of them."""
    return f"{name} = {_value(value)}\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(key)} = {_value(each)}" for key, each in value.items()) + "}"
    # What JSON writes of these types is TOML, but for one control character.
    written = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return written.replace("\x7f", "\\u007f")


def loads(text: str) -> dict[str, Any]:
    """Returns the tables of a TOML text; raises ValueError for another, ImportError on Python 3.10 without tomli."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415  # few commands read TOML
    else:
        try:
            import tomli as tomllib  # noqa: PLC0415  # the core works without it
        except ModuleNotFoundError as error:
            from .advice import pip_install  # noqa: PLC0415  # only for those who lack something

            raise ImportError(f"TOML files need tomli on Python 3.10: {pip_install('tomli')}") from error
    return tomllib.loads(text)


def _with_defaults(kind: type[Any], written: Any, where: str) -> dict[str, Any]:
    """Returns entries with the defaults of those that are not written; raises FieldError for unknown ones."""
    if not isinstance(written, dict):
        raise FieldError(f"{where}: Expected a table. Received: {written!r}")
    known, hints = {each.name: each for each in dataclasses.fields(kind)}, typing.get_type_hints(kind)
    require_known(where, written, known)
    return {name: _entry(each, hints[name], written, where) for name, each in known.items()}


def _entry(each: dataclasses.Field[Any], hint: Any, written: Mapping[str, Any], where: str) -> Any:
    name = each.name
    item = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None
    if dataclasses.is_dataclass(hint):
        return _with_defaults(typing.cast("type", hint), written.get(name, {}), name)
    if dataclasses.is_dataclass(item) and isinstance(written.get(name), list):
        cls = typing.cast("type", item)
        return [_with_defaults(cls, table, f"{name}[{index}]") for index, table in enumerate(written[name])]
    if name in written:
        return written[name]
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    if each.default is not dataclasses.MISSING:
        return list(each.default) if isinstance(each.default, tuple) else each.default
    raise FieldError(f"{where + '.' if where else ''}{name}: Expected an entry. Received: none")
