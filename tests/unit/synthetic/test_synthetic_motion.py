import numpy as np
import pytest

from murid.synthetic.behaviour import BehaviourConfig, BehaviourState
from murid.synthetic.ground import Ground
from murid.synthetic.motion import Herd

GROUND = Ground((200.0, 150.0), (180.0, 130.0))
NO_SHELTERS = np.zeros((0, 2))
BODY_PX = 40.0
FPS = 30.0


def make_single_behaviour(name: str) -> BehaviourConfig:
    """Configuration of animals that have one behaviour only."""
    weights = {state.name.lower(): 0.0 for state in BehaviourState}
    return BehaviourConfig(**(weights | {name: 1.0}))


def make_herd(
    n: int, behaviour: BehaviourConfig, shelters: np.ndarray = NO_SHELTERS, seed: int = 0
) -> Herd:
    return Herd(n, GROUND, shelters, behaviour, BODY_PX, FPS, np.random.default_rng(seed))


def simulate(herd: Herd, n_frames: int = 600) -> np.ndarray:
    """Positions ``(n_frames, n, 2)``."""
    positions = []
    for _ in range(n_frames):
        herd.step()
        positions.append(herd.position.copy())
    return np.array(positions)


def test_animals_stay_on_the_ground_and_move_smoothly():
    positions = simulate(make_herd(5, BehaviourConfig()))
    confined = GROUND.confine(positions.reshape(-1, 2))
    np.testing.assert_allclose(confined, positions.reshape(-1, 2))
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=2)
    assert steps.max() < 0.35 * BODY_PX
    assert np.ptp(positions, axis=0).max(axis=1).min() > BODY_PX


def test_pausing_animals_stay():
    positions = simulate(make_herd(2, make_single_behaviour("pause")), 200)
    assert np.linalg.norm(positions[-1] - positions[0], axis=1).max() < 0.2 * BODY_PX


def test_animals_that_follow_the_wall_are_beside_it():
    positions = simulate(make_herd(2, make_single_behaviour("wall")))[200:]
    half_size = np.array(GROUND.half_size)
    gap = 1 - np.abs((positions - GROUND.centre) / half_size).max(axis=2)
    assert np.median(gap) * half_size.min() < 0.8 * BODY_PX


def test_huddling_animals_come_together_and_running_ones_do_not():
    def measure_spread(name: str) -> float:
        last = simulate(make_herd(4, make_single_behaviour(name)))[-1]
        return float(np.linalg.norm(last - last.mean(axis=0), axis=1).mean())

    assert measure_spread("huddle") < 1.2 * BODY_PX < measure_spread("run")


def test_hiding_animals_end_up_under_the_shelter():
    shelter = np.array([[100.0, 100.0]])
    last = simulate(make_herd(2, make_single_behaviour("hide"), shelter))[-1]
    assert np.linalg.norm(last - shelter, axis=1).max() < 0.7 * BODY_PX


def test_bodies_are_separated_except_those_of_climbing_animals():
    def measure_min_distance(name: str) -> float:
        positions = simulate(make_herd(2, make_single_behaviour(name)), 400)[60:]
        return float(np.linalg.norm(positions[:, 0] - positions[:, 1], axis=1).min())

    assert measure_min_distance("climb") < 0.15 * BODY_PX < measure_min_distance("chase")


def test_climbing_animals_change_the_stacking_order():
    herd = make_herd(3, make_single_behaviour("climb"))
    orders = set()
    for _ in range(200):
        herd.step()
        orders.add(tuple(herd.order.tolist()))
    assert len(orders) > 1
    assert all(sorted(order) == [0, 1, 2] for order in orders)


@pytest.mark.parametrize(("name", "field"), [("rear", "rear"), ("curl", "bend")])
def test_posture_follows_the_behaviour(name, field):
    herd = make_herd(1, make_single_behaviour(name))
    pausing = make_herd(1, make_single_behaviour("pause"))
    simulate(herd, 90)
    simulate(pausing, 90)
    assert abs(getattr(herd.pose(0), field)) > 0.5 + abs(getattr(pausing.pose(0), field))
