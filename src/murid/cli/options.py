"""Options that several verbs have, and the groups in which help shows them."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from murid.core.settings import list_settings
from murid.errors import ConfigError
from murid.pipeline.config import Config

# Help shows the groups in this order: what everybody uses comes first.
EVERYDAY = Group.create_ordered("Everyday options")
CLOCK = Group.create_ordered("Clock and frames of the recording")
IDENTITIES = Group.create_ordered("Identities and names")
OUTPUT = Group.create_ordered("Output")
SETTINGS = Group.create_ordered("Settings")

# Whether a verb prints one JSON document instead of text; the same in every verb that has it.
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), group=OUTPUT)]

# Sections of the configuration that each verb uses; --help-all lists their settings.
SECTIONS = {
    "enroll": ("detection", "tracking", "identification"),
    "track": ("detection", "tracking", "identification"),
    "live": ("detection", "tracking", "identification"),
    "identify": ("identification",),
    "measure": ("measures",),
    "plot": ("measures",),
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ConfigOptions:
    """Settings from a file and from the command line."""

    config: Annotated[Path | None, Parameter(group=SETTINGS)] = None
    """TOML file with settings, such as murid.toml; --help-all lists them."""

    assignments: Annotated[
        tuple[str, ...], Parameter(name="--set", negative=(), group=SETTINGS, show_default=False)
    ] = ()
    """One setting, NAME=VALUE, such as tracking.stage1_max_cost=0.8; can be given several times."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration: defaults, changed by the file, changed by each --set.

        Raises
        ------
        ConfigError
            If the file cannot be read, a name is unknown, or a value is wrong.
        """
        config = base or Config()
        if self.config is not None:
            config = Config.load(self.config)
        return config.change(*self.assignments)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DetectorOptions(ConfigOptions):
    """Settings of verbs that detect animals."""

    detector: Annotated[str | None, Parameter(group=SETTINGS)] = None
    """nano (the shipped network, default), background (no network), or a network file of murid."""

    keypoints: Annotated[bool, Parameter(group=SETTINGS, show=False)] = True
    """Find nose, centre and tail base of each animal, if the network can."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration, the detector included; raises `ConfigError`."""
        config = super().load(base)
        if not self.keypoints:
            config = config.change("detection.keypoints=false")
        if self.detector is None:
            return config
        return config.change(f"detection.detector={self.detector}")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GalleryOptions:
    """Names from a gallery of known animals."""

    gallery: Annotated[Path | None, Parameter(group=IDENTITIES)] = None
    """Gallery file to name the animals from (murid enroll makes one); others are "unknown"."""

    update_gallery: Annotated[bool, Parameter(negative=(), group=IDENTITIES)] = False
    """Add the appearance of confidently identified animals to the gallery."""


def change_refine(config: Config, refine: bool | None) -> Config:
    """Return a configuration with ``--refine`` or ``--no-refine``; unchanged for neither."""
    if refine is None:
        return config
    return config.change(f"identification.refine={'always' if refine else 'never'}")


def check_animals(animals: int | None) -> None:
    """Raise `ConfigError` for a number of animals below 1."""
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")


def describe_settings(verb: str) -> Iterator[str]:
    """Yield the lines that --help-all adds: every setting that a verb uses, with its default."""
    sections = SECTIONS.get(verb, ())
    if sections:
        yield "Settings: --set NAME=VALUE, or tables [detection], [tracking] … in a --config file"
    for setting in list_settings(Config()):
        if setting.name.split(".")[0] not in sections:
            continue
        default = _to_toml(setting.default)
        yield ""
        yield f"  {setting.name}  ({setting.expected}) [default: {default}]"
        yield from textwrap.wrap(
            setting.summary, 92, initial_indent="      ", subsequent_indent="      "
        )


def _to_toml(value: object) -> str:
    """Return a default as a user would write it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
