import numpy as np

from murid.synthetic.behaviour import BehaviourConfig, BehaviourModel, BehaviourState
from murid.synthetic.ground import Ground

GROUND = Ground((200.0, 150.0), (180.0, 130.0))
NO_SHELTERS = np.zeros((0, 2))
BODY_PX = 40.0
FPS = 30.0


def make_model(n: int, config: BehaviourConfig) -> BehaviourModel:
    return BehaviourModel(n, config, GROUND, NO_SHELTERS, BODY_PX, np.random.default_rng(0))


def test_every_state_has_a_weight_in_the_configuration():
    config = BehaviourConfig()
    assert all(hasattr(config, state.name.lower()) for state in BehaviourState)


def test_no_animal_hides_without_a_shelter():
    model = make_model(3, BehaviourConfig(hide=1.0))
    positions = GROUND.sample_points(np.random.default_rng(1), 3)
    for _ in range(500):
        model.step(positions, np.zeros(3), FPS)
        assert (model.state != BehaviourState.HIDE).all()


def test_single_animal_neither_chases_nor_climbs_nor_huddles():
    model = make_model(1, BehaviourConfig())
    seen = set()
    for _ in range(2000):
        model.step(np.array([[200.0, 150.0]]), np.zeros(1), FPS)
        seen.add(BehaviourState(int(model.state[0])))
    assert BehaviourState.RUN in seen
    assert not seen & {BehaviourState.CHASE, BehaviourState.CLIMB, BehaviourState.HUDDLE}
