import numpy as np
import pytest

from murid.tracking.kalman import MotionModel, predict


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_noise_per_second_is_the_same_at_every_frame_rate(fps):
    reference = MotionModel.from_noise()
    model = MotionModel.from_noise(fps=fps)
    # Variance of a random walk grows with time, so that of one step is that of a second divided by
    # the frame rate. Velocities are per frame, so they shrink with the rate as well.
    positions = model.process_std[:4] ** 2 * fps
    np.testing.assert_allclose(positions, reference.process_std[:4] ** 2 * 30)
    velocities = (model.process_std[4:] * fps) ** 2 * fps
    np.testing.assert_allclose(velocities, (reference.process_std[4:] * 30) ** 2 * 30)
    np.testing.assert_allclose(model.initial_std[:4], reference.initial_std[:4])
    np.testing.assert_allclose(model.initial_std[4:] * fps, reference.initial_std[4:] * 30)


def test_velocities_are_added_and_noise_grows_with_height():
    means = np.array([[10.0, 20, 2, 40, 1, -2, 0.1, 3]])
    predicted, covariances = predict(means, np.zeros((1, 8, 8)), MotionModel.from_noise())
    np.testing.assert_allclose(predicted, [[11, 18, 2.1, 43, 1, -2, 0.1, 3]])
    std = [40 / 20, 40 / 20, 1e-2, 40 / 20, 40 / 160, 40 / 160, 1e-5, 40 / 160]
    np.testing.assert_allclose(covariances[0], np.diag(np.square(std)))
