"""Results and truths in files: what belongs together, what is refused, and what the tables say."""

import json
from pathlib import Path

import numpy as np
import pytest

from murid.errors import ConfigError, FormatError
from murid.evaluation import evaluate, format_markdown, format_text, to_document

INFO = "[Sequence]\nname=x\nseqLength={n}\nimWidth=640\nimHeight=480\nframeRate=25\n"


def rows(
    n_frames: int = 20, first: int = 1, class_id: int = 1, scale: float = 1, shift: float = 0
) -> list[str]:
    """Two animals that stand still, far apart."""
    boxes = [(1, 50, 60, 80, 40), (2, 400, 300, 60, 60)]
    return [
        f"{t},{i},{scale * x + shift:g},{scale * y + shift:g},"
        f"{scale * w:g},{scale * h:g},1,{class_id},1"
        for t in range(first, first + n_frames)
        for i, x, y, w, h in boxes
    ]


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))
    return path


def make_truth(folder: Path, name: str = "cage", n_frames: int = 20, **options: int) -> Path:
    """A sequence in MOT Challenge's layout."""
    write(folder / name / "gt" / "gt.txt", rows(n_frames, **options))
    (folder / name / "seqinfo.ini").write_text(INFO.format(n=n_frames))
    return folder / name


def test_two_files(tmp_path):
    result, truth = (write(tmp_path / f"{name}.txt", rows()) for name in ("result", "gt"))
    evaluation = evaluate(result, truth)
    assert evaluation.combined.hota == pytest.approx(100)
    assert list(evaluation.sequences) == ["gt"]
    assert evaluation.notes == ()
    assert evaluation.combined.switches_per_animal_hour is None
    assert evaluate(result, truth, fps=25).combined.switches_per_animal_hour == 0


@pytest.mark.parametrize("layout", ["{name}.txt", "data/{name}.txt"])
def test_folder_of_results(tmp_path, layout):
    for name, n_frames in (("a", 20), ("b", 40)):
        make_truth(tmp_path / "gt", name, n_frames)
        write(tmp_path / "out" / layout.format(name=name), rows(n_frames // 2))
    write(tmp_path / "out" / layout.format(name="c"), rows())
    evaluation = evaluate(tmp_path / "out", tmp_path / "gt")
    assert [m.n_frames for m in (*evaluation.sequences.values(), evaluation.combined)] == [
        20,
        40,
        60,
    ]
    assert evaluation.combined.false_negatives == 60
    assert any("no ground truth for c" in note for note in evaluation.notes)
    assert list(evaluate(tmp_path / "out", tmp_path / "gt", sequences=["b"]).sequences) == ["b"]


def test_animaltrack_archive_split_and_classes(tmp_path):
    for name in ("deer_1", "deer_7", "pig_1", "zebra_3"):
        write(tmp_path / "gt_all" / f"{name}_gt.txt", [f"{row},-1" for row in rows(class_id=-1)])
        write(tmp_path / "out" / f"{name}.txt", rows(20 if name == "deer_1" else 10))
    everything = evaluate(tmp_path / "out", tmp_path, protocol="animaltrack")
    assert set(everything.classes) == {"deer", "pig", "zebra"}
    assert everything.classes["deer"].n_truth_boxes == 80
    assert everything.classes["deer"].idr == pytest.approx(75)
    test = evaluate(tmp_path / "out", tmp_path, protocol="animaltrack", split="test")
    assert list(test.sequences) == ["deer_1", "pig_1"]
    assert test.combined.switches_per_animal_hour == 0


def test_animaltrack_in_mot_layout(tmp_path):
    for name in ("deer_1", "deer_7", "zebra_3"):
        make_truth(tmp_path / "gt" / "any", name, class_id=2)
        write(tmp_path / "out" / f"{name}.txt", rows())
    train = evaluate(tmp_path / "out", tmp_path / "gt", protocol="animaltrack", split="train")
    assert list(train.sequences) == ["deer_7", "zebra_3"]
    assert list(train.classes) == ["deer", "zebra"]


def test_classes_in_one_recording_ignore_each_other(tmp_path):
    truth = make_truth(tmp_path)
    first, second = ([row for row in rows() if row.split(",")[1] == i] for i in "12")
    write(truth / "gt" / "gt.txt", first + [row.replace(",1,1,1", ",1,2,1") for row in second])
    (truth / "seqinfo.ini").write_text(INFO.format(n=20) + "classNames=rat,mouse\n")
    classes = evaluate(write(tmp_path / "cage.txt", first), truth).classes
    assert set(classes) == {"rat", "mouse"}
    assert (classes["rat"].hota, classes["mouse"].hota) == (pytest.approx(100), 0)
    assert (classes["rat"].false_positives, classes["mouse"].false_positives) == (0, 0)


def test_average_precision_requires_different_scores(tmp_path):
    truth = make_truth(tmp_path)
    graded = [
        row.replace(",1,1,1", f",{0.5 + k % 7 / 20:g},-1,-1,-1") for k, row in enumerate(rows())
    ]
    assert evaluate(write(tmp_path / "a.txt", graded), truth).combined.ap == pytest.approx(100)
    assert evaluate(write(tmp_path / "b.txt", rows()), truth).combined.ap is None


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (rows(first=0), ["frame number from 1", "got 0"]),
        (rows(21), ["line 41", "1 to 20, the length of the video", "got 21"]),
        ([*rows(), rows()[0]], ["line 41, id", "as in line 1"]),
        ([], ["tracks", "--allow-empty"]),
        (rows(shift=150), ["no overlap in any frame"]),
        (rows(shift=2000), ["inside images of 640x480", "40 of 40 outside"]),
        ([row.replace(",1,50,", ",-1,50,") for row in rows()], ["id", "whole number from 0"]),
    ],
)
def test_results_that_do_not_fit_the_truth_are_rejected(tmp_path, result, words):
    truth = make_truth(tmp_path)
    path = write(tmp_path / "result.txt", result)
    with pytest.raises(FormatError) as error:
        evaluate(path, truth)
    for word in ("result.txt", *words):
        assert word in str(error.value)


