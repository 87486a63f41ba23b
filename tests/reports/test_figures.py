import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from stories import full_story

from facette.reports import figures
from facette.reports.drawing import COLOURS
from facette.reports.gallery import figures_of, pictures
from facette.reports.svg import inline_svg

CSS = Path(figures.__file__).with_name("page.css").read_text()


@pytest.fixture(scope="module")
def drawings() -> dict[str, str]:
    drawn = pictures(full_story())
    return {key: str(inline_svg(drawn[key].draw(""), key, drawn[key].alt)) for key in drawn}


def test_every_picture_of_a_full_story_is_drawn(drawings):
    assert set(drawings) == {
        "map", "profile", "k-curve", "matrix", "value-gains", "value-deciles", "value-drivers",
        "potential-drivers", "churn-gains", "churn-profit", "churn-calibration",
        "churn-drivers",
    }  # fmt: skip


def test_drawings_use_only_colours_the_page_has_in_light_and_dark(drawings):
    light, dark = CSS.split("prefers-color-scheme: dark")
    for drawing in drawings.values():
        assert not re.search(r"#[0-9a-f]{6}", drawing)
        for name in set(re.findall(r"var\(--(\w+)\)", drawing)):
            assert f"--{name}:" in light
            assert f"--{name}:" in dark


def test_light_colours_of_page_and_figures_are_the_same():
    light = CSS.split("prefers-color-scheme: dark")[0]
    assert all(f"--{name}: {value};" in light for name, value in COLOURS.items())


def test_text_in_drawings_stays_text(drawings):
    assert "Promotion hunters" in drawings["map"]
    assert "Baskets a month" in drawings["value-drivers"]


def test_drawings_are_the_same_each_time(drawings):
    again = pictures(full_story())["value-gains"]
    assert str(inline_svg(again.draw(""), "value-gains", again.alt)) == drawings["value-gains"]


def test_figures_which_leave_the_page_carry_their_context():
    drawn = figures_of(full_story())
    for figure in drawn.values():
        assert "1 October 2017" in " ".join(figure.get_supxlabel().split())
        figure.savefig(BytesIO(), format="png")


def test_dollars_in_names_are_not_mathematics():
    points = full_story().segmentation.points
    drawing = figures.segment_map(points, {0: "$5 off $", 1: "a_b^{c$"})
    assert "$5 off $" in inline_svg(drawing, "map", "a map of two segments")


def test_names_in_any_script_are_drawn_by_the_reader_s_font():
    drivers = full_story().drivers["value"].assign(sentence="\u5ba2\u6237")
    drawing = figures.driver_bars(drivers)
    assert "\u5ba2\u6237" in inline_svg(drawing, "drivers", "bars of what moves the model")


def test_an_empty_cell_of_the_matrix_says_nothing_of_headroom():
    frame = full_story().matrix
    frame.loc[0, ["customers", "headroom"]] = [0, float("nan")]
    drawing = str(inline_svg(figures.matrix(frame, "USD"), "matrix", "a matrix of nine cells"))
    assert "not available" not in drawing
    assert drawing.count("headroom") == 8


def test_the_best_share_to_contact_is_marked_and_told():
    story = full_story()
    told = pictures(story)["churn-profit"]
    drawing = str(inline_svg(told.draw(""), "profit", told.alt))
    assert "LightGBM: USD 1.02 a customer, 16.0% contacted" in told.reading
    assert "logistic on RFM: USD 0.03 a customer, 6.0% contacted" in told.alt
    assert "LightGBM, best: contact 16.0%" in drawing
    assert "Assumed, not measured: USD 1.00 a contact" in told.context


def test_where_no_contact_pays_figure_and_sentence_say_so():
    story, x = full_story(), np.linspace(0, 1, 101)
    story.profit_curves = {
        "model": (x, -20 * x),
        "the base rate": (np.array([0, 1]), -20 * x[[0, -1]]),
    }
    told = pictures(story)["churn-profit"]
    drawing = str(inline_svg(told.draw(""), "profit", told.alt))
    assert "Model: it is best to contact nobody; the base rate: it is best to" in told.reading
    assert "model, best: contact nobody" in drawing
    assert "everyone would bring USD −20.00" in told.reading


def test_a_loss_far_beyond_what_can_be_earned_leaves_the_frame():
    x = np.linspace(0, 1, 101)
    axes = figures.profit_curve({"model": (x, x - 50 * x**2)}, "USD").axes[0]
    assert -0.5 < axes.get_ylim()[0] < -0.4  # what contacting a tenth costs, not everyone
    assert 0.1 <= axes.get_xlim()[1] < 0.15


def test_labels_are_spread_without_leaving_the_frame():
    placed = figures.spread(np.array([0.5, 0.51, 0.52, 0.99]), 0.1, 0.0, 1.0)
    assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-9
    assert placed.min() >= 0
    assert placed.max() <= 1


def test_profile_shows_what_tells_most_first():
    profile = full_story().segmentation.profile
    shown = figures.most_telling(profile, 3)
    assert shown.shape[1] == 3
    assert shown.abs().max().is_monotonic_decreasing


def test_pyplot_is_not_touched(drawings):
    import matplotlib._pylab_helpers as open_windows

    assert open_windows.Gcf.figs == {}
