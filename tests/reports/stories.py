"""Synthetic stories: every figure is drawn from a generator, none is a result."""

import numpy as np
import pandas as pd

from facette.reports.story import Check, Headline, Segmentation, Story

NAMES = [
    "Weekly planners",
    "Promotion hunters, evenings",
    "Small frequent baskets",
    "Rare large shoppers",
    "Fading loyals",
]
FEATURES = [
    "Baskets a month",
    "Days between purchases",
    "Share bought with a discount, %",
    "Share of evening purchases, %",
    "Lines a basket",
    "Distinct categories",
    "Share of top category, %",
    "Answers to mailings, %",
    "Weekend share, %",
    "Coupons redeemed a year",
    "Share of own brand, %",
    "Refunded lines, %",
]
RANDOM = np.random.default_rng(7)


def full_story() -> Story:
    """All parts on."""
    story = base_story()
    story.headlines = _headlines()
    story.evaluation = _evaluation()
    story.gains = _gains()
    story.gains_curves = {"value": _gains_curves(), "churn": _gains_curves()}
    story.profit_curves = _profit_curves()
    story.campaign = "Assumed, not measured: USD 1.00 a contact"
    story.calibration = {"churn": _bins()}
    story.deciles = {"value": _deciles()}
    story.drivers = {part: _drivers() for part in ("value", "potential", "churn")}
    story.population = {"churn": 2107}
    story.licences = pd.DataFrame(
        [("segments", "fidelity", 0.94, 0.8, True), ("churn", "leading drivers", 0.5, 0.6, False)],
        columns=["subject", "condition", "figure", "asked", "held"],
    )
    story.unlicensed = {"churn": "other drivers lead when customers are drawn anew"}
    story.pairs = {
        "value": pd.DataFrame(
            [(FEATURES[0], FEATURES[1], 0.04)], columns=["one", "other", "mean_abs"]
        )
    }
    story.movers = {
        "value": _movers(310.0, 820.5, 400.0),
        "churn": _movers(0.12, 0.31, 0.14),
    }
    story.matrix = _matrix()
    story.cells = _cells()
    return story


def without_potential() -> Story:
    """Potential off, with its reason, and a baseline that is not available."""
    story = full_story()
    story.off = {"potential": "these data have no columns on who customers are"}
    story.headlines = [line for line in story.headlines if line.part != "potential"]
    story.matrix = None
    story.cells = story.cells.assign(headroom=float("nan"))
    story.segmentation.segments["headroom_mean"] = float("nan")
    story.segmentation.outcome = story.segmentation.outcome.query("part != 'potential'")
    for tables in (story.evaluation, story.gains, story.drivers):
        tables.pop("potential")
    return story


def segments_only() -> Story:
    """`parts=[segments]`: no model at all."""
    story = base_story()
    story.off = dict.fromkeys(("value", "potential", "churn"), "not among the parts asked for")
    assert story.segmentation is not None
    story.segmentation.outcome = None
    columns = ["name", "customers", "share", "stability", "stability_verdict"]
    story.segmentation.segments = story.segmentation.segments[columns]
    story.segmentation.withheld = "the smallest rank stability over refits is 0.41, below 0.70"
    return story


def base_story() -> Story:
    """The run, its segments and its appendix."""
    return Story(
        data_name="synthetic_shop",
        origin="Drawn at random for tests; no real customer",
        licence="CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
        currency="USD",
        reference_date="2017-10-01",
        training_dates=["2017-04-02", "2017-07-02"],
        horizon_days=91,
        observation_days=182,
        customers=2469,
        transactions=1469307,
        observed_until="2018-01-01",
        run_name="calm-otter-117",
        code_version="0.1.0",
        command="facette train data=synthetic_shop",
        value_basis="gross spend: no margin, cost or risk in these data",
        test_looks=3,
        said=[
            "Validation by grouped folds inside the training snapshots: history leaves no later "
            "validation snapshot.",
            "The 364-day window was dropped: longer than the history at the earliest training "
            "date.",
            "Churn is no purchase in the outcome window, given a purchase in the 56 days before.",
        ],
        checks=_checks(),
        segmentation=_segmentation(),
        tiers=_tiers(),
        catalogue=_catalogue(),
        configuration="data:\n  name: synthetic_shop\nseed: 7\n",
        digests={"transactions": "sha256:9f2c" + "0" * 56, "snapshot 2017-10-01": "sha256:77aa"},
    )


