"""Contributions of a million customers: in bounded memory, at the library's own pace."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import psutil
from running import settings_of

from facette.drivers.credit import credited
from facette.drivers.summary import by_segment
from facette.models.learner import design, fit
from facette.registry.bundle import write_bundle
from facette.registry.customer_model import BLOCK, Bundle

CUSTOMERS, FEATURES, TREES, FITTED_ON = 1_000_000, 60, 40, 50_000
SAMPLE = settings_of("train").drivers.sample
NAMES = [f"c{i}" for i in range(FEATURES)]
SHAPED = {"num_leaves": 15, "n_estimators": TREES, "verbosity": -1, "n_jobs": 2}
LEADING = 3


def models(folder: Path, frame: pd.DataFrame, rng: np.random.Generator) -> Bundle:
    """A bundle of value, potential and churn, each of its own drivers among the columns."""
    said = frame.to_numpy() @ (rng.normal(size=(FEATURES, 3)) * rng.random((FEATURES, 3)) ** 3)
    noisy = said + rng.normal(size=said.shape)
    asked = {
        "value": (lightgbm.LGBMRegressor(objective="tweedie", **SHAPED), np.exp(noisy[:, 0] / 4)),
        "potential": (lightgbm.LGBMRegressor(objective="quantile", alpha=0.9, **SHAPED),
                      noisy[:, 1]),
        "churn": (lightgbm.LGBMClassifier(**SHAPED), (noisy[:, 2] > 0).astype(int)),
    }  # fmt: skip
    made = design(frame, NAMES, ())
    files = {part: fit(model, made, frame, y).files() for part, (model, y) in asked.items()}
    write_bundle(folder, files, {})
    return Bundle.load(folder)


class Peak(threading.Thread):
    """The most memory that this process holds beyond what it held at first, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.process, self.done = psutil.Process(), threading.Event()
        self.first = self.most = self.process.memory_info().rss

    def run(self) -> None:
        while not self.done.wait(0.02):
            self.most = max(self.most, self.process.memory_info().rss)

    @property
    def megabytes(self) -> float:
        return (self.most - self.first) / 2**20


def test_contributions_of_a_million_customers_cost_what_the_library_costs(
    tmp_path: Path, evidence: Callable[..., bool]
) -> None:
    rng = np.random.default_rng(7)
    habit = rng.normal(size=CUSTOMERS)
    frame = pd.DataFrame(rng.normal(size=(CUSTOMERS, FEATURES)), columns=NAMES)
    frame += habit[:, None] * rng.uniform(-1, 1, FEATURES)
    segment = pd.Series(np.digitize(habit, [-1, 0, 1]).astype(str))
    bundle = models(tmp_path, frame[:FITTED_ON], rng)
    boosters = {part: bundle.facets[part].score.booster for part in bundle.facets}
    sums = {part: pd.DataFrame(0.0, sorted(set(segment)), NAMES) for part in boosters}
    drawn = np.sort(rng.choice(CUSTOMERS, SAMPLE, replace=False))
    few: dict[str, list[np.ndarray]] = {part: [] for part in boosters}
    ours = bare = 0.0
    watch = Peak()
    watch.start()
    for start in range(0, CUSTOMERS, BLOCK):
        block, own = frame[start : start + BLOCK], segment[start : start + BLOCK]
        inside = drawn[(drawn >= start) & (drawn < start + BLOCK)] - start
        for part, booster in boosters.items():
            began = time.perf_counter()
            parts = bundle.contributions(part, block)
            ours += time.perf_counter() - began
            began = time.perf_counter()
            library = booster.predict(block.to_numpy(), pred_contrib=True, num_threads=2)
            bare += time.perf_counter() - began
            assert np.array_equal(parts, library)
            told = pd.DataFrame(parts[:, :-1], block.index, NAMES)
            sums[part] = sums[part].add(told.groupby(own).sum(), fill_value=0)
            few[part].append(parts[inside, :-1])
    watch.done.set()
    watch.join()
    evidence(
        "contributions_cost_what_the_library_costs",
        {"ratio": ours / bare, "seconds": ours, "memory_mb": watch.megabytes},
        "1.1 x LightGBM's own pred_contrib at most, in turn, block by block; less than 500 MB held",
        ours <= 1.1 * bare and watch.megabytes < 500,
        f"{CUSTOMERS:,} customers x {FEATURES} features, three models of {TREES} trees, "
        f"{BLOCK:,} customers at a time",
    )
    counts = segment.value_counts()
    agree = [agreement(sums[p], counts, np.vstack(few[p]), segment[drawn]) for p in boosters]
    evidence(
        "segment_summaries_of_a_sample_agree_with_all",
        {"carried": min(c for c, _ in agree), "largest_difference": max(d for _, d in agree)},
        f"the {LEADING} drivers that lead in the sample carry 95 % and more of what the {LEADING} "
        "carry that lead among all, in every segment and model, and no contribution differs by "
        "more than a twentieth of the model's largest",
        all(c >= 0.95 and d <= 0.05 for c, d in agree),
        f"{SAMPLE:,} of {CUSTOMERS:,} customers, four segments, three models",
    )


def agreement(
    sums: pd.DataFrame, counts: pd.Series, few: np.ndarray, segment: pd.Series
) -> tuple[float, float]:
    """What leads in the sample, of what leads among all; the largest relative difference."""
    whole = sums.div(counts, axis=0) - sums.sum() / counts.sum()
    credit = credited(pd.DataFrame(few, segment.index, NAMES), {name: [name] for name in NAMES})
    told = by_segment(credit, segment, {}, FEATURES).pivot(
        index="segment", columns="feature", values="contribution"
    )
    carried, apart = [], []
    for one, row in whole.iterrows():
        led = row.abs().nlargest(LEADING)
        again = told.loc[one].abs().nlargest(LEADING).index
        carried.append(float(row.abs()[again].sum() / led.sum()))
        apart.append(float((told.loc[one, NAMES] - row).abs().max()))
    return min(carried), max(apart) / float(whole.abs().to_numpy().max())
