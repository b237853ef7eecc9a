"""Lengths with a unit, and shares of an area."""

import pytest

from murid.analysis.units import Length, parse_area_share
from murid.errors import ConfigError


def test_lengths():
    assert Length.parse("2cm").to_px(50, 0.1) == pytest.approx(20)
    assert Length.parse("0.5bl").to_px(50, None) == 25
    with pytest.raises(ConfigError, match="expected a length in cm, px or bl"):
        Length.parse("2")


def test_shares_of_an_area():
    assert parse_area_share("50%area") == 0.5
    assert parse_area_share(" 12.5 % area") == 0.125
    assert parse_area_share("5cm") is None
    with pytest.raises(ConfigError, match="share: expected a share of the area such as 50%area"):
        parse_area_share("50%")
    with pytest.raises(ConfigError, match="border_width: expected more than 0 and less than 100 %"):
        parse_area_share("100%area", "border_width")