def _checks() -> list[Check]:
    return [
        Check("F020", "info", "All features are known before the reference date."),
        Check(
            "F011",
            "warning",
            "Segment “Fading loyals” is doubtful: stability 0.71.",
            "Merge it with its neighbour, or ask for fewer segments.",
        ),
        Check(
            "F001",
            "error",
            "Churn is no better than its best baseline on log loss (interval contains 0).",
            "Do not promote this model; look at the drivers, or lengthen the history.",
        ),
        Check("F031", "not applicable", "Past treatments: there is no table `treatments`."),
    ]


def _headlines() -> list[Headline]:
    return [
        Headline("value", "normalised_gini", "", 0.871, "last window", 0.856, 0.015, 0.007, 0.024),
        Headline(
            "value",
            "mae",
            "USD",
            162.4,
            "ridge on RFM",
            171.9,
            9.5,
            4.1,
            15.2,
            higher_is_better=False,
        ),
        Headline(
            "potential",
            "pinball",
            "USD",
            61.2,
            "constant",
            74.8,
            13.6,
            10.9,
            16.1,
            higher_is_better=False,
        ),
        Headline("potential", "coverage", "share", 0.897, higher_is_better=None),
        Headline(
            "churn",
            "log_loss",
            "",
            0.2871,
            "logistic on RFM",
            0.2869,
            -0.0002,
            -0.009,
            0.008,
            higher_is_better=False,
        ),
        Headline("churn", "pr_auc", "", 0.412, "recency", 0.455, -0.043, -0.061, -0.022),
    ]


def _evaluation() -> dict[str, pd.DataFrame]:
    nan = float("nan")
    value = pd.DataFrame(
        {
            "normalised_gini": [0.871, 0.856, nan, 0.842, 0.861],
            "spearman": [0.88, 0.86, nan, 0.851, 0.87],
            "mae": [162.4, 178.6, nan, 181.2, 171.9],
            "total_ratio": [1.021, 0.97, nan, 0.95, 1.034],
        },
        index=["LightGBM", "last window", "same window a year ago", "annualised", "ridge on RFM"],
    )
    potential = pd.DataFrame(
        {"pinball": [61.2, 74.8], "coverage": [0.897, 0.9]}, index=["LightGBM", "constant"]
    )
    churn = pd.DataFrame(
        {
            "log_loss": [0.2871, 0.2869, 0.33],
            "roc_auc": [0.861, 0.858, 0.79],
            "pr_auc": [0.412, 0.44, 0.455],
            "brier": [0.084, 0.085, 0.091],
            "ece": [0.013, 0.016, nan],
            "resolution": [0.031, 0.03, nan],
            "top_decile_lift": [4.31, 4.2, 4.4],
            "empc": [1.31, 1.22, 0.0],
            "empc_fraction": [0.14, 0.13, 0.0],
        },
        index=["LightGBM", "logistic on RFM", "recency"],
    )
    return {"value": value, "potential": potential, "churn": churn}


def _gains() -> dict[str, pd.DataFrame]:
    columns = ["metric", "opponent", "gain", "low", "high"]
    value = [
        ("normalised_gini", "last window", 0.015, 0.007, 0.024),
        ("mae", "ridge on RFM", 9.5, 4.1, 15.2),
    ]
    churn = [
        ("log_loss", "logistic on RFM", -0.0002, -0.009, 0.008),
        ("pr_auc", "recency", -0.043, -0.061, -0.022),
    ]
    potential = [("pinball", "constant", 13.6, 10.9, 16.1)]
    parts = {"value": value, "potential": potential, "churn": churn}
    return {part: pd.DataFrame(rows, columns=columns) for part, rows in parts.items()}