def test_without_overlap_or_boxes_only_on_request(tmp_path):
    truth = make_truth(tmp_path)
    for lines in ([], rows(shift=150)):
        combined = evaluate(write(tmp_path / "result.txt", lines), truth, allow_empty=True).combined
        assert (combined.hota, combined.idf1, combined.false_negatives) == (0, 0, 40)


@pytest.mark.parametrize("lines", [[], [row.replace(",1,1,1", ",0,1,1") for row in rows()]])
def test_truth_without_scored_rows_is_rejected(tmp_path, lines):
    truth = make_truth(tmp_path)
    write(truth / "gt" / "gt.txt", lines)
    with pytest.raises(
        FormatError, match=r"gt.txt: file: expected rows of frame.*got (no|only) rows"
    ):
        evaluate(write(tmp_path / "result.txt", rows()), truth)


def test_unknown_length(tmp_path):
    result, truth = write(tmp_path / "result.txt", rows(25)), write(tmp_path / "gt.txt", rows(20))
    expected = r"1 to 20, the last frame of the ground truth \(--frames"
    with pytest.raises(FormatError, match=expected):
        evaluate(result, truth)
    assert evaluate(result, truth, n_frames=30).combined.false_positives == 10
    with pytest.raises(FormatError, match="25 in --frames, 20 in the ground truth"):
        evaluate(result, make_truth(tmp_path), n_frames=25)


def test_possible_mistakes_are_noted(tmp_path):
    truth = make_truth(tmp_path)
    (note,) = evaluate(write(tmp_path / "short.txt", rows(9)), truth).notes
    assert "no box after frame 9, the ground truth goes on to 20" in note
    (note,) = evaluate(write(tmp_path / "small.txt", rows(scale=0.45, shift=50)), truth).notes
    assert "0.45 times as large" in note
    (note,) = evaluate(write(tmp_path / "half.txt", rows(scale=0.5, shift=30)), truth).notes
    assert "0.5 times as large" in note
    (truth / "seqinfo.ini").write_text(INFO.format(n=30))
    (note,) = evaluate(write(tmp_path / "full.txt", rows()), truth).notes
    assert "no animal after frame 20 of 30" in note


@pytest.mark.parametrize(
    ("result", "truth", "options", "words"),
    [
        ("nothing", "gt", {}, "nothing there"),
        ("out", "nothing", {}, "nothing there"),
        ("out", "out", {}, "gt/gt.txt"),
        ("out", "gt", {}, "none for b"),
        ("out/a.txt", "gt", {}, "2: a, b"),
        ("out", "gt", {"sequences": ["z"]}, "z"),
        ("empty", "gt", {}, "named after their sequences"),
        ("gt/a/seqinfo.ini", "gt/a", {}, "'.ini'"),
    ],
)
def test_result_and_truth_of_different_videos_are_rejected(tmp_path, result, truth, options, words):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "out" / "a.txt", rows())
    for name in "ab":
        make_truth(tmp_path / "gt", name)
    with pytest.raises(FormatError, match=words):
        evaluate(tmp_path / result, tmp_path / truth, **options)


