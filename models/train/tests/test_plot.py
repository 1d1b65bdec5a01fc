import json

import pytest

pytestmark = pytest.mark.torch  # matplotlib comes with requirements-train.txt


def log(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def row(step, canvas, **more):
    return {"step": step, "positions": step * 1000, "canvas": canvas, "left": 3.0, "right": 3.0, "quality": 0.5, **more}


def test_a_resumed_run_counts_the_later_of_repeated_steps(tmp_path):
    import plot

    path = log(tmp_path / "run" / "log.jsonl", [row(20, 5.0), row(40, 4.9), row(40, 4.7), row(60, 4.5), {"positions": 1}])
    assert [(r["step"], r["canvas"]) for r in plot.rows(path)] == [(20, 5.0), (40, 4.7), (60, 4.5)]


def test_the_mean_of_equal_values_is_that_value_from_the_start():
    import plot

    assert plot.smooth([4.0] * 5) == pytest.approx([4.0] * 5)


def test_the_same_log_gives_the_same_picture(tmp_path):
    import plot

    path = log(tmp_path / "run" / "log.jsonl", [row(20 * i, 5 / i, val={"canvas": 4.0}) for i in range(1, 30)])
    for name in "ab":
        plot.draw({"run": plot.rows(path)}, tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
