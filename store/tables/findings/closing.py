"""Whether the information of a study closes, in the mean over images: chain rule, standard against orthogonal."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from store.catalogue import Entry
from store.errors import InputError
from store.prompts.wording import count
from store.warnings import CLOSURE, ERRORS

CHAIN = {  # what both words bring, one after the other: the first, what the second adds; and the other way round
    "first_then_second": ("information_first", "conditional_second"),
    "second_then_first": ("information_second", "conditional_first"),
}
BOTH = "information_both"

IMAGE = ["prompt", "first", "second", "mode", "seed"]


def closing(samples: pd.DataFrame) -> str:
    """Return a sentence if standard and orthogonal information of both words disagree; empty if they do not.

    They agree on average over images that the model draws itself at guidance 1, given both words in their prompt (Kong
    et al. 2024, section 2): samples of other images are left out. They disagree if the mean difference is beyond three
    standard errors and a fifth of the information.
    """
    known = samples[(samples["mode"] == "cpid") & (samples["guidance"] == 1.0) & samples["seed"].notna()]
    each = known.drop_duplicates(IMAGE)
    standard, orthogonal = (each[name].to_numpy(float) for name in ("standard_both", "information_both"))
    finite = np.isfinite(standard) & np.isfinite(orthogonal)
    standard, orthogonal = standard[finite], orthogonal[finite]
    if len(standard) < 2:
        return ""
    apart = standard - orthogonal
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    if abs(apart.mean()) <= max(ERRORS * error, CLOSURE * abs(orthogonal.mean())):
        return ""
    return (
        f"The information does not close: in the mean over {len(apart)} images both words bring {standard.mean():.2f} "
        f"nats by the standard and {orthogonal.mean():.2f} by the orthogonal estimate. Usually a text is foreign to "
        "the model, or its predictions are not exact: trust differences between words more than amounts."
    )


def chain(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return whether I1 + I(2|1) = I12 = I2 + I(1|2) in the mean over images: a row for each mode and guidance.

    It holds in expectation over images that an exact model draws itself given both words (Cover and Thomas 2006,
    section 2.5), so only prompts with both words count. Columns, in nats, means over prompts: `both` is I12,
    `first_then_second`, `second_then_first` what the words bring one after the other, `NAME_apart` that less I12, with
    its `NAME_error` over prompts; `prompts`, `images`. `closes`: neither is apart by more than three errors and a
    fifth of I12.

    Raises
    ------
    InputError: there is no such prompt.
    """
    there = [each for each in entries if not each.key.image and _stand_in_prompt(each)]
    rows = [
        {
            "mode": each.mode,
            "guidance": each.key.guidance,
            "images": each.seeds,
            "both": each.totals[BOTH][0],
            **{name: sum(each.totals[part][0] for part in parts) for name, parts in CHAIN.items()},
        }
        for each in there
    ]
    if not rows:
        raise InputError("chain rule", "no prompt with both words is there", "compute the study first")
    frame, found = pd.DataFrame(rows), {}
    for key, each in frame.groupby(["mode", "guidance"]):
        known = each[np.isfinite(each[["both", *CHAIN]]).all(axis=1)]
        row: dict[str, object] = {"prompts": len(known), "images": int(known["images"].sum())}
        row["both"] = known["both"].mean()
        closes = len(known) > 0
        for name in CHAIN:
            apart = known[name] - known["both"]
            error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else np.nan
            row |= {name: known[name].mean(), f"{name}_apart": apart.mean(), f"{name}_error": error}
            closes &= not abs(apart.mean()) > max(ERRORS * error, CLOSURE * abs(known["both"].mean()))
        found[key] = {**row, "closes": closes}
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis(["mode", "guidance"])
    measured = ["both", *CHAIN, *(f"{name}_{part}" for name in CHAIN for part in ("apart", "error"))]
    models = {(each.key.model, each.key.revision) for each in there}
    about = dict(zip(("model", "revision"), next(iter(models)), strict=True)) if len(models) == 1 else {}
    table.attrs = {**about, "units": dict.fromkeys(measured, "nats")}
    return table


def broken_chain(table: pd.DataFrame) -> str:
    """Return a sentence for each mode of `chain` in which images at guidance 1 do not close; empty if all do."""
    said = []
    for (mode, guidance), row in table.iterrows():  # type: ignore[misc]
        if guidance != 1.0 or row["closes"]:
            continue
        worst = max(CHAIN, key=lambda name: abs(row[f"{name}_apart"]))
        first, _, second = worst.split("_")
        said.append(
            f"The chain rule does not close in {mode.upper()}: over {int(row['prompts'])} prompts the {first} word and "
            f"then the {second} bring {row[worst]:.2f} nats, both together {row['both']:.2f}."
        )
    if said:
        said.append("Usually a text without one of the words is foreign to the model: compare the other mode.")
    return " ".join(said)


def _stand_in_prompt(entry: Entry) -> bool:
    return bool(count(entry.key.prompt, entry.first) and count(entry.key.prompt, entry.second))