def test_classes_of_motchallenge(tmp_path):
    truth = make_truth(tmp_path)
    write(truth / "gt" / "gt.txt", rows(class_id=14))
    with pytest.raises(FormatError, match="classes 1 to 13 of mot17, got 14"):
        evaluate(write(tmp_path / "result.txt", rows()), truth, protocol="mot17")
    with pytest.raises(FormatError, match=r"result.txt: class: expected 1 or -1, .*got 3"):
        evaluate(write(tmp_path / "result.txt", rows(class_id=3)), truth, protocol="mot17")


def test_invalid_settings(tmp_path):
    truth, result = make_truth(tmp_path), write(tmp_path / "result.txt", rows())
    with pytest.raises(ConfigError, match="protocol"):
        evaluate(result, truth, protocol="mot15")
    with pytest.raises(ConfigError, match="fps"):
        evaluate(result, truth, fps=0)


def test_tables(tmp_path):
    for name in "ab":
        make_truth(tmp_path / "gt", name)
        write(tmp_path / "out" / f"{name}.txt", rows(20 if name == "a" else 10))
    evaluation = evaluate(tmp_path / "out", tmp_path / "gt")
    tracking, others = format_text(evaluation).split("\n\n")
    assert [line.split()[0] for line in tracking.splitlines()] == ["sequence", "a", "b", "COMBINED"]
    assert len({len(line) for line in tracking.splitlines()}) == 1
    assert "AP50" not in others
    assert "identity accuracy" in others
    cells = [line.split("|")[1:-1] for line in format_markdown(evaluation).splitlines() if line]
    assert {len(row) for row in cells[:5]} == {17}
    assert cells[4][13].strip() == str(evaluation.combined.false_positives)
    document = json.loads(json.dumps(to_document(evaluation), allow_nan=False))
    assert document["combined"]["hota"] == evaluation.combined.hota
    assert document["sequences"]["b"]["false_negatives"] == 20
    assert np.isclose(document["combined"]["idr"], 75)


def keep(lines: list[str], frames: range) -> list[str]:
    """The rows of some frames, from 0."""
    return [line for line in lines if int(line.split(",")[0]) - 1 in frames]


def test_ground_truth_of_some_frames(tmp_path):
    """People label every thirtieth frame; a perfect result has all scores at their best."""
    truth = write(tmp_path / "gt.txt", keep(rows(800), range(0, 800, 30)))
    result = write(tmp_path / "result.txt", rows(800))
    evaluation = evaluate(result, truth, fps=30)
    scores = evaluation.combined
    assert (scores.hota, scores.mota, scores.idf1) == (pytest.approx(100),) * 3
    assert (scores.false_positives, scores.false_negatives, scores.id_switches) == (0, 0, 0)
    assert (scores.n_frames, scores.n_labelled_frames, scores.n_result_boxes) == (27, 27, 54)
    (note,) = evaluation.notes
    expected = (
        "gt: scored on the 27 labelled frames of 800; --all-frames counts the others as empty"
    )
    assert note == expected
    line = "gt: scored on 27 labelled frames of 800"
    assert line in format_text(evaluation)
    assert line in format_markdown(evaluation)
    document = json.loads(json.dumps(to_document(evaluation)))
    assert document["frames"]["gt"] == {
        "n_frames": 800,
        "n_scored_frames": 27,
        "labelled_frames_only": True,
    }
    assert document["notes"] == [expected]
    others_empty = evaluate(result, truth, all_frames=True)
    assert others_empty.combined.false_positives == 2 * (800 - 27)
    assert others_empty.combined.mota < -100
    assert others_empty.details[0].pair.scored_frames is None


