import dataclasses

import numpy as np
import pytest
import torch

from murid.synthetic.clips import ClipFrame, encode_jpeg
from murid.synthetic.keypoint_truth import make_unknown_keypoints
from murid.synthetic.still import Still, StillConfig, make_still
from murid.training.config import AugmentConfig, ClipConfig, TrainConfig
from murid.training.data import EpochSampler, TrainingImages, collate, make_loader, to_rois
from murid.training.synthetic_sources import SyntheticSources
from murid.training.training_clips import Clip

STILLS = StillConfig(size_px=64, body_px=(20, 30), n_identities=5, empty=0.0)
UNCHANGED = AugmentConfig(
    hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0
)


def make_square(x: int = 16, y: int = 24, side: int = 12, size: int = 64) -> Still:
    image = np.zeros((size, size, 3), np.uint8)
    image[y : y + side, x : x + side] = 250
    return Still(
        image,
        np.array([[x, y, x + side, y + side]], np.float32),
        np.array([3]),
        np.zeros_like(image),
    )


def test_collate_stacks_images_and_keeps_every_box():
    stills = [make_still(seed, STILLS) for seed in range(3)]
    batch = collate(stills)
    assert batch.images.shape == (3, 4, 64, 64)
    assert float(batch.images.max()) <= 1
    assert len(batch.identities) == sum(len(b) for b in batch.boxes)
    np.testing.assert_allclose(
        batch.images[1, :3, 5, 9].numpy() * 255, stills[1].image[5, 9], atol=1e-3
    )
    for still, difference in zip(stills, batch.images[:, 3].numpy(), strict=True):
        assert (still.background is None) == (not difference.any())


def make_clip(number: int) -> Clip:
    """Return two frames of one animal, drawn as a square."""
    stills = [make_square(x, y) for x, y in ((10, 12), (40, 30))]
    return tuple(
        ClipFrame(
            encode_jpeg(s.image),
            encode_jpeg(s.background),
            s.boxes,
            np.array([100 + number]),
            make_unknown_keypoints(1),
        )
        for s in stills
    )


class TestTrainingImages:
    config = TrainConfig(size_px=64, stills=STILLS, augment=UNCHANGED, synthetic_share=0.5)
    labelled = tuple(make_square(x=4 * k) for k in range(8))

    def test_a_number_always_gives_the_same_image(self):
        a, b = (TrainingImages(self.config, SyntheticSources(), self.labelled) for _ in range(2))
        for number in (0, 7, 100):
            np.testing.assert_array_equal(a[number].image, b[number].image)
        other = TrainingImages(dataclasses.replace(self.config, seed=1), SyntheticSources())
        assert not np.array_equal(
            TrainingImages(self.config, SyntheticSources())[0].image, other[0].image
        )

    def test_every_labelled_image_occurs_once_in_a_pass(self):
        images = TrainingImages(
            dataclasses.replace(self.config, synthetic_share=0.0), SyntheticSources(), self.labelled
        )
        passes = [[int(images[8 * r + k].boxes[0, 0]) for k in range(8)] for r in range(3)]
        assert all(sorted(seen) == [4 * k for k in range(8)] for seen in passes)
        assert passes[0] != passes[1]

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"identity_source": "track"}, {0, 4}),
            ({"identity_source": "box"}, {0}),
            ({"identity_loss": "cross_entropy"}, {4 * k for k in range(-7, 8)}),
        ],
    )
    def test_labelled_images_come_in_pairs_with_the_contrastive_loss(self, changed, expected):
        config = dataclasses.replace(self.config, synthetic_share=0.0, **changed)
        images = TrainingImages(config, SyntheticSources(), self.labelled)
        xs = [int(images[k].boxes[0, 0]) for k in range(32)]
        assert {b - a for a, b in zip(xs[::2], xs[1::2], strict=True)} <= expected
        assert sorted(xs) == sorted(4 * [4 * k for k in range(8)])

    def test_an_augmented_image_is_the_same_in_every_process(self):
        config = dataclasses.replace(
            self.config, augment=AugmentConfig(), synthetic_share=0.2, batch_size=3
        )
        images = TrainingImages(config, SyntheticSources(), self.labelled)
        batches = []
        for n_workers in (0, 2):
            loaded = dataclasses.replace(config, n_workers=n_workers)
            batches.append(list(make_loader(images, EpochSampler(6, lambda: 0), loaded)))
        for alone, parallel in zip(*batches, strict=True):
            torch.testing.assert_close(alone.images, parallel.images)
        assert not torch.equal(batches[0][0].images, batches[0][1].images)

    def test_images_of_a_pair_are_of_the_same_kind(self):
        images = TrainingImages(self.config, SyntheticSources(), self.labelled)
        kinds = [images[k].image.max() == 250 and images[k].image.min() == 0 for k in range(60)]
        assert kinds[::2] == kinds[1::2]
        assert 0 < sum(kinds) < 60

    def test_the_share_is_that_of_synthetic_images(self):
        config = dataclasses.replace(self.config, synthetic_share=0.2)
        images = TrainingImages(config, SyntheticSources(), self.labelled)
        squares = sum(list(images[k].identities) == [3] for k in range(60))
        assert 40 <= squares <= 58

    def test_the_share_of_synthetic_images_is_kept(self):
        images = TrainingImages(self.config, SyntheticSources(), self.labelled)
        squares = sum(
            list(images[k].identities) == [3] and images[k].image.max() == 250 for k in range(60)
        )
        assert 15 <= squares <= 45

    def test_consecutive_images_are_of_one_clip(self):
        sources = SyntheticSources(synthetic_clips=tuple(make_clip(k) for k in range(40)))
        config = dataclasses.replace(
            self.config, clips=ClipConfig(synthetic_share=0.5, composed_share=0.2, solo_share=0.0)
        )
        images = TrainingImages(config, sources)
        pairs = [[set(images[2 * k + j].identities.tolist()) for j in (0, 1)] for k in range(80)]
        windows = [pair for pair in pairs if max(pair[0] | pair[1], default=0) >= 100]
        assert all(first == second for first, second in windows if first and second)
        assert 25 <= len(windows) <= 55  # half of all, since there are no composed clips
        assert len({min(first | second) for first, second in windows}) > 15

    def test_an_epoch_continues_after_the_previous_one(self):
        numbers = {used: list(EpochSampler(5, lambda used=used: used)) for used in (0, 10, 12)}
        assert numbers == {0: [0, 1, 2, 3, 4], 10: [10, 11, 12, 13, 14], 12: [12, 13, 14]}
        assert len(EpochSampler(5, lambda: 12)) == 5


def test_regions_of_interest_have_the_number_of_their_image():
    boxes = [np.array([[1, 2, 11, 22]], np.float32), np.array([[5, 5, 9, 9]], np.float32)]
    rois = to_rois([boxes[0], boxes[1][:0], boxes[1]])
    assert rois.tolist() == [[0, 1, 2, 11, 22], [2, 5, 5, 9, 9]]


def test_regions_are_moved_by_a_share_of_their_sides():
    torch.manual_seed(0)
    box = np.array([[100, 100, 120, 180]], np.float32)
    moved = to_rois([box.repeat(2000, axis=0)], jitter=0.1)
    assert not moved[:, 0].any()
    changes = moved[:, 1:] - torch.from_numpy(box)
    torch.testing.assert_close(
        changes.std(dim=0), torch.tensor([2.0, 8.0, 2.0, 8.0]), rtol=0.1, atol=0
    )
    assert float(changes.mean(dim=0).abs().amax()) < 0.8
