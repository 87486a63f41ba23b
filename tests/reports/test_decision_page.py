"""The decision page: what it says is what the figures say, and it claims nothing it may not."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from decisions import DATA, OBJECTORS, RULED, SEGMENTS, N, decision, decisions, policy
from hypothesis import given
from hypothesis import strategies as st
from stories import full_story
from test_page import HOSTILE, Page

from facette.policy.accounts import LINES
from facette.policy.activation import NO_CONSENT
from facette.policy.claim import SEVERAL, Interval
from facette.policy.decision import Decision
from facette.policy.observational import Comparison
from facette.policy.plan import Others
from facette.policy.power import Lot
from facette.policy.realised import Realised
from facette.reports.decision.accounts import account_tables, accounts_note, remedies_table
from facette.reports.decision.effects import heat, heat_sentence
from facette.reports.decision.glance import glance_lines, stamp, strip
from facette.reports.decision.money import (
    added_up,
    by_hand_table,
    effect_told,
    parts_sentence,
    worth,
    worth_table,
)
from facette.reports.decision.page import decision_page
from facette.reports.decision.tables import (
    contacts_frame,
    flows,
    flows_table,
    held_use,
    left_out_table,
    limits_table,
    models_frame,
    peak_people,
    peaks_table,
)
from facette.reports.decision.told import decision_metrics, headline, policy_told
from facette.reports.decision.unknown import ALIKE, REFUSED, curve_sentence, unknown_lines
from facette.reports.decision.words import (
    comparison_sentence,
    does_sentence,
    idle_rules,
    limit_lines,
    losing_lines,
    rights_lines,
)
from facette.reports.page import render
from facette.settings.policy import Exclusion, Rule

MINUS = "\N{MINUS SIGN}"
AFTER = Realised("2024-01-01", "abcdef0123", 365, 700, 70, 5.0, 1.0, 9.0, 6.0, 0.8)


@pytest.fixture(scope="module")
def made() -> dict[str, Decision]:
    return {name: make() for name, make in decisions().items()}


@pytest.fixture(scope="module")
def pages(made: dict[str, Decision]) -> dict[str, str]:
    return {name: page_of(one) for name, one in made.items()}


@pytest.fixture(params=decisions())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def page_of(one: Decision, after: Realised | None = None) -> str:
    return decision_page(one, after, DATA, "0123456789abcdef")


def figure(text: str) -> float:
    return float(text.replace(MINUS, "-").replace(",", "").replace("+", "").rstrip("*"))


def told(lines: list[tuple[str, str]]) -> dict[str, str]:
    return dict(lines)


def test_every_page_closes_what_it_opens_has_unique_ids_and_stands_alone(name, pages):
    page, html = Page(pages[name]), pages[name]
    ids = page.all("id")
    assert page.opened == []
    assert len(ids) == len(set(ids))
    wanted = [link[1:] for link in page.all("href")] + page.all("aria-labelledby")
    assert set(wanted + re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)
    assert all(link.startswith("#") for link in page.all("href"))
    assert page.all("src") == page.named("script") == []


def test_every_figure_says_date_horizon_and_customers(name, pages):
    page = Page(pages[name])
    contexts = re.findall(r'<p class="context">(.*?)</p>', pages[name], re.DOTALL)
    assert len(contexts) == len(page.named("svg")) == len(page.named("figure"))
    assert all("364 days from 1 January 2025" in c and f"{N} customers" in c for c in contexts)
    assert all(len(drawing["aria-label"] or "") > 20 for drawing in page.named("svg"))


def test_who_is_treated_differently_is_who_leaves_the_diagonal(name, made):
    one = made[name]
    counts = flows(one)
    changed = int(one.planned.plan.changed.sum())
    assert counts.to_numpy().sum() == N
    assert counts.to_numpy().sum() - np.trace(counts.to_numpy()) == changed
    assert strip(one)[0]["big"] == f"{changed:,}"
    shown = flows_table(counts)
    assert figure(shown.rows[-1][-1].text) == N


def test_money_by_grade_and_costs_are_the_net_gain(name, made):
    one = made[name]
    found = worth(one)
    assert found.effect + found.saved == pytest.approx(found.net, abs=1e-6)
    *parts, total = (figure(row[1].text) for row in worth_table(one, "EUR").rows)
    assert sum(parts) == pytest.approx(total, abs=1e-9)
    assert total == pytest.approx(one.planned.plan.net, abs=0.51)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=12), st.sampled_from([0, 2]))
def test_rounded_parts_add_up_and_none_is_off_by_more_than_a_unit(parts, digits):
    rounded = added_up(parts, digits)
    assert round(sum(rounded), digits) == pytest.approx(round(sum(parts), digits), abs=1e-5)
    assert all(
        abs(a - b) <= 1.001 * 10**-digits + 1e-5 for a, b in zip(parts, rounded, strict=True)
    )


def test_three_views_of_the_books_print_the_same_total(name, made):
    one = made[name]
    for shown in account_tables(one, "EUR"):
        columns = list(zip(*[[cell.text for cell in row] for row in shown.rows], strict=True))
        lines = [label for label, _ in shown.headers[2:]]
        for label, column in zip(lines, columns[2:], strict=True):
            *parts, total = map(figure, column)
            assert sum(parts) == pytest.approx(total, abs=1e-6), label
        assert figure(shown.rows[-1][-1].text) == one.accounts.total["net"] / 100
    assert set(LINES) >= {"margin", "contacts"}


def test_models_add_up_to_all_customers_and_all_costs(name, made):
    one = made[name]
    frame, use = models_frame(one), one.planned.plan.use.set_index("resource")
    assert frame["today"].sum() == frame["plan"].sum() == N
    spent = frame["cost_plan"].sum() + frame["own"].sum()
    assert spent == pytest.approx(use.loc["budget", "planned"])
    assert frame["cost_today"].sum() <= use.loc["budget", "today"] + 1e-6
    assert frame["held_out"].sum() == one.planned.plan.base.held_out.sum()


def test_use_by_channel_is_the_use_of_limits(made):
    one = made["limited"]
    months = one.planned.policy.horizon_days / (365.25 / 12)
    frame, use = contacts_frame(one), one.planned.plan.use.set_index("resource")
    assert frame.loc["phone", "plan"] * months == pytest.approx(use.loc["calls", "planned"])
    assert frame.loc["phone", "held_out"] == pytest.approx(held_use(one)["calls"])


@pytest.mark.parametrize("name", ["bare", "costs alone"])
def test_without_a_trial_the_page_says_assumption_large_and_what_would_change_it(name, made, pages):
    one, html = made[name], pages[name]
    assert '<p class="word">Assumption</p>' in html
    assert f"{np.ceil(one.visible.trial):,.0f} customers" in (stamp(one) or "")
    assert 'class="tone better"' not in html
    assert worth(one).grade is None


def test_a_saving_nobody_tried_is_an_assumption_too(made):
    one = made["costs alone"]
    assert one.planned.plan.net > 0
    assert "assumption" in worth_table(one, "EUR").rows[-1][-1].text
    assert effect_told(one)[1] == "warning"


def test_effects_and_costs_are_told_apart_and_the_grade_is_of_the_effects(made):
    one = made["whole"]
    claim = one.planned.claim
    assert claim is not None
    gain, parts = headline(one)[2:4]
    assert "evidence" not in gain
    assert f"EUR {claim.net:,.0f} (95% interval" in gain
    assert parts.startswith(f"Of it effects EUR {claim.effect:,.0f} (")
    assert "; evidence: randomised), costs saved EUR" in parts
    assert "can't be told from none" not in parts
    none = replace(one.planned, claim=replace(claim, effect=-1.0))
    assert "can't be told from none; evidence" in headline(replace(one, planned=none))[3]
    assert strip(one)[1]["beside"][1] == parts_sentence(one, at_length=False)
    shown = worth_table(one, "EUR")
    assert shown.rows[-1][-1].text == "effects +19,346 and costs +10,476 together"
    assert "Evidence of the effects as a whole: randomised, the weakest" in shown.note
    alone = headline(made["costs alone"])[3]
    assert alone.startswith("Of it effects EUR 0.00 (evidence: assumption, that nothing is lost")


def test_what_the_plan_does_is_said_first(name, made, pages):
    one = made[name]
    plan, names = one.planned.plan, one.planned.ways.names
    first = does_sentence(one)
    assert headline(one)[0] == f"Plan: {first}"
    glance = pages[name].partition('id="glance-title"')[2]
    assert re.findall("<p>(.*)</p>", glance)[0] == f"{first[0].upper()}{first[1:]}."
    if not plan.changed.any():
        assert first == "nobody is handled otherwise than today"
        return
    given = plan.model[plan.changed & (plan.model != one.planned.ways.on_request)]
    for m in set(given):
        assert names[m].replace("_", " ") in first.partition("newly given")[2].lower()
    assert ("nobody new is given a model" in first) == (not len(given))
    off = (plan.changed & (plan.model == one.planned.ways.on_request)).sum()
    assert (f"{off} customers are taken off" in first) == bool(off)


def test_three_models_are_named_and_the_rest_are_a_number(made):
    one = made["whole"]
    plan, ways = one.planned.plan, one.planned.ways
    more = replace(ways, names=(*"abcde", "on_request"))
    reach = replace(plan.base.reach, ways=more)
    today, model = np.arange(N) % 5, np.full(N, 5)
    base = replace(plan.base, reach=reach, today=today)
    turned = replace(one.planned, ways=more, plan=replace(plan, base=base, model=model))
    first = does_sentence(replace(one, planned=turned))
    assert first == (
        "800 customers are taken off A (160), B (160), C (160) and 2 more and served on request; "
        "nobody new is given a model"
    )


def test_what_campaigns_measured_is_not_said_to_be_nothing(made):
    one = made["costs alone"]
    known = one.planned.known
    grade = known.grade.copy()
    grade[:, 0] = "randomised, transported"
    learnt = replace(known, grade=grade, known=np.ones(4, dtype=bool))
    turned = replace(one, planned=replace(one.planned, known=learnt))
    assert "Nothing on this page" in (stamp(one) or "")
    assert "nobody measured" in (stamp(turned) or "")
    assert "told by campaigns" in dict(glance_lines(turned))["evidence"]


def test_with_a_trial_there_is_no_stamp_and_only_a_sure_effect_is_good(made, pages):
    assert '<p class="word">' not in pages["whole"]
    assert effect_told(made["whole"]) == ("the effect is above none", "better")
    planned = made["whole"].planned
    assert planned.claim is not None
    for effect, tone in ((1.0, "same"), (-20_000.0, "worse")):
        turned = replace(planned, claim=replace(planned.claim, effect=effect))
        assert effect_told(replace(made["whole"], planned=turned))[1] == tone


def test_waves_that_were_watched_less_long_are_said(made):
    planned = made["whole"].planned
    ground = planned.known.ground
    assert ground is not None
    days = ground.trial.days
    for fewest, said in ((None, f"{days}"), (days, f"{days}"), (91, f"91 to {days}")):
        trial = replace(ground.trial, fewest_days=fewest)
        known = replace(planned.known, ground=replace(ground, trial=trial))
        told = dict(glance_lines(replace(made["whole"], planned=replace(planned, known=known))))
        assert told["evidence"].endswith(f"watched for {said} days each")


def test_how_sound_a_comparison_is_is_said(made):
    assert comparison_sentence(made["whole"]) is None
    planned, none = made["whole"].planned, np.zeros(3)
    for p, left_aside in ((0.4, False), (0.001, True)):
        compared = replace(planned, comparison=Comparison(2_000, 1_800, 1_500, none, p))
        told = comparison_sentence(replace(made["whole"], planned=compared))
        assert told is not None
        assert told.startswith("of 2,000 customers handled by choice, 1,800 could have")
        assert f"p = {p}" in told
        assert ("left aside" in told) == left_aside


def test_a_claim_whose_interval_holds_0_is_said_not_to_be_shown(made, pages):
    claim = made["noisy"].planned.claim
    assert claim is not None
    assert claim.low < 0 < claim.high
    assert "that the plan pays is not shown" in pages["noisy"]
    assert "that the plan pays is not shown" not in pages["whole"]


def test_the_holdout_is_said_to_be_too_small_where_the_claim_is_below_what_it_shows(made):
    for one in (made["whole"], made["limited"], made["noisy"]):
        visible = one.visible
        too_small = abs(visible.claimed) < visible.least
        assert ("too small to see it" in told(unknown_lines(one, None))["what it can show"]) == (
            too_small
        )
    assert abs(made["whole"].visible.claimed) > made["whole"].visible.least
    assert "never be known" in told(unknown_lines(made["no holdout"], None))["the holdout"]


def test_what_is_claimed_for_the_holdout_leaves_costs_aside(made):
    one = made["whole"]
    claim = one.planned.claim
    assert claim is not None
    assert one.visible.claimed == pytest.approx(claim.effect / (N - 80))


def test_without_a_trial_the_spread_of_the_books_tells_what_can_be_seen(made):
    one = made["bare"]
    assert not one.visible.adjusted
    assert one.visible.least is not None
    assert one.visible.least > 0


@pytest.mark.parametrize(
    ("predicted", "words"), [(6.0, "within"), (10.0, "outside"), (None, "claimed no effect")]
)
def test_an_earlier_plan_stands_beside_its_claim(made, predicted, words):
    told_after = told(unknown_lines(made["whole"], replace(AFTER, predicted=predicted)))
    assert words in told_after["an earlier plan"]
    assert "80%" in told_after["an earlier plan"]
    unknown = replace(AFTER, carried_out=float("nan"))
    assert "not on record" in told(unknown_lines(made["whole"], unknown))["an earlier plan"]


@pytest.mark.parametrize(("best", "alike"), [(0, True), (1, True), (2, False)])
def test_none_or_one_treatment_says_not_to_segment_this_way(made, best, alike):
    one = made["whole"]
    plan = one.planned.plan
    table = plan.curve.assign(best=plan.curve["models"] == best)
    turned = replace(one, planned=replace(one.planned, plan=replace(plan, curve=table)))
    assert curve_sentence(turned).startswith(ALIKE) == alike


def test_a_difference_between_treatments_below_its_error_is_not_told_from_noise(made):
    assert "is not shown" in curve_sentence(made["noisy"])
    assert "is not shown" not in curve_sentence(made["whole"])


def several(one: Decision, low: float, facet_low: float) -> Decision:
    """The decision with what several models and each segmentation add, at the least."""
    claim = one.planned.claim
    assert claim is not None
    adds = {0: Interval(0.0, facet_low, 9.0), 1: Interval(0.0, -1.0, 9.0),
            SEVERAL: Interval(5.0, low, 9.0)}  # fmt: skip
    return replace(one, planned=replace(one.planned, claim=replace(claim, adds=adds)))


@pytest.mark.parametrize(
    ("low", "facet_low", "refused"), [(-1.0, -1.0, True), (-1.0, 1.0, False), (1.0, -1.0, False)]
)
def test_segmenting_is_refused_where_neither_several_models_nor_a_facet_is_shown_to_add(
    made, low, facet_low, refused
):
    said = curve_sentence(several(made["whole"], low, facet_low))
    assert said.startswith(f"{REFUSED}: that several treatments") == refused
    assert ("or any segmentation adds anything, is not shown. 3 relationship" in said) == refused
    assert ("is not shown" in said) == (low < 0)
    assert said.count(REFUSED) <= 1


def test_models_that_are_only_kept_are_told_from_those_somebody_new_is_given(made):
    one = made["whole"]
    plan, ways = one.planned.plan, one.planned.ways
    desk, app = (ways.position(name) for name in ("phone_desk", "app_companion"))
    for kept, words in (
        ([], "(of them Phone desk is only kept for who is in it already)"),
        ([app], "(of them Phone desk, App companion are only kept for who is in them already)"),
        (plan.used, "all kept for who is in them already: nobody new is given one)"),
    ):
        assert not (plan.changed & (plan.model == desk)).any()
        today = np.where(np.isin(plan.model, kept), plan.model, plan.base.today)
        turned = replace(plan, base=replace(plan.base, today=today))
        assert words in curve_sentence(replace(one, planned=replace(one.planned, plan=turned)))


def test_effects_are_starred_where_they_are_beyond_chance_and_only_there(made):
    one = made["whole"]
    found = heat(one)
    assert found is not None
    known, (effect, se) = one.planned.known, one.planned.known.above_request
    assert effect[2, 1] == known.effect[2, 1] - known.effect[2, 3]  # the last: on request
    own, like = known.ground.effects.se[2], known.ground.alike[1, 3]
    assert like < 0
    apart = own[1] ** 2 + own[3] ** 2 - 2 * like * own[1] * own[3]
    assert se[2, 1] == pytest.approx(np.sqrt(apart))
    beyond = np.abs(effect) > 1.959964 * se
    assert found.told == beyond[:, :3].sum()
    for i, (_, _, _, cells, _) in enumerate(found.rows):
        assert [cell.told for cell in cells] == beyond[i, :3].tolist()
        assert [figure(cell.text) for cell in cells] == pytest.approx(effect[i, :3], abs=0.051)


def test_no_difference_between_cells_is_said_where_none_is_printed(made):
    planned = made["whole"].planned
    found = heat(made["whole"])
    assert found is not None
    assert not found.alike
    assert "No difference" not in heat_sentence(found, 0.95)
    same = replace(planned.known, effect=np.tile(planned.known.effect[:1], (4, 1)))
    turned = heat(replace(made["whole"], planned=replace(planned, known=same)))
    assert turned is not None
    assert turned.alike
    assert heat_sentence(turned, 0.95).startswith("No difference between cells was found: ")


def test_stars_and_frames_are_explained_only_where_there_are_any(made, pages):
    assert "Bold with a star" in pages["whole"]
    assert "Framed: " in pages["whole"]
    one = made["whole"]
    plan, known = one.planned.plan, one.planned.known
    nothing = replace(known, effect=np.zeros_like(known.effect))
    on_request = np.full(N, one.planned.ways.on_request)
    turned = replace(one.planned, known=nothing, plan=replace(plan, model=on_request))
    html = page_of(replace(one, planned=turned))
    assert "Bold with a star" not in html
    assert "Framed: " not in html
    assert "None of 12 measured effects is surely above or below none" in html


def test_one_customer_is_told_in_the_singular(made):
    one = made["whole"]
    plan = one.planned.plan
    base = replace(plan.base, settled=np.arange(N) == int(np.argmin(plan.base.held_out)))
    turned = replace(one.planned, plan=replace(plan, base=base))
    who = told(glance_lines(replace(one, planned=turned)))["who"]
    assert who.endswith(", 1 is too new in their model to be moved")


def test_a_condition_keeps_its_letters(made):
    own = [Exclusion("value_expected < 1", ["phone_desk"], "too little")]
    said = told(rights_lines(decision(exclusions=own)))["exclusions"]
    assert said == "where value_expected < 1: no Phone desk (too little)"


def test_where_nothing_is_known_there_is_no_table_of_effects(made, pages):
    assert heat(made["bare"]) is None
    assert "there is nothing to choose by" in pages["bare"]


def test_a_limit_that_binds_has_its_price_in_words_and_in_the_table(made):
    one = made["limited"]
    price = one.planned.plan.use.set_index("resource").loc["calls", "price"]
    assert price > 0
    assert f"One more call over the 364 days is worth EUR {price:.2f}." in limit_lines(one)
    row = next(row for row in limits_table(one, "EUR").rows if row[0].text == "Calls")
    assert figure(row[-1].text) == pytest.approx(price, abs=0.005)
    assert any("neither a budget nor a capacity" in line for line in limit_lines(made["whole"]))


def test_rules_show_how_many_they_place_and_what_that_gives_up(made):
    shown = by_hand_table(made["limited"], "EUR")
    assert shown is not None
    assert [row[0].text.partition(" (where ")[0] for row in shown.rows] == ["Rule: large"]
    own = made["limited"].planned
    assert figure(shown.rows[0][1].text) == own.plan.by_hand[0].fits.sum()
    assert figure(shown.rows[0][2].text) == (own.plan.kind == "rule").sum()
    assert figure(shown.rows[0][4].text) > 0
    assert by_hand_table(made["whole"], "EUR") is None


def test_a_rule_that_fits_nobody_is_said_where_the_plan_is_told_in_short():
    rules = [
        Rule("value_tier = 'topp'", "phone_desk", "best"),
        Rule("value_tier = 'top'", "phone_desk", "best"),
    ]
    one = decision(rules=rules)
    assert "Rule \"value_tier = 'topp'\" fits no customer" in headline(one)
    assert sum("fits" in line for line in headline(one)) == 1
    assert "Rule &#34;value_tier = &#39;topp&#39;&#34; fits no customer" in page_of(one)
    shown = by_hand_table(one, "EUR")
    assert shown is not None
    assert [figure(row[1].text) for row in shown.rows] == [0, N / 2]
    assert figure(shown.rows[0][2].text) == 0 < figure(shown.rows[1][2].text) < N / 2


def test_a_customer_whom_two_rules_fit_is_counted_once_by_the_first():
    rules = [
        Rule("headroom > 60", "app_companion", "best"),
        Rule("value_expected > 0", "email_programme", "best"),
    ]
    one = decision(rules=rules)
    shown = by_hand_table(one, "EUR")
    assert shown is not None
    placed = one.assigned["relationship_model"][one.assigned["kind"] == "rule"]
    assert [figure(row[2].text) for row in shown.rows] == [
        (placed == "app_companion").sum(), (placed == "email_programme").sum(),
    ]  # fmt: skip
    whole = one.planned.plan.gain[one.planned.plan.kind == "rule"].sum()
    assert sum(figure(row[3].text) for row in shown.rows) == pytest.approx(whole, abs=2)


def test_a_rule_that_an_exclusion_stands_against_is_said_to_place_nobody():
    closed = Exclusion("headroom >= 0", ["phone_desk"], "closed")
    one = decision(rules=[Rule("headroom >= 0", "phone_desk", "all")], exclusions=[closed])
    assert idle_rules(one) == [
        f"rule 'headroom >= 0' fits {N} customers, to none of whom Phone desk may be given"
    ]


def test_a_plan_for_some_and_a_draft_say_so(made):
    drawn_here = replace(made["whole"].planned, lot=Lot("2025-01-01", "2025-12-31"))
    one = replace(made["whole"], planned=drawn_here, whom="(age > 74)", draft=True)
    page = page_of(one)
    assert "for the customers (age &gt; 74) alone" in page
    assert f"{N}, (age &gt; 74)" in page
    assert "A draft of a plan" in page
    assert "nobody is held out" in told(unknown_lines(one, None))["the holdout"]
    assert headline(one)[0].startswith("Draft for customers (age > 74): ")
    assert "; would be held out: " in headline(one)[1]
    under = replace(made["whole"], draft=True)  # by the lot of an earlier plan
    assert "; held out: " in headline(under)[1]
    assert "drawn by lot at 4 October 2024" in told(unknown_lines(under, None))["the holdout"]
    assert "draft" not in page_of(made["whole"]).lower()
    assert headline(made["whole"])[0].startswith("Plan: ")


def test_what_the_plan_costs_and_uses_of_limits_stands_in_its_lines(made):
    use = made["limited"].planned.plan.use.set_index("resource")
    line = next(line for line in headline(made["limited"]) if "cost EUR" in line)
    assert (
        f"EUR {use.loc['budget', 'planned']:,.0f} of EUR {use.loc['budget', 'limit']:,.0f}" in line
    )
    assert f"calls {use.loc['calls', 'planned']:,.0f} of {use.loc['calls', 'limit']:,.0f}" in line
    free = next(line for line in headline(made["whole"]) if "cost EUR" in line)
    assert " of " not in free
    apart = Others(1219, np.array([0.0, 0.0, 0.0, 0.0, 9000.0]), np.zeros(4, dtype=bool))
    some = next(line for line in headline(decision(others=apart)) if "cost EUR" in line)
    assert some.endswith("with the 1,219 who are not in this plan")


def test_who_is_left_out_is_counted_by_reason(name, made):
    shown = left_out_table(made[name], "EUR")
    counts = [] if shown is None else [figure(row[1].text) for row in shown.rows]
    assert sum(counts) == len(made[name].left_out)


def test_losing_customers_all_have_a_remedy_or_none_cheaper(made):
    one = made["whole"]
    shown = remedies_table(one, "EUR")
    assert shown is not None
    assert figure(shown.rows[-1][2].text) == len(one.losing.customers)
    assert figure(shown.rows[-1][3].text) == pytest.approx(one.losing.net / 100)


def test_neither_objectors_nor_customers_are_named(name, made, pages):
    assert not any(who in pages[name] for who in OBJECTORS)
    assert "customer-0" not in pages[name]
    if name != "bare":
        assert made[name].objectors == len(OBJECTORS)
        assert told(rights_lines(made[name]))["objections"].startswith("3 customers object")


def test_demand_is_always_served_is_always_said(name, pages):
    assert "demand is always served" in pages[name]


def test_what_is_broken_is_shown_and_none_is_said(made, pages):
    assert "0 violations of 12 kinds" in pages["whole"]
    broken = pd.DataFrame(
        [("objection", "", 2, "2 who objected to direct marketing"),
         ("cap", "customer-0001", 1, "1 contacted more than 4 times in 30 days")],
        columns=["rule", "who", "how_many", "told"],
    )  # fmt: skip
    html = page_of(replace(made["whole"], violations=broken))
    assert "2 violations of 12 kinds" in html
    assert all(told in html for told in broken["told"])
    assert "not to be carried out as it is" in html
    assert "counted, not named" in html


def test_what_is_not_measured_is_not_said_to_be_none(pages):
    assert "what customers start is not known" in pages["bare"]
    assert "not measured" in pages["bare"]
    assert "nobody is treated otherwise than today" in pages["bare"]


def test_segments_bear_their_names_beside_their_ids(pages):
    for key, words in SEGMENTS.items():
        assert f"{words} ({key})" in pages["whole"]
    assert "B1" in page_of(decision(names={}))


def test_everything_from_data_is_escaped():
    own = policy()
    capacity = {**own.capacity, HOSTILE: 1e9}
    models = {HOSTILE: own.models["phone_desk"], **own.models}
    models.pop("phone_desk")
    models[HOSTILE] = replace(models[HOSTILE], owner=HOSTILE)
    one = decision(
        names={"B1": HOSTILE, "B2": HOSTILE}, capacity=capacity, models=models, today=HOSTILE,
        rules=[replace(RULED[0], model=HOSTILE, reason=HOSTILE)],
        satisfaction_question=HOSTILE,
    )  # fmt: skip
    planned = replace(one.planned, notes=[HOSTILE], about={**one.planned.about,
                                                          "perimeter": HOSTILE})  # fmt: skip
    broken = pd.DataFrame([("cap", HOSTILE, 1, HOSTILE)],
                          columns=["rule", "who", "how_many", "told"])  # fmt: skip
    data = replace(DATA, name=HOSTILE, origin=HOSTILE, licence=HOSTILE)
    html = decision_page(replace(one, planned=planned, violations=broken), None, data, HOSTILE)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10
    assert Page(html).opened == []


def test_the_facts_hold_data_version_run_and_seed(pages):
    for words in ("little", "made up", "MIT", "little_customer 3", "0123456789abcdef", "EUR"):
        assert words in pages["whole"]
    assert "<dt>Seed</dt><dd>7</dd>" in pages["whole"]
    assert "Something is left aside" in pages["whole"]


def test_a_training_report_tells_the_plan_where_there_is_one(made):
    assert 'id="plan"' not in render(full_story())
    story = replace(full_story(), policy=policy_told(made["whole"], "decision.html"))
    html = render(story)
    assert 'id="plan"' in html
    assert 'href="decision.html"' in html
    assert f"{int(made['whole'].planned.plan.changed.sum())} of 800 customers" in html
    assert "Customers by how they are handled today and by the plan" in html


def test_where_nobody_is_free_headline_and_page_say_so():
    one = decision(holdout=1.0)
    assert not one.planned.plan.changed.any()
    assert "Nobody is free to be moved" in "\n".join(headline(one))
    assert "Nobody is free to be moved" in page_of(one)
    assert decision_metrics(one)["policy/models"] == 0


def test_models_are_counted_whether_or_not_somebody_is_on_request(made):
    one = made["whole"]
    plan = one.planned.plan
    used = tuple(m for m in plan.used if m != plan.base.reach.ways.on_request)
    told = replace(plan, allocation=replace(plan.allocation, used=used))
    turned = replace(one, planned=replace(one.planned, plan=told))
    assert decision_metrics(turned)["policy/models"] == len(used)
    assert decision_metrics(one)["policy/models"] == len(used)


def test_that_nothing_is_known_is_said_only_where_so_and_nobody_is_moved(made):
    said = {name: "Nothing is known" in "\n".join(headline(one)) for name, one in made.items()}
    assert said == {name: name == "bare" for name in made}
    stuck = decision(trial=False)
    assert not stuck.planned.plan.changed.any()
    assert "Nothing is known" in "\n".join(headline(stuck))


def test_what_customers_brought_is_of_as_many_days_as_what_they_are_expected_to():
    """Books of half a year beside values foretold for a whole one."""
    one = decision(horizon_days=182)
    assert one.standing is not None
    brought = one.accounts.customers["net"].sum() / 100
    assert one.standing.table["past"].sum() == pytest.approx(2 * brought)
    assert "3 July 2024 to 31 December 2024, brought to the 364 days" in page_of(one)


def test_whom_the_plan_is_not_for_stand_in_peaks_and_limits_and_in_nothing_else(made):
    use = np.array([0.0, 0.0, 240.0, 0.0, 9000.0])
    apart = Others(1219, use, np.array([True, False, False, False]))
    one, whole = decision(others=apart), made["whole"]
    months = one.planned.policy.horizon_days / (365.25 / 12)
    assert held_use(one)["calls"] == pytest.approx(held_use(whole)["calls"] + 240 / months)
    assert one.peaks["plan"].loc["calls", "inbound"] == whole.peaks["plan"].loc["calls", "inbound"]
    assert one.inbound.to_numpy().sum() < whole.inbound.to_numpy().sum()  # objectors' are left out
    frame, wanted = contacts_frame(one), one.planned.plan.use.set_index("resource")
    assert frame.loc["phone", "plan"] * months + 240 == pytest.approx(
        wanted.loc["calls", "planned"]
    )
    html = page_of(one)
    assert "1,219 not in this plan go on as today" in html
    assert "with the 1,219 who are not in this plan" in html
    assert "who are not in this plan" not in page_of(whole)


def test_the_peak_on_the_tile_is_that_of_its_table(made):
    apart = Others(1219, np.array([500.0, 0.0, 240.0, 0.0, 9000.0]), np.zeros(4, dtype=bool))
    for one, whom in (
        (made["whole"], "who is held out included"), (decision(others=apart), "of all customers"),
    ):  # fmt: skip
        tile, shown = strip(one)[4], peaks_table(one)
        rows = {row[0].text: row[-1].text for row in shown.rows}
        assert tile["metric"] == "full-time people for advisor hours"
        assert tile["big"] == rows["Advisor hours"]
        assert whom in tile["beside"][0]
    peak = made["whole"].peaks["plan"].loc["advisor_hours"]
    hours = made["whole"].planned.policy.hours_a_person["advisor_hours"]
    held = held_use(made["whole"])["advisor_hours"]
    assert peak_people(made["whole"])["advisor_hours"] == (peak["load"] + held) / hours


def test_counts_that_differ_say_of_whom_they_are(made):
    one = made["whole"]
    plan = one.planned.plan
    none = (plan.base.reach.channel < 0).all(axis=1)
    both = int((none & plan.base.held_out).sum())
    assert both > 0
    assert f"({both} of them held out, and left out as such" in told(rights_lines(one))["consent"]
    assert int(none.sum()) - both == (one.left_out["why"] == NO_CONSENT).sum()
    assert "Not in this plan: everyone else with an entry" in accounts_note(one)
    assert "campaigns" in peaks_table(one).note


def test_a_margin_told_after_cost_to_serve_is_said_to_be(made):
    one = decision(margin_after=["serve"])
    assert not one.accounts.total["serve"]
    assert "cost to serve" not in accounts_note(one).partition("Nothing stands under")[2]
    assert "Margin is told after cost to serve" in accounts_note(one)
    assert "a margin below 0, told after cost to serve" in told(losing_lines(one))["why"]
    assert "bring less than serving them costs" in told(losing_lines(made["whole"]))["why"]


def test_a_model_that_goes_on_for_who_stays_is_priced():
    one = decision(models={n: replace(m, yearly_cost=90_000) for n, m in policy().models.items()})
    assert "Only because some customers stay as they are, " in page_of(one)
    assert "Over the horizon they cost EUR" in page_of(one)
    free = decision(holdout=0.0, minimum_stay_days=0)
    assert "Only because some customers stay" not in page_of(free)