def test_sparse_scores_are_those_of_the_labelled_frames_alone(tmp_path):
    """A switch, a lost animal and a false box, between labelled frames or in them."""
    labelled = range(0, 100, 10)
    lines = rows(100)
    # Ids are swapped from frame 45 on; an animal is lost from 60 to 69 and another from 72 to 78.
    swapped = [
        ",".join([cells[0], {"1": "2", "2": "1"}[cells[1]], *cells[2:]])
        if int(cells[0]) > 45
        else ",".join(cells)
        for cells in (line.split(",") for line in lines)
    ]
    lost = {(t, "1") for t in range(61, 71)} | {(t, "2") for t in range(73, 79)}
    kept = [line for line in swapped if (int(line.split(",")[0]), line.split(",")[1]) not in lost]
    kept += [f"{t},3,200,200,20,20,1" for t in (21, 24)]
    graded = [
        line.replace(",1,1,1", f",{0.5 + k % 7 / 20:g},-1,-1,-1") for k, line in enumerate(kept)
    ]
    truth = write(tmp_path / "sparse" / "gt.txt", keep(lines, labelled))
    sparse = evaluate(write(tmp_path / "all.txt", graded), truth).combined
    dense_result = [
        ",".join([str((int(cells[0]) - 1) // 10 + 1), *cells[1:]])
        for cells in (line.split(",") for line in keep(graded, labelled))
    ]
    dense = evaluate(
        write(tmp_path / "ten.txt", dense_result), write(tmp_path / "gt.txt", rows(10))
    ).combined
    assert (sparse.id_switches, sparse.false_negatives, sparse.false_positives) == (2, 1, 1)
    assert sparse.to_dict() == dense.to_dict()
    assert sparse.ap is not None


def test_rates_of_sparse_truth_count_the_time_between_labels(tmp_path):
    lines = rows(301)
    swapped = [
        line.replace(",1,50", ",9,50") if int(line.split(",")[0]) > 150 else line for line in lines
    ]
    result = write(tmp_path / "result.txt", swapped)
    sparse = evaluate(
        result, write(tmp_path / "gt.txt", keep(lines, range(0, 301, 30))), fps=30
    ).combined
    # One switch of two animals in view for 11 labelled frames of a second each.
    assert sparse.switches_per_animal_hour == pytest.approx(1 / (2 * 11 / 3600))


def test_hidden_animals_are_not_unlabelled_frames(tmp_path):
    """Ground truth of every frame has none while all animals are in the shelter."""
    truth = make_truth(tmp_path, n_frames=40)
    write(truth / "gt" / "gt.txt", [*keep(rows(40), range(10)), *keep(rows(40), range(30, 40))])
    evaluation = evaluate(write(tmp_path / "cage.txt", rows(40)), truth)
    assert evaluation.combined.false_positives == 40
    assert evaluation.notes == ()
    assert evaluate(tmp_path / "cage.txt", truth, all_frames=False).combined.false_positives == 0


def test_unclear_labelling_is_noted(tmp_path):
    truth = make_truth(tmp_path, n_frames=100)
    write(truth / "gt" / "gt.txt", [*keep(rows(100), range(8)), *keep(rows(100), range(90, 100))])
    evaluation = evaluate(write(tmp_path / "cage.txt", rows(100)), truth)
    assert evaluation.combined.false_positives == 2 * 82
    assert "18 of 100 frames have labels" in evaluation.notes[0]
    assert "--labelled-frames leaves them out" in evaluation.notes[0]


def test_results_may_go_on_after_the_last_labelled_frame(tmp_path):
    truth = write(tmp_path / "gt.txt", keep(rows(90), range(0, 90, 30)))
    result = write(tmp_path / "result.txt", rows(90))
    assert evaluate(result, truth).combined.mota == pytest.approx(100)
    assert evaluate(result, truth, all_frames=True).combined.false_positives == 2 * 87


@pytest.mark.parametrize("first", [1, 31])
def test_where_a_part_is_labelled_this_part_is_scored(tmp_path, first):
    truth = make_truth(tmp_path, first=first)
    (truth / "seqinfo.ini").write_text(INFO.format(n=100))
    result = write(tmp_path / "full.txt", rows(100))
    evaluation = evaluate(result, truth)
    assert (evaluation.combined.mota, evaluation.combined.n_frames) == (pytest.approx(100), 20)
    assert evaluation.notes == (
        f"cage: scored on frames {first} to {first + 19} of 100, outside of which nothing is "
        "labelled; --all-frames counts the others as empty",
    )
    half = evaluate(write(tmp_path / "half.txt", rows(100)[::2]), truth)
    assert half.combined.mota == pytest.approx(50)
    assert evaluate(result, truth, all_frames=True).combined.mota == pytest.approx(-300)


def test_a_run_is_no_truth(tmp_path):
    with pytest.raises(FormatError, match=r"cage.murid: truth: expected labels .* got a run"):
        evaluate(write(tmp_path / "result.txt", rows()), tmp_path / "cage.murid")
