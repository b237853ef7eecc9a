from murid.evaluation import evaluate
from murid.evaluation.timeline import MISSED, draw_timeline, find_id_intervals


def write(path, rows):
    path.write_text("".join(f"{t},{i},{x},50,40,40,1,1,1\n" for t, i, x in rows))
    return path


def test_id_intervals_of_an_animal_with_gap_miss_and_switch(tmp_path):
    """Visible in frames 0-9 and 15-19; id 4, missed in frame 3, id 6 from frame 6."""
    truth = [(t + 1, 1, 100) for t in (*range(10), *range(15, 20))] + [
        (t + 1, 2, 300) for t in range(20)
    ]
    names = {t: 4 if t < 6 else 6 for t in (*range(3), *range(4, 10), *range(15, 20))}
    result = [(t + 1, name, 102) for t, name in names.items()] + [
        (t + 1, 2, 301) for t in range(20)
    ]
    (scored,) = evaluate(
        write(tmp_path / "out.txt", result), write(tmp_path / "gt.txt", truth)
    ).details
    assert find_id_intervals(scored, 1) == [
        (0, 3, 4),
        (3, 4, MISSED),
        (4, 6, 4),
        (6, 10, 6),
        (15, 20, 6),
    ]
    assert find_id_intervals(scored, 2) == [(0, 20, 2)]
    (axes,) = draw_timeline(scored, []).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "animal 1  (0)",
        "animal 2  (0)",
    ]
    assert {text.get_text() for text in axes.texts} == {"2", "4", "6"}


def test_intervals_of_labelled_frames_go_on_to_the_next_one(tmp_path):
    truth = [(t + 1, 1, 100) for t in range(0, 100, 10)]
    result = [(t + 1, 4 if t < 35 else 6, 102) for t in range(95) if t != 70]
    (scored,) = evaluate(
        write(tmp_path / "out.txt", result), write(tmp_path / "gt.txt", truth)
    ).details
    assert find_id_intervals(scored, 1) == [(0, 40, 4), (40, 70, 6), (70, 80, MISSED), (80, 91, 6)]
