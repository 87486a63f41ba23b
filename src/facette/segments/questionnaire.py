"""The shortest questionnaire that tells families apart, and the tool that types who answers it.

    tool = shortest_questionnaire(answers, families, most=6, loss_allowed=0.02, folds=5, seed=0)
    tool.questions_, tool.errors_, tool.predict(answers_of_others)

Families are known of a few, from a long survey or from behaviour; a handful of questions types all.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.stats import binomtest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from facette.errors import BadInput
from facette.segments.columns import as_segments, seen_at_fit, seen_later
from facette.segments.target import given_groups
from facette.wording import listed

Question = dict[str, Any]


def shortest_questionnaire(
    answers: pd.DataFrame, families: pd.Series, most: int | None, loss_allowed: float | None,
    folds: int, seed: int,
) -> TypingTool:  # fmt: skip
    """The fitted typing tool for the families (by customer_id) of those whose answers are known.

    Raises:
        BadInput: no customer has both; see `TypingTool.fit`.
    """
    ours, theirs = answers.align(families.dropna(), join="inner", axis=0)
    if not len(ours):
        raise BadInput(
            f"families: none of {len(families):,} customers is among the {len(answers):,} whose "
            "answers are known; check that both are indexed by customer_id"
        )
    return TypingTool(most, loss_allowed, folds, seed).fit(ours, theirs)


class TypingTool(ClassifierMixin, BaseEstimator):
    """Families from as few answers as tell them: a multinomial logistic regression.

    Questions are asked in the order of forward selection by Akaike's criterion (1974), `most` of
    them at most (None: all). The shortest set is kept whose error is within `loss_allowed` of that
    of all questions (None: within one standard error: Breiman et al. 1984). The order is found anew
    within each of the `folds`, so that errors are those of customers who had no say in it. A gap is
    an answer of its own.

    Fitted: `questions_`, in order; `errors_`, a row for each number of questions, `question` the
    one that is added (the last row: all of them), `error` the share of customers put in a wrong
    family, `standard_error`; `recall_`, of each family the share found, with its 95 % interval
    (Wilson 1927); `confusion_`, customers by family and by what they are told to be; `segments_`,
    `notes_`, `features_`.
    """

    kind: ClassVar[str] = "supervised"

    def __init__(self, most: int | None, loss_allowed: float | None, folds: int, seed: int) -> None:
        self.most = most
        self.loss_allowed = loss_allowed
        self.folds = folds
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: Any) -> TypingTool:
        """Choose questions from (n, d) answers and learn (n,) families from them.

        Raises:
            BadInput: fewer than two families, one with fewer customers than folds, no answers.
        """
        frame = seen_at_fit(self, X)
        families = given_groups(y, len(frame))
        self.classes_, codes = np.unique(families, return_inverse=True)
        self._check(codes)
        asked = [c for c in frame if frame[c].nunique(dropna=False) > 1]
        self._check_asked(asked, frame)
        length = min(self.most or len(asked), len(asked))
        told = self._out_of_sample(frame[asked], codes, length)
        order = _ordered(_blocks(frame[asked], _encoded(frame[asked])), codes, length)
        self.errors_ = _curve(told != codes, [asked[i] for i in order])
        kept = self._kept()
        self.questions_ = self.features_ = [asked[i] for i in order[:kept]]
        self.encoded_ = _encoded(frame[self.questions_])
        self.model_ = _logistic(_joined(_blocks(frame, self.encoded_)), codes)
        self._judge(codes, told[kept - 1])
        self.segments_ = as_segments(str(family) for family in self.classes_)
        self.notes_ = self._notes(len(asked), [c for c in frame if c not in asked])
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) the likeliest family of each customer.

        Raises:
            BadInput: a question of the tool is no column.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """(n, families) probabilities."""
        check_is_fitted(self)
        frame = seen_later(self, X, self.questions_)
        return self.model_.predict_proba(_joined(_blocks(frame, self.encoded_)))

    def plain(self) -> dict[str, Any]:
        """The questions with their coding, the regression's numbers, and the errors."""
        check_is_fitted(self)
        return {
            "kind": "typing", "families": [str(c) for c in self.classes_],
            "questions": self.encoded_, "weights": self.model_.coef_.tolist(),
            "base": self.model_.intercept_.tolist(), "errors": self.errors_.to_dict("records"),
            "recall": self.recall_.reset_index().to_dict("records"),
        }  # fmt: skip

    def _check(self, codes: np.ndarray) -> None:
        sizes = np.bincount(codes)
        if len(sizes) < 2:
            raise BadInput("families: one class only; there is nothing to tell apart")
        if sizes.min() < self.folds:
            raise BadInput(
                f"families: '{self.classes_[sizes.argmin()]}' has {sizes.min()} customers for "
                f"{self.folds} folds; choose fewer folds, or merge it with another family"
            )

    def _check_asked(self, asked: list[str], frame: pd.DataFrame) -> None:
        if not asked:
            raise BadInput(f"answers: all give the same ones to {listed(frame.columns)}")
        if self.most is not None and self.most < 1:
            raise BadInput(f"most: {self.most} questions; choose 1 or more, or null for all")

    def _out_of_sample(self, frame: pd.DataFrame, codes: np.ndarray, length: int) -> np.ndarray:
        """(length + 1, n): what each customer is told to be after 1, 2, … and after all questions,
        by a questionnaire made without the customer's fold."""
        told = np.empty((length + 1, len(codes)), dtype=int)
        splitter = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        for fitted, held in splitter.split(frame, codes):
            encoded = _encoded(frame.iloc[fitted])
            known, new = _blocks(frame.iloc[fitted], encoded), _blocks(frame.iloc[held], encoded)
            order = _ordered(known, codes[fitted], length)
            sets = [*(order[:k] for k in range(1, length + 1)), list(range(len(known)))]
            for k, chosen in enumerate(sets):
                model = _logistic(_joined([known[i] for i in chosen]), codes[fitted])
                told[k, held] = model.predict(_joined([new[i] for i in chosen]))
        return told

    def _kept(self) -> int:
        """How many questions do, by the errors of one, two, … and of all."""
        errors = self.errors_["error"].iloc[:-1]
        enough = np.flatnonzero(errors <= self._allowed())
        return int(enough[0] if len(enough) else errors.argmin()) + 1

    def _allowed(self) -> float:
        """The largest error that a shorter questionnaire may have."""
        whole = self.errors_.iloc[-1]
        more = whole["standard_error"] if self.loss_allowed is None else self.loss_allowed
        return float(whole["error"] + more)

    def _judge(self, codes: np.ndarray, told: np.ndarray) -> None:
        names = pd.Index(self.classes_, name="family")
        counts = confusion_matrix(codes, told, labels=np.arange(len(names)))
        self.confusion_ = pd.DataFrame(counts, index=names, columns=names.rename("told"))
        rows = []
        for i, row in enumerate(counts):
            low, high = binomtest(int(row[i]), int(row.sum())).proportion_ci(method="wilson")
            rows.append((int(row.sum()), row[i] / row.sum(), float(low), float(high)))
        columns = ["customers", "recall", "low", "high"]
        self.recall_ = pd.DataFrame(rows, index=names, columns=columns)

    def _notes(self, offered: int, left: list[str]) -> list[str]:
        error, whole = self.errors_["error"].iloc[len(self.questions_) - 1], self.errors_.iloc[-1]
        notes = [
            f"{len(self.questions_)} of {offered} questions put {error:.1%} of customers in a "
            f"wrong family, all questions {whole['error']:.1%}, out of sample"
        ]
        if error > self._allowed():
            notes.append("that is more than is allowed: no set of so few questions does better")
        return notes + [f"all give the same answer to {listed(left)}: not asked"] * bool(left)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _encoded(answers: pd.DataFrame) -> list[Question]:
    """How each answer becomes numbers: standardised, or one column a choice; a gap is told."""
    return [_question(answers[name]) for name in answers]