def _gains_curves() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    x = np.linspace(0, 1, 101)
    bends = {"LightGBM": 6.0, "last window": 5.2, "ridge on RFM": 5.6, "perfect": 9.0}
    return {
        name: (x, (1 - np.exp(-bend * x)) / (1 - np.exp(-bend))) for name, bend in bends.items()
    }


def _profit_curves() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    x = np.linspace(0, 1, 101)
    return {"LightGBM": (x, 1 - 40 * (x - 0.16) ** 2 + 0.024), "logistic on RFM": (x, x - 8 * x**2)}


def _bins() -> pd.DataFrame:
    predicted = np.array([0.004, 0.009, 0.014, 0.02, 0.031, 0.05, 0.084, 0.15, 0.29, 0.58])
    observed = np.clip(predicted * [0.5, 1.1, 0.8, 1.2, 1, 0.9, 1.1, 1.05, 0.93, 1.02], 0, 1)
    reach = 1.96 * np.sqrt(observed * (1 - observed) / 210) + 0.004
    low, high = np.clip(observed - reach, 0, 1), observed + reach
    columns = {"predicted": predicted, "observed": observed, "low": low, "high": high, "n": 210}
    return pd.DataFrame(columns)


def _deciles() -> pd.DataFrame:
    predicted = np.array([4, 18, 44, 90, 160, 260, 395, 590, 900, 1890.0])
    actual = predicted * [2.1, 1.3, 0.9, 1.05, 0.97, 1.02, 0.99, 1.03, 0.96, 0.98]
    index = pd.RangeIndex(1, 11)
    return pd.DataFrame({"predicted": predicted, "actual": actual}, index=index)


def _drivers() -> pd.DataFrame:
    strength = np.sort(RANDOM.gamma(1.5, 0.12, len(FEATURES)))[::-1]
    direction = RANDOM.uniform(-1, 1, len(FEATURES))
    return pd.DataFrame(
        {
            "feature": [f"f{i}" for i in range(len(FEATURES))],
            "sentence": FEATURES,
            "mean_abs": strength,
            "direction": direction,
        }
    )


def _segmentation() -> Segmentation:
    k = len(NAMES)
    segments = pd.DataFrame(
        {
            "name": NAMES,
            "customers": [812, 604, 498, 371, 184],
            "share": np.array([812, 604, 498, 371, 184]) / 2469,
            "stability": [0.93, 0.88, 0.81, 0.79, 0.71],
            "stability_verdict": ["highly stable", "highly stable", "stable", "stable", "doubtful"],
            "value_share": [0.47, 0.2, 0.18, 0.12, 0.03],
            "value_mean": [1012.4, 588.1, 640.2, 561.0, 280.3],
            "headroom_mean": [120.5, 310.0, 205.2, 401.3, 390.8],
            "churn_mean": [0.01, 0.05, 0.04, 0.14, 0.38],
            "confidence_mean": [0.93, 0.9, 0.87, 0.84, 0.77],
        },
        index=pd.Index(range(k), name="segment"),
    )
    profile = pd.DataFrame(RANDOM.normal(0, 0.9, (k, len(FEATURES))), columns=FEATURES)
    return Segmentation(
        segments=segments,
        profile=profile,
        k_curve=_k_curve(),
        criterion="The largest number of segments whose least stable one is above .70 and holds "
        "at least 5% of customers.",
        nature="Reproducible rather than natural: stability is above that of structure-free data, "
        "yet no gap separates the segments.",
        points=_points(),
        axes=("First axis, mostly frequency", "Second axis, mostly discounts"),
        explained=(0.31, 0.17),
        ami_value_tier=0.12,
        fidelity=0.94,
        membership=_membership(),
        outcome=_outcome(),
        sentences={"0": "Buys every 9 days, half the base's interval."},
        contrasts=pd.DataFrame(
            [(0, 1, "f0", FEATURES[0], 1.4, -1), (0, 1, "f1", FEATURES[1], -0.6, 1),
             (1, 0, "f0", FEATURES[0], 1.4, 1)],
            columns=["segment", "other", "feature", "sentence", "contribution", "side"],
        ),
    )  # fmt: skip


