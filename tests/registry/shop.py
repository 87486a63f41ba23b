"""A shop's fitted parts of every kind, told as plain files, and what a training job does last."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import skops
import skops.io
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

import facette
from facette.registry.models import register
from facette.registry.tracking import tracked
from facette.settings import Tracking

NUMBERS = ["spend_91d", "orders_91d", "weekend_share"]
AGES = ["19-24", "25-44", "45+"]
PLAIN: dict[str, Any] = {
    "categories": {},
    "link": "identity",
    "calibration": {"kind": "none"},
    "shift": 0.0,
    "scale": 1.0,
    "lower": None,
}
NAMES = {"shop_customer": ["segments", "value", "potential", "churn"], "shop_churn": ["churn"]}
ABOUT = {"data": "shop", "currency": "EUR", "horizon_days": 91}


@dataclass(frozen=True)
class Fitted:
    """What was fitted, to compare with what the bundle says."""

    value: lgb.Booster
    churn: lgb.Booster
    mixture: GaussianMixture
    kmeans: KMeans
    logistic: LogisticRegression


def training_frame(snapshot: pd.DataFrame) -> pd.DataFrame:
    """Features as training sees them: text as pandas categories."""
    return snapshot[[*NUMBERS, "age"]].assign(age=pd.Categorical(snapshot["age"], categories=AGES))


def clean(snapshot: pd.DataFrame) -> np.ndarray:
    """Features without gaps, standardised as `columns_of` tells."""
    z = [
        (np.clip(np.log1p(snapshot["spend_91d"]), 2.0, 7.0) - 5.0) / 0.7,
        1.5
        * np.tanh((np.clip(snapshot["weekend_share"].fillna(0.3), 0.0, 0.8) - 0.28) / 0.15 / 1.5),
    ]
    return np.column_stack(z)


COLUMNS = [
    {"name": "spend_91d", "transform": "log1p", "fill": 0.0, "low": 2.0, "high": 7.0}
    | {"center": 5.0, "scale": 0.7},
    {"name": "weekend_share", "transform": "identity", "fill": 0.3, "low": 0.0, "high": 0.8}
    | {"center": 0.28, "scale": 0.15, "soft_limit": 1.5},
]


def part(spec: dict[str, Any], **files: bytes) -> dict[str, bytes]:
    """A part's files: its `part.json` and what stands beside it."""
    return {"part.json": json.dumps(spec).encode()} | {
        name.replace("__", "."): content for name, content in files.items()
    }


def arrays(**named: Any) -> bytes:
    """The bytes of an npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **named)
    return buffer.getvalue()


def booster_part(booster: lgb.Booster, **spec: Any) -> dict[str, bytes]:
    told = PLAIN | {"kind": "booster", "features": [*NUMBERS, "age"], "categories": {"age": AGES}}
    return part(told | spec, booster__txt=booster.model_to_string().encode())


def linear_part(**spec: Any) -> dict[str, bytes]:
    told: dict[str, Any] = {"kind": "linear", "features": ["spend_91d", "weekend_share"]}
    told |= {"transforms": ["log1p", "identity"], "center": [5.0, 0.3]}
    return part(PLAIN | told | {"coefficients": [90.0, -40.0], "intercept": 300.0} | spec)


def skops_part(estimator: Any, **spec: Any) -> dict[str, bytes]:
    blob = skops.io.dumps(estimator)
    told = {"kind": "skops", "features": ["spend_91d", "orders_91d"], "method": "predict_proba"}
    told |= {"link": "logit", "trusted": [], "requirement": [f"skops=={skops.__version__}"]}
    return part(PLAIN | told | spec, estimator__skops=blob)


def segments_part(fitted: Fitted, kind: str) -> dict[str, bytes]:
    if kind == "centroids":
        stored = arrays(centroids=fitted.kmeans.cluster_centers_)
    else:
        m = fitted.mixture
        stored = arrays(
            weights=m.weights_, means=m.means_, precisions_cholesky=m.precisions_cholesky_
        )
    segments = [{"id": f"B{i}", "name": f"Name {i}"} for i in (1, 2, 3)]
    spec = {
        "behaviour": {"kind": kind, "columns": COLUMNS, "segments": segments},
        "value_tier": {
            "column": "margin_91d",
            "cuts": [90.0, 40.0],
            "names": ["top", "mid", "low"],
        },
        "potential_tier": {"column": "potential", "cuts": [320.0], "names": ["high", "rest"]},
    }
    return part(spec, arrays__npz=stored)


def tracking_in(root: Path) -> Tracking:
    """A local store with its artifacts beside it."""
    return Tracking(
        uri=f"sqlite:///{root / 'mlruns' / 'mlflow.db'}",
        artifacts=str(root / "mlruns" / "artifacts"),
        registry_prefix="",
    )


def trained(
    tracking: Tracking, folder: Path, snapshot: pd.DataFrame, names: dict[str, list[str]] = NAMES
) -> dict[str, int]:
    """What a training job does at its end: a run, and new versions."""
    with tracked(tracking, experiment="shop", name="train", tags={"facette.verb": "train"}) as run:
        return register(run, folder, names, snapshot, dict.fromkeys(names, "# Card\n\nWords."))


def said_by(code: str, folder: Path) -> tuple[int, str, str]:
    """Exit code and what is printed by a fresh Python that runs some code in a folder."""
    places = [Path(__file__).parent, *(Path(p).parent for p in facette.__path__)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(p.resolve()) for p in places)}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    return said.returncode, said.stdout, said.stderr