def _question(answer: pd.Series) -> Question:
    told: Question = {"name": answer.name, "gaps": bool(answer.isna().any())}
    if not is_numeric_dtype(answer):
        return told | {"choices": sorted(answer.dropna().astype(str).unique())}
    number = answer.astype(float)
    center, scale = number.mean(), number.std(ddof=0)
    return told | {
        "center": float(center) if number.notna().any() else 0.0,
        "scale": float(scale) if scale > 0 else 1.0,
    }


def _blocks(answers: pd.DataFrame, encoded: list[Question]) -> list[np.ndarray]:
    """For each question, (n, columns) numbers."""
    return [_block(answers[question["name"]], question) for question in encoded]


def _block(answer: pd.Series, question: Question) -> np.ndarray:
    gap = answer.isna().to_numpy()
    if "choices" in question:
        text = answer.astype(str).to_numpy()
        made = [(text == choice) & ~gap for choice in question["choices"]]
    else:
        number = answer.astype(float).to_numpy()
        made = [np.where(gap, 0, (number - question["center"]) / question["scale"])]
    made += [gap] * question["gaps"]
    return np.column_stack(made).astype(float) if made else np.zeros((len(answer), 0))


def _joined(blocks: list[np.ndarray]) -> np.ndarray:
    return np.hstack(blocks)


def _logistic(rows: np.ndarray, codes: np.ndarray) -> LogisticRegression:
    return LogisticRegression(solver="newton-cholesky").fit(rows, codes)


def _ordered(blocks: list[np.ndarray], codes: np.ndarray, length: int) -> list[int]:
    """The questions that forward selection asks first."""
    order = list[int]()
    while len(order) < length:
        left = [i for i in range(len(blocks)) if i not in order]
        order.append(
            min(left, key=lambda i: _akaike([blocks[j] for j in [*order, i]], codes))  # noqa: B023
        )
    return order


def _akaike(blocks: list[np.ndarray], codes: np.ndarray) -> float:
    """Half of Akaike's criterion a customer: log loss, and the number of weights over n."""
    rows = _joined(blocks)
    if not rows.shape[1]:
        return np.inf
    model = _logistic(rows, codes)
    told = model.predict_proba(rows)[np.arange(len(codes)), codes]
    return float(model.coef_.size / len(codes) - np.log(told).mean())


def _curve(wrong: np.ndarray, questions: list[str]) -> pd.DataFrame:
    """The error after each question, and after all, of (lengths + 1, n) mistakes."""
    errors = wrong.mean(axis=1)
    return pd.DataFrame(
        {
            "questions": [*map(str, range(1, len(questions) + 1)), "all"],
            "question": [*questions, ""], "error": errors,
            "standard_error": np.sqrt(errors * (1 - errors) / wrong.shape[1]),
        }
    )  # fmt: skip
