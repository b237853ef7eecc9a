import numpy as np

from murid.synthetic.animal import Posture, sample_coat, sample_coat_of_breed
from murid.synthetic.cutouts import compute_median_background, cut_out_animal, extract_cutout
from murid.synthetic.rodent import render_from_above

BACKGROUND = np.full((160, 240, 3), 200, np.uint8)
LIGHT = np.array([0, 0, 1], np.float32)


def draw_silhouette(x: int) -> np.ndarray:
    """Image of an animal in one dark colour."""
    rng = np.random.default_rng(1)
    sprite = render_from_above(sample_coat(rng), Posture(0.4), 60, LIGHT, rng)
    image = np.full((140, 260, 3), 200, np.uint8)
    height, width = sprite.alpha.shape
    window = image[30 : 30 + height, x : x + width]
    window[sprite.alpha > 0.5] = 20
    return image


def draw_mouse(x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Image of a black mouse whose sprite's origin is at x, y, and the mask of its body."""
    rng = np.random.default_rng(0)
    coat = sample_coat_of_breed("black", rng)
    sprite = render_from_above(coat, Posture(0.5), 60, LIGHT, rng)
    image = BACKGROUND.astype(np.float32) / 255
    body = np.zeros(image.shape[:2], bool)
    left, top = (round(float(v)) for v in np.array([x, y]) - sprite.origin)
    paste(image, body, sprite, left, top)
    return (255 * image).astype(np.uint8), body


def paste(image, body, sprite, left, top):
    """Draw a sprite and its body into an image in [0, 1] and a mask, in place."""
    height, width = sprite.alpha.shape
    window = np.s_[top : top + height, left : left + width]
    alpha = sprite.alpha[..., None]
    image[window] = image[window] * (1 - alpha) + sprite.image * alpha
    body[window] = sprite.body > 0.5


def test_cut_out_animal_has_a_body_without_its_tail():
    background = compute_median_background([draw_silhouette(x) for x in (10, 65, 120)])
    assert (background > 150).all()
    sprite = cut_out_animal(draw_silhouette(60), background)
    assert sprite is not None
    assert 0.1 < sprite.body.sum() / sprite.body.size < sprite.alpha.sum() / sprite.alpha.size
    assert sprite.image.min() < 0.1


def test_nothing_is_cut_out_of_an_empty_image():
    assert cut_out_animal(BACKGROUND, BACKGROUND) is None
    assert extract_cutout(BACKGROUND, BACKGROUND) is None


def test_cutout_pasted_at_its_position_restores_the_image():
    image, body = draw_mouse(120, 80)
    cutout = extract_cutout(image, BACKGROUND)
    assert cutout is not None
    left, top = (cutout.position - cutout.sprite.origin).round().astype(int)
    restored = BACKGROUND.astype(np.float32) / 255
    restored_body = np.zeros(body.shape, bool)
    paste(restored, restored_body, cutout.sprite, left, top)
    assert np.abs(255 * restored - image).mean() < 1
    assert (restored_body & body).sum() / (restored_body | body).sum() > 0.85


def test_edge_is_soft_and_free_of_the_background():
    image, _ = draw_mouse(120, 80)
    sprite = extract_cutout(image, BACKGROUND).sprite
    edge = (sprite.alpha > 0.4) & (sprite.alpha < 0.9)
    assert edge.sum() > 20
    assert np.median(sprite.image[edge]) < 0.35
