import pytest
from stories import full_story

from facette.reports.against_truth import headroom_table, recovery_table, truth_sentences
from facette.reports.page import render
from facette.reports.story import Story

TRUTH = {
    "truth/behaviour_ari": 0.45, "truth/behaviour_ari_ceiling": 0.5,
    "truth/behaviour_ami_old_policy": 0.012,
    "truth/churn_efficiency": 0.3, "truth/churn_efficiency_ceiling": 0.4,
    "truth/churn_efficiency_realised": 0.2,
    "truth/headroom_spearman": 0.6, "truth/headroom_spearman/value": 0.2,
    "truth/headroom_spearman/peer_rule": 0.5, "truth/headroom_spearman_gain": 0.1,
    "truth/headroom_spearman_gain_low": 0.05, "truth/headroom_spearman_gain_high": 0.15,
    "truth/headroom_top_decile": 0.3, "truth/headroom_top_decile/value": 0.35,
    "truth/headroom_top_decile/peer_rule": 0.1, "truth/headroom_top_decile_gain": -0.05,
    "truth/headroom_top_decile_gain_low": -0.08, "truth/headroom_top_decile_gain_high": -0.02,
    "truth/effect_error": -0.004, "truth/effect_error_se": 0.003, "truth/effect_coverage": 0.94,
    "truth/effect_campaigns": 18.0,
}  # fmt: skip


def told(**changed: float) -> Story:
    story = full_story()
    story.truth = TRUTH | {f"truth/{name}": figure for name, figure in changed.items()}
    return story


def test_the_section_stands_where_there_is_a_truth_and_only_there():
    assert "Against the truth" in render(told())
    assert "Against the truth" not in render(full_story())


def test_a_figure_stands_beside_its_ceiling_and_as_a_share_of_it():
    rows = [[cell.text for cell in row] for row in recovery_table(told()).rows]
    assert [row[1:] for row in rows] == [
        ["0.450", "0.500", "90.0%", "not available"],
        ["0.300", "0.400", "75.0%", "0.200"],
    ]


@pytest.mark.parametrize(
    ("ceiling", "of_it"), [(-0.01, "not available"), (0.0, "not available"),
                           (0.04, "not available"), (0.05, "900.0%")],
)  # fmt: skip
def test_no_share_is_told_of_a_ceiling_near_nothing(ceiling: float, of_it: str):
    first = recovery_table(told(behaviour_ari_ceiling=ceiling)).rows[0]
    assert first[3].text == of_it


def test_gains_name_the_best_other_ranking_of_each_figure_and_who_wins():
    rank, money, *_ = truth_sentences(told())
    assert "less the top decile of peers" in rank
    assert rank.endswith("beats the best other.")
    assert "less expected value itself" in money
    assert money.endswith("worse than expected value itself.")


def test_what_was_not_measured_is_not_told():
    story = full_story()
    story.truth = {"truth/effect_error": 0.001, "truth/effect_error_se": 0.002,
                   "truth/effect_coverage": 1.0, "truth/effect_campaigns": 3.0}  # fmt: skip
    assert recovery_table(story) is None
    assert headroom_table(story) is None
    assert len(truth_sentences(story)) == 1
