import numpy as np
import pytest

from murid.video.intensity import FULL_RANGE, IntensityScale, fit_intensity_scale, make_bit_scale


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_integers_are_scaled_by_the_bits_in_use(bits, dtype):
    grey = np.arange(256, dtype=np.int64).reshape(16, 16)
    values = (grey << (bits - 8)).astype(dtype)
    scale = fit_intensity_scale([values // 2, values])
    assert scale.bit_depth == bits
    np.testing.assert_array_equal(scale.to_uint8(values), grey)
    noisy = (values + 2 ** (bits - 8) - 1).astype(dtype)
    np.testing.assert_array_equal(scale.to_uint8(noisy), grey)


@pytest.mark.parametrize(
    ("high", "bits"), [(255, 8), (256, 10), (1023, 10), (1024, 12), (4096, 14)]
)
def test_the_smallest_depth_that_holds_the_maximum(high, bits):
    assert fit_intensity_scale([np.array([3, high], np.uint16)]).bit_depth == bits


def test_brighter_values_than_learnt_are_clipped():
    scale = fit_intensity_scale([np.array([0, 900], np.uint16)])
    brighter = np.array([1023, 1024, 5000, 65535], np.uint16)
    np.testing.assert_array_equal(scale.to_uint8(brighter), [255, 255, 255, 255])


def test_all_16_bits_keep_the_upper_byte():
    values = np.arange(0, 65536, 7, dtype=np.uint16)
    assert fit_intensity_scale([values]) == FULL_RANGE == make_bit_scale(16)
    np.testing.assert_array_equal(FULL_RANGE.to_uint8(values), values >> 8)


def test_values_from_0_to_1_that_overshoot_a_little():
    values = np.array([-0.005, 0.0, 0.2, 0.5, 1.0, 1.008, np.nan, np.inf, -np.inf], np.float32)
    scaled = fit_intensity_scale([values]).to_uint8(values)
    np.testing.assert_array_equal(scaled, [0, 0, 51, 128, 255, 255, 0, 255, 0])


def test_real_grey_levels_stay():
    values = np.array([0.25, 12.75, 200.5], np.float32)
    np.testing.assert_array_equal(fit_intensity_scale([values]).to_uint8(values), [0, 13, 200])


@pytest.mark.parametrize(
    "values",
    [
        np.array([-10.0, 0.0, 41.0], np.float32),
        np.array([-100, 0, 410], np.int16),
        np.array([0.0, 0.01, 0.051], np.float64) * 1e9,
    ],
)
def test_other_ranges_are_scaled_from_their_minimum_to_their_maximum(values):
    np.testing.assert_array_equal(fit_intensity_scale([values]).to_uint8(values), [0, 50, 255])


def test_images_without_a_value():
    values = np.full((2, 2), np.nan, np.float32)
    np.testing.assert_array_equal(fit_intensity_scale([values]).to_uint8(values), np.zeros((2, 2)))
    assert fit_intensity_scale([]) == IntensityScale()
    constant = np.full((2, 2), -3, np.int16)
    np.testing.assert_array_equal(fit_intensity_scale([constant]).to_uint8(constant), 0)


def test_uint8_is_left_alone():
    image = np.arange(12, dtype=np.uint8)
    assert IntensityScale(12, 0, 1 / 16).to_uint8(image) is image
