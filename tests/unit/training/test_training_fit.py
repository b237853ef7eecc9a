import numpy as np
import pytest
import torch

from murid.scenes.still import StillConfig, make_still
from murid.training.data import StillStream, collate
from murid.training.fit import FitConfig, Trainer
from murid.training.material import Material
from murid.training.validate import compute_average_precision, fit_calibration, match_greedily, validate

TINY = FitConfig(
    minutes=1e-9,
    batch_size=2,
    n_workers=0,
    bf16=False,
    identity_every=1,
    stills=StillConfig(size_px=64, body_px=(20, 30), n_identities=5, empty=0.0),
)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_stream_is_the_same_again_and_goes_on_where_it_was():
    first = iter(StillStream(TINY.stills, Material(), 7))
    stills = [next(first) for _ in range(3)]
    np.testing.assert_array_equal(next(iter(StillStream(TINY.stills, Material(), 9))).image, stills[2].image)


def test_collate_stacks_pictures_and_keeps_every_box():
    stills = [make_still(seed, TINY.stills) for seed in range(3)]
    batch = collate(stills)
    assert batch.images.shape == (3, 4, 64, 64)
    assert float(batch.images.max()) <= 1
    assert len(batch.identities) == sum(len(b) for b in batch.boxes)
    np.testing.assert_allclose(batch.images[1, :3, 5, 9].numpy() * 255, stills[1].image[5, 9], atol=1e-3)
    for still, difference in zip(stills, batch.images[:, 3].numpy(), strict=True):
        assert (still.backdrop is None) == (not difference.any())


def test_a_step_changes_weights_and_a_checkpoint_brings_them_back(tmp_path):
    trainer = Trainer(TINY, Material(), tmp_path)
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    trainer.elapsed_s = 0.5  # past the first instant, where the rate is still zero
    trainer.run(lambda _: None)
    after = trainer.network.state_dict()
    assert any(not torch.equal(before[k], after[k]) for k in before)
    again = Trainer(TINY, Material(), tmp_path)
    assert again.step == trainer.step == 1
    for key, value in again.network.state_dict().items():
        assert torch.equal(value, after[key])


def test_losses_fall_on_pictures_seen_again_and_again(tmp_path):
    trainer = Trainer(FitConfig(**{**vars(TINY), "minutes": 100.0, "warmup": 0.0}), Material(), tmp_path)
    batch = collate([make_still(seed, TINY.stills) for seed in range(2)])
    losses = [trainer._train_step(batch) for _ in range(25)]
    assert losses[-1]["heat"] < 0.6 * losses[0]["heat"]
    assert losses[-1]["identity"] < losses[0]["identity"]


def test_validation_gives_a_calibrated_network(tmp_path):
    network = Trainer(TINY, Material(), tmp_path).averaged_network()
    result = validate(network, [make_still(seed, TINY.stills) for seed in range(3)])
    assert 0 <= result.ap50 <= 1
    assert np.isfinite([result.score_scale, result.score_bias]).all()


def test_average_precision_of_known_lists():
    scores = np.array([0.9, 0.8, 0.7])
    assert compute_average_precision(scores, np.array([True, True, False]), 2) == pytest.approx(1.0)
    assert compute_average_precision(scores, np.array([False, True, True]), 2) == pytest.approx(2 / 3)
    assert compute_average_precision(scores, np.array([True, False, False]), 4) == pytest.approx(0.25)


def test_each_animal_is_found_once():
    truth = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 59], [80, 80, 90, 90]], np.float32)
    np.testing.assert_array_equal(match_greedily(boxes, truth), [True, False, True, False])
    np.testing.assert_array_equal(match_greedily(boxes, truth[:0]), [False] * 4)


def test_calibration_recovers_the_curve_it_was_drawn_from():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20000)
    hits = rng.random(20000) < 1 / (1 + np.exp(-(1.5 * logits + 0.7)))
    scale, bias = fit_calibration(1 / (1 + np.exp(-logits)), hits)
    assert scale == pytest.approx(1.5, rel=0.06)
    assert bias == pytest.approx(0.7, abs=0.08)
