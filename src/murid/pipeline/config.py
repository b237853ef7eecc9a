"""All settings of a run in one object."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from murid.analysis.config import MeasureConfig
from murid.core.settings import change_settings, load_settings, parse_assignment
from murid.detection.config import DetectionConfig
from murid.identification.config import IdentificationConfig
from murid.tracking.config import TrackingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Settings of detection, tracking, identification and measures.

    Examples
    --------
    >>> from murid import Config
    >>> config = Config().change("tracking.stage1_max_cost=0.8", "identification.refine=never")
    >>> config.tracking.stage1_max_cost
    0.8
    """

    detection: DetectionConfig = field(default_factory=DetectionConfig)
    """How animals are found in each frame."""

    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    """How detections become tracks from frame to frame."""

    identification: IdentificationConfig = field(default_factory=IdentificationConfig)
    """How tracks become identities over the whole recording."""

    measures: MeasureConfig = field(default_factory=MeasureConfig)
    """How behaviour is measured; `murid.track` does not use it."""

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """Return the defaults, changed by a TOML file with tables of the names of the fields.

        Raises
        ------
        ConfigError
            If the file cannot be read, a name is unknown, or a value is wrong.
        """
        return load_settings(path, cls())

    def change(self, *assignments: str) -> Config:
        """Return a copy with some settings changed.

        Parameters
        ----------
        *assignments : str
            Each ``NAME=VALUE`` with a dotted name, such as ``tracking.stage1_max_cost=0.8``;
            ``none`` switches an optional setting off.

        Raises
        ------
        ConfigError
            If a name is unknown or a value is wrong; names the field.
        """
        config = self
        for text in assignments:
            config = change_settings(config, parse_assignment(text))
        return config