def _k_curve() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "k": [2, 3, 4, 5, 6, 7, 8],
            "stability_min": [0.95, 0.9, 0.84, 0.71, 0.58, 0.55, 0.49],
            "silhouette": [0.31, 0.29, 0.27, 0.26, 0.22, 0.2, 0.19],
            "smallest_share": [0.38, 0.2, 0.14, 0.075, 0.05, 0.03, 0.02],
            "best_silhouette": [True, False, False, False, False, False, False],
            "chosen": [False, False, False, True, False, False, False],
        }
    )


def _points() -> pd.DataFrame:
    centres = [(2.2, 0.4), (-0.6, 2.2), (0.2, -1.6), (-2.1, -0.4), (-1.6, 0.2)]
    clouds = [
        pd.DataFrame(RANDOM.normal(centre, 0.85, (500, 2)), columns=["x", "y"]).assign(segment=i)
        for i, centre in enumerate(centres)
    ]
    return pd.concat(clouds, ignore_index=True).sample(frac=1, random_state=7)


def _membership() -> pd.DataFrame:
    rows = [
        (
            segment,
            f"f{place}",
            FEATURES[(segment * 2 + place) % 12],
            1.0 / (place + 1),
            1 - 2 * (place % 2),
        )
        for segment in range(len(NAMES))
        for place in range(4)
    ]
    return pd.DataFrame(rows, columns=["segment", "feature", "sentence", "contribution", "sign"])


def _outcome() -> pd.DataFrame:
    rows = [
        (segment, part, f"f{place}", FEATURES[(segment + 3 * place) % 12], (-1) ** place * 0.2)
        for segment in range(len(NAMES))
        for part in ("value", "potential", "churn")
        for place in range(3)
    ]
    return pd.DataFrame(rows, columns=["segment", "part", "feature", "sentence", "contribution"])


def _movers(before: float, after: float, first: float) -> pd.DataFrame:
    rows = [
        ("c17", before, after, "f0", FEATURES[0], first),
        ("c17", before, after, "f1", FEATURES[1], (after - before - first) / 2),
    ]
    columns = ["customer_id", "before", "after", "feature", "sentence", "part"]
    return pd.DataFrame(rows, columns=columns)


def _tiers() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tier": ["good", "standard", "small"],
            "customers": [124, 370, 1975],
            "share": [0.05, 0.15, 0.8],
            "cut": [2210.0, 1104.5, 0.0],
            "value_share": [0.21, 0.34, 0.45],
        }
    )


def _matrix() -> pd.DataFrame:
    tiers = ["good", "standard", "small"]
    cells = [(value, potential) for value in tiers for potential in tiers]
    frame = pd.DataFrame(cells, columns=["value_tier", "potential_tier"])
    return frame.assign(
        customers=[71, 40, 13, 38, 180, 152, 15, 150, 1810],
        value=[2900.0, 2500, 2300, 1500, 1400, 1300, 420, 380, 330],
        headroom=[210.0, 40, 4, 980, 310, 60, 1700, 820, 190],
        churn=[0.01, 0.01, 0.02, 0.02, 0.03, 0.03, 0.06, 0.08, 0.12],
    )


def _cells() -> pd.DataFrame:
    tiers = ["good", "standard", "small"]
    names = [f"{v} value, {p} potential, {n}" for v in tiers for p in tiers for n in NAMES]
    return pd.DataFrame(
        {
            "cell": names,
            "customers": RANDOM.integers(0, 200, len(names)),
            "value": RANDOM.gamma(2, 300, len(names)),
            "headroom": RANDOM.gamma(2, 150, len(names)),
            "churn": RANDOM.beta(1, 9, len(names)),
        }
    )


def _catalogue() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [f"f{i}" for i in range(len(FEATURES))],
            "family": "purchase",
            "unit": "count",
            "sentence": FEATURES,
            "source": "transactions.amount",
            "personal": [i % 2 == 0 for i in range(len(FEATURES))],
        }
    )
