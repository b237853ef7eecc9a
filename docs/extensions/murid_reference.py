"""Fill the command line and the settings into the reference, from the code that defines them.

A page asks for a generated part with a comment of its own, such as ``<!-- murid: settings -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from murid.cli.app import app as murid_app
from murid.core.settings import Setting, list_settings
from murid.pipeline.config import Config
from murid.training.config import TrainConfig

_MARKER = re.compile(r"^<!-- murid: ([a-z-]+) -->$", re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(_app: Any, _name: str, source: list[str]) -> None:
    parts = {
        "cli": describe_cli,
        "settings": lambda: describe_settings(Config()),
        "training-settings": lambda: describe_settings(TrainConfig()),
    }
    source[0] = _MARKER.sub(lambda match: parts[match[1]](), source[0])


def describe_cli() -> str:
    """Return the help of every verb, in Markdown."""
    text = murid_app.generate_docs(output_format="markdown", recursive=True)
    # What stands before the first verb is a list of verbs, which the page has already.
    verbs = text[text.index("## murid ") :]
    # Lines that continue a list item are not indented as code.
    return re.sub(r"\n {4,}(?=\S)", "\n  ", verbs)


def describe_settings(config: Any) -> str:
    """Return every setting of a configuration with its meaning, one heading for each section."""
    return "\n".join(_iterate_lines(list(list_settings(config))))


def _iterate_lines(settings: list[Setting]) -> Iterator[str]:
    section = None
    for setting in settings:
        own_section = setting.name.rpartition(".")[0]
        if own_section != section:
            section = own_section
            yield f"\n## `[{section}]`\n" if section else ""
        yield f"\n`{setting.name}` = `{_to_toml(setting.default)}`"
        yield f": {_capitalise(setting.summary)} *Expects {setting.expected}.*\n"


def _to_toml(value: object) -> str:
    """Return a default as a user would write it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return str(list(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
