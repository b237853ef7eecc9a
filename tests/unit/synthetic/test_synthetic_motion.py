from dataclasses import fields

import numpy as np
import pytest

from murid.synthetic.behaviour import BehaviourConfig, BehaviourState, Minds
from murid.synthetic.ground import Ground
from murid.synthetic.motion import Herd

GROUND = Ground((200.0, 150.0), (180.0, 130.0))
NO_SHELTER = np.zeros((0, 2))
BODY, FPS = 40.0, 30.0


def only(name: str, **more: float) -> BehaviourConfig:
    """BehaviourConfig of animals that do one thing."""
    swap_probabilities = {
        field.name: 0.0 for field in fields(BehaviourConfig)[: len(BehaviourState)]
    }
    return BehaviourConfig(**(swap_probabilities | {name: 1.0} | more))


def make_herd(
    n: int, habits: BehaviourConfig, shelters: np.ndarray = NO_SHELTER, seed: int = 0
) -> Herd:
    return Herd(n, GROUND, shelters, habits, BODY, FPS, np.random.default_rng(seed))


def run(herd: Herd, n_frames: int = 600) -> np.ndarray:
    """Positions ``(n_frames, n, 2)``."""
    path = []
    for _ in range(n_frames):
        herd.step()
        path.append(herd.position.copy())
    return np.array(path)


def test_states_are_the_first_fields_of_the_habits():
    assert [state.name.lower() for state in BehaviourState] == [
        field.name for field in fields(BehaviourConfig)
    ][: len(BehaviourState)]


def test_animals_stay_on_the_ground_and_move_smoothly():
    path = run(make_herd(5, BehaviourConfig()))
    inside = GROUND.confine(path.reshape(-1, 2))
    np.testing.assert_allclose(inside, path.reshape(-1, 2))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=2)
    assert steps.max() < 0.35 * BODY
    assert np.ptp(path, axis=0).max(axis=1).min() > BODY


def test_animals_that_pause_stay():
    path = run(make_herd(2, only("pause")), 200)
    assert np.linalg.norm(path[-1] - path[0], axis=1).max() < 0.2 * BODY


def test_animals_that_follow_the_wall_are_beside_it():
    path = run(make_herd(2, only("wall")))[200:]
    gap = 1 - np.abs((path - GROUND.centre) / np.array(GROUND.half)).max(axis=2)
    assert np.median(gap) * min(GROUND.half) < 0.8 * BODY


def test_animals_that_huddle_come_together_and_those_that_run_do_not():
    def spread(habits: BehaviourConfig) -> float:
        last = run(make_herd(4, habits))[-1]
        return float(np.linalg.norm(last - last.mean(axis=0), axis=1).mean())

    assert spread(only("huddle")) < 1.2 * BODY < spread(only("run"))


def test_animals_that_hide_end_up_under_the_shelter():
    shelter = np.array([[100.0, 100.0]])
    last = run(make_herd(2, only("hide"), shelter))[-1]
    assert np.linalg.norm(last - shelter, axis=1).max() < 0.7 * BODY


def test_nobody_hides_where_there_is_no_shelter():
    minds = Minds(3, BehaviourConfig(hide=1.0), GROUND, NO_SHELTER, BODY, np.random.default_rng(0))
    positions = GROUND.draw(np.random.default_rng(1), 3)
    for _ in range(500):
        minds.decide(positions, np.zeros(3), FPS)
        assert (minds.state != BehaviourState.HIDE).all()


def test_an_animal_alone_neither_chases_nor_huddles():
    minds = Minds(1, BehaviourConfig(), GROUND, NO_SHELTER, BODY, np.random.default_rng(0))
    seen = set()
    for _ in range(2000):
        minds.decide(np.array([[200.0, 150.0]]), np.zeros(1), FPS)
        seen.add(BehaviourState(int(minds.state[0])))
    assert BehaviourState.RUN in seen
    assert not seen & {BehaviourState.CHASE, BehaviourState.CLIMB, BehaviourState.HUDDLE}


def test_bodies_give_way_but_a_climber_passes_over_and_lies_on_top():
    def nearest(habits: BehaviourConfig) -> float:
        path = run(make_herd(2, habits), 400)[60:]
        return float(np.linalg.norm(path[:, 0] - path[:, 1], axis=1).min())

    assert nearest(only("climb")) < 0.15 * BODY < nearest(only("chase"))
    herd = make_herd(3, only("climb"))
    orders = set()
    for _ in range(200):
        herd.step()
        orders.add(tuple(herd.order.tolist()))
    assert len(orders) > 1
    assert all(sorted(order) == [0, 1, 2] for order in orders)


@pytest.mark.parametrize(("name", "field"), [("rear", "rear"), ("curl", "bend")])
def test_posture_follows_the_state(name, field):
    herd, resting = make_herd(1, only(name)), make_herd(1, only("pause"))
    run(herd, 90)
    run(resting, 90)
    assert abs(getattr(herd.pose(0), field)) > 0.5 + abs(getattr(resting.pose(0), field))
