import logging

import pytest
import torch

from murid.training import precision
from murid.training.precision import choose_precision, has_bf16


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture(autouse=True)
def forget_warnings():
    precision._warn_once.cache_clear()
    yield
    precision._warn_once.cache_clear()


def fake_processor(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({"avx2": True}, False),
    ],
)
def test_bf16_of_a_processor(monkeypatch, capabilities, expected):
    fake_processor(monkeypatch, **capabilities)
    assert has_bf16() is expected


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("has_it", [False, True])
def test_bf16_of_a_processor_with_an_older_pytorch(monkeypatch, has_it):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_it)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert has_bf16() is has_it


@pytest.mark.parametrize("has_it", [False, True])
def test_a_graphics_card_comes_before_the_processor(monkeypatch, has_it):
    fake_processor(monkeypatch, avx512_bf16=not has_it)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    asked = {}

    def is_supported(including_emulation: bool = True) -> bool:
        asked["emulation"] = including_emulation
        return has_it

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert has_bf16() is has_it
    assert asked == {"emulation": False}


@pytest.mark.usefixtures("no_gpu")
def test_without_bf16_training_is_in_float32_and_says_so_once(monkeypatch, caplog):
    fake_processor(monkeypatch, avx2=True)
    with caplog.at_level(logging.WARNING):
        assert choose_precision(bf16=False) == "32-true"
        assert not caplog.records
        assert choose_precision(bf16=True) == "32-true"
        assert choose_precision(bf16=True) == "32-true"
    (record,) = caplog.records
    assert "float32" in record.message


@pytest.mark.usefixtures("no_gpu")
def test_with_bf16_training_uses_it_unless_switched_off(monkeypatch, caplog):
    fake_processor(monkeypatch, avx512_bf16=True)
    assert choose_precision(bf16=True) == "bf16-mixed"
    assert choose_precision(bf16=False) == "32-true"
    assert not caplog.records
