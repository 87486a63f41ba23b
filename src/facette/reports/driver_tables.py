"""Tables of drivers: what tells neighbours apart, pairs, movers, and when drivers may be shown."""

from __future__ import annotations

from facette.reports.story import PARTS, Story
from facette.reports.tables import Table, table
from facette.reports.words import MINUS, day, money, number

SIDES = {1: "higher", -1: "lower", 0: "another"}
SUBJECTS = PARTS | {"segments": "Segments"}


def contrasts_table(story: Story) -> Table | None:
    """What puts customers into a segment rather than into the one most like it, a row each."""
    told = story.segmentation
    if told is None or told.contrasts is None:
        return None
    names = told.segments["name"].astype(str).to_dict()
    words = told.contrasts[["sentence", "side", "contribution"]].to_numpy()
    tells = [f"{SIDES[side]} {sentence} ({number(c, 1)})" for sentence, side, c in words]
    goes = told.contrasts.assign(tells=tells)
    rows = goes.groupby(["segment", "other"], sort=False)["tells"].agg("; ".join).reset_index()
    rows = rows.assign(segment=rows["segment"].map(names), other=rows["other"].map(names))
    columns = {
        "segment": ("Segment", "text"),
        "other": ("Nearest segment", "text"),
        "tells": ("What tells them apart", "text"),
    }
    note = (
        "Higher or lower on the mean than in the neighbour; in brackets what a feature adds to the "
        "log-odds of a segment over its neighbour, from the one’s members to the other’s."
    )
    return table(rows, columns, "What tells neighbours apart", story.currency, note)


def licences_table(story: Story) -> Table | None:
    """When drivers may be shown: every condition, its figure and what is asked for."""
    if story.licences is None or story.licences.empty:
        return None
    frame = story.licences.assign(
        subject=story.licences["subject"].map(SUBJECTS),
        held=["holds" if held else "falls short" for held in story.licences["held"]],
    )
    columns = {
        "subject": ("Drivers of", "text"),
        "condition": ("Condition", "text"),
        "figure": ("Figure", "index"),
        "asked": ("Asked for", "index"),
        "held": ("", "text"),
    }
    return table(frame, columns, "When drivers may be shown", story.currency)


def pairs_table(story: Story, part: str) -> Table | None:
    """Features that work together in a model."""
    if part not in story.pairs:
        return None
    columns = {
        "one": ("Feature", "text"),
        "other": ("With", "text"),
        "mean_abs": ("Mean interaction (SHAP)", "ratio"),
    }
    note = "What two features say together beyond what each says alone, on the model's link scale."
    caption = f"{PARTS[part]}: features that work together"
    return table(story.pairs[part], columns, caption, story.currency, note)


def movers_table(story: Story, part: str) -> Table | None:
    """The customers whose answer moved farthest since the date before."""
    moves = story.movers.get(part)
    if moves is None or moves.empty:
        return None
    kind = "share" if part == "churn" else "money"
    goes = moves.assign(what=[f"{moved_by(c, part, story.currency)} {sentence}" for sentence, c in
                              zip(moves["sentence"], moves["part"], strict=True)])  # fmt: skip
    by = ["customer_id", "before", "after"]
    rows = goes.groupby(by, sort=False)["what"].agg("; ".join).reset_index()
    columns = {
        "customer_id": ("Customer", "text"),
        "before": ("Before", kind),
        "after": ("Now", kind),
        "what": ("What went with it", "text"),
    }
    caption = f"{PARTS[part]}: who moved farthest since {day(story.training_dates[-1])}"
    note = "The parts of all features sum to the change; the largest are told."
    return table(rows, columns, caption, story.currency, note)


def moved_by(part_of: float, part: str, currency: str) -> str:
    """A signed amount, or points of probability."""
    if part == "churn":
        return f"{number(100 * part_of, 1, signed=True)} points"
    sign = MINUS if part_of < 0 else "+"
    return f"{sign}{money(abs(part_of), currency)}"
