from murid.datasets.keyframes import interpolate_keyframes


def test_boxes_move_evenly_until_the_animal_leaves():
    boxes = {0: (0, 0, 10, 10), 4: (8, 4, 18, 14), 6: None, 8: (1, 1, 2, 2)}
    assert interpolate_keyframes(boxes, range(0, 12, 2)) == {
        0: (0, 0, 10, 10),
        2: (4, 2, 14, 12),
        4: (8, 4, 18, 14),
        8: (1, 1, 2, 2),
        10: (1, 1, 2, 2),
    }
