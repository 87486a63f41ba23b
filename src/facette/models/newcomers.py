"""Newcomers: customers of whom too little is known yet for a forecast that rests on purchases.

Either nothing is foretold of them, and that is said, or a model of who they are foretells, learnt
from those who were as new at a training date. The other models neither learn from them nor are
judged by them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from facette.errors import BadInput
from facette.models.facets import Learned, stayed
from facette.models.folds import OUTCOMES
from facette.models.validation import sample
from facette.settings.models import Newcomers
from facette.snapshots.catalogue import PEER_FAMILIES, catalogue, of_families
from facette.snapshots.panel import Panel, Snapshot
from facette.snapshots.spec import SnapshotSpec
from facette.wording import listed

Learn = Callable[[Panel, list[str] | None], Learned]
COLUMN = "newcomer"
FILE = "newcomers_"  # before the names of the files of their own model
ATTRIBUTES = PEER_FAMILIES - {"mix", "discount"}  # families that need no purchase
LEAST = 300  # rows of newcomers, below which their model learns from everybody
LEAST_OF_A_CLASS = 30


def told_apart(panel: Panel) -> bool:
    """Whether this panel knows newcomers."""
    return all(COLUMN in snapshot.context for snapshot in panel.snapshots)


def settled(panel: Panel) -> Panel:
    """The panel with outcomes of newcomers unknown: nobody learns from them, nor is judged.

    Raises:
        BadInput: at the training dates, or at the test date, there is nobody else.
    """
    if not told_apart(panel):
        return panel
    dates = panel.dates()
    for when, snapshots in ((dates[:-1], panel.training), (dates[-1:], [panel.test])):
        if all((s.context[COLUMN] == 1).all() for s in snapshots):
            raise BadInput(
                f"snapshot.min_history_days: at {listed(when)} everybody is a newcomer; lower it, "
                "or choose later dates"
            )
    return _of(panel, newcomers=False)


def _of(panel: Panel, *, newcomers: bool) -> Panel:
    """The panel with known outcomes of newcomers alone, or of all others."""

    def of(snapshot: Snapshot) -> Snapshot:
        assert snapshot.outcomes is not None
        kept = snapshot.outcomes[(snapshot.context[COLUMN] == 1) == newcomers]
        return replace(snapshot, outcomes=kept.reindex(snapshot.outcomes.index))

    return replace(panel, training=[of(s) for s in panel.training], test=of(panel.test))


def attributes(panel: Panel, part: str) -> list[str]:
    """The features that tell who a customer is without any purchase; of potential, no levels.

    Raises:
        BadInput: there are none.
    """
    wanted = of_families(catalogue(panel.spec), ATTRIBUTES).values()
    known = panel.training[-1].features
    names = [f.name for f in wanted if part != "potential" or not f.level]
    told = [name for name in names if known[name].nunique() > 1]
    if not told:
        raise BadInput(
            "model.newcomers: attributes needs what is known of customers without a purchase "
            "(attributes, contracts, interactions, answers, events), and there is nothing; write "
            "model.newcomers=none"
        )
    return told


def learnt_apart(part: str, panel: Panel, way: Newcomers | None, learn: Learn) -> Learned:
    """A part learnt from the settled, and what is foretold of newcomers packaged with it.

    `learn` takes a panel and the features to learn from, None for those configured.

    Raises:
        BadInput: `way` is attributes and there are none.
    """
    if not told_apart(panel):
        return learn(panel, None)
    learned = learn(settled(panel), None)
    told = json.loads(learned.files["part.json"]) | {"newcomers": COLUMN}
    files = learned.files | {"part.json": json.dumps(told, indent=1).encode()}
    if way is not Newcomers.attributes:
        return replace(learned, files=files)
    own, whose = _of(panel, newcomers=True), "newcomers"
    if few := _too_few(part, own):
        own, whose = panel, f"everybody, as {few}"
    columns = attributes(panel, part)
    theirs = learn(own, columns)
    note = (
        f"{part}: newcomers have a model of {len(columns)} features that need no purchase, learnt "
        f"from {whose}"
    )
    files |= {f"{FILE}{name}": content for name, content in theirs.files.items()}
    return replace(learned, files=files, notes=[*learned.notes, note])


def _too_few(part: str, newcomers: Panel) -> str | None:
    """Why a part can't be learnt from newcomers alone; None where it can."""
    training = newcomers.training
    if part == "value_if_staying":
        training = [snapshot.keep(stayed(snapshot)) for snapshot in training]
    outcome = sample(training, OUTCOMES.get(part, "value")).outcome
    if len(outcome) < LEAST:
        return f"there are {len(outcome):,} newcomers to learn from only"
    if part == "churn" and _rarer(outcome) < LEAST_OF_A_CLASS:
        return f"of newcomers {_rarer(outcome):,} only left, or stayed"
    return None


def _rarer(churned: np.ndarray) -> int:
    """How many rows the rarer of two outcomes has."""
    return int(min(churned.sum(), len(churned) - churned.sum()))


def counted(panel: Panel, way: Newcomers | None) -> str:
    """How many are newcomers at the test date, and what is foretold of them."""
    assert isinstance(panel.spec, SnapshotSpec)
    new = int(panel.test.context[COLUMN].sum())
    told = (
        "are told of by models of who they are"
        if way is Newcomers.attributes
        else "have no forecast, it is too early to say, and no model is judged by them"
    )
    return (
        f"newcomers: {new:,} of {len(panel.test):,} customers at {panel.dates()[-1]}, whose tenure "
        f"is below {panel.spec.min_history_days} days, {told}; other models don't learn from them"
    )
