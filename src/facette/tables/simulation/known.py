"""What comes to be known of customers beside that, as rows: life events, searches, answers."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from facette.tables.contract import DAY_US
from facette.tables.simulation.months import Month
from facette.tables.simulation.rows import Block, Calendar
from facette.tables.simulation.state import State

EVENTS, SURVEYS = 26, 27  # purposes of draws
MOMENTS = ("move", "birth", "marriage", "separation", "retirement", "inheritance")
QUESTIONS = {  # what an answer tells: satisfaction, expectation, power
    "satisfaction": (1.0, 0.0, 0.0),
    "fast_answers_matter": (0.0, 0.9, 0.1),
    "one_named_contact_matters": (0.0, 0.7, -0.4),
    "i_compare_banks": (-0.1, 0.2, 0.8),
    "i_manage_alone": (0.0, -0.2, 0.9),
    "contacted_too_often": (-0.3, 0.0, 0.4),
}
SURVEY_MONTH = 5  # June


def write_events(block: Block, c: Calendar, before: State, happened: Month) -> None:
    """Life events as far as they come to be known, weeks after; searches; balances by quarter."""
    world, people, rng = block.bank.world, block.people, block.chance.of(EVENTS, c.month)
    known = rng.random(len(people)) < world.event_known
    who = np.flatnonzero(happened.moment & known)
    at = c.instants(who, rng.random(len(who)))
    old = people.age[who] > 58
    kind = np.where(old, rng.integers(4, 6, len(who)), rng.integers(0, 4, len(who)))
    block.add("events", who, occurred_at=at, kind=np.array(MOMENTS)[kind],
              recorded_at=at + rng.integers(2, 50, len(who)) * DAY_US)  # fmt: skip
    begins = (happened.project > before.project) & (rng.random(len(people)) < 0.4)
    who = np.flatnonzero(begins)
    at = c.instants(who, rng.random(len(who)))
    block.add("events", who, occurred_at=at, kind=np.full(len(who), "product_search"),
              recorded_at=at)  # fmt: skip
    if c.month % 3 == 2:
        who = np.flatnonzero(happened.here & (c.until == c.start + c.days))
        at = np.full(len(who), (c.start + c.days - 1) * DAY_US)
        held = (
            happened.money.revenue[who].sum(axis=1)
            * 12
            * np.exp(0.4 * rng.standard_normal(len(who)))
        )
        block.add("events", who, occurred_at=at, kind=np.full(len(who), "balance"),
                  value=np.round(held * 20, 2), recorded_at=at)  # fmt: skip


def write_survey(block: Block, c: Calendar, happened: Month) -> None:
    """The yearly survey: few answer, rather the demanding and those with something to say."""
    world, people, rng = block.bank.world, block.people, block.chance.of(SURVEYS, c.month)
    mood = happened.mood.satisfaction
    tie = 0.3 * people.expectation + 0.4 * np.abs(mood)
    willing = expit(logit(world.survey_rate) + tie - tie.mean())
    who = np.flatnonzero(happened.here & (rng.random(len(people)) < willing))
    at = c.instants(who, rng.random(len(who)))
    for question, (satisfied, expecting, strong) in QUESTIONS.items():
        told = (
            satisfied * mood[who] + expecting * people.expectation[who] + strong * people.power[who]
            + world.halo * mood[who] + people.acquiescence[who]
            + 0.7 * rng.standard_normal(len(who))
        )  # fmt: skip
        top, middle, step = (10, 6.5, 1.8) if question == "satisfaction" else (5, 3.0, 0.8)
        least = 0 if question == "satisfaction" else 1
        answer = np.clip(np.round(middle + step * told), least, top).astype(int)
        given = rng.random(len(who)) > 0.06
        block.add("surveys", who[given], answered_at=at[given],
                  question=np.full(given.sum(), question),
                  answer=answer[given].astype(str))  # fmt: skip
