"""The words for the numbers of a bias table: one place for pages, reports and notebooks.

Every function returns plain text without markup, in the unit named; `factor` leads from nats to it. Tables are those of
`bias`; what `with_directions` and `with_planted` add is said where it is there.
"""

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from store.tables.findings.direction import CLEAR, LEADS
from store.tables.findings.drawn import COUNTED, disagreements, share_text
from store.tables.findings.truth import DRAWN, PLANTED
from store.tables.samples import AVERAGE

MOST_TIMES = 20  # beyond which a ratio says no more than that one side is near zero


def answer(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0) -> str:
    """Return what a bias table finds: how many rows go with which attribute, and the strongest of each."""
    rows = table.drop(AVERAGE)
    tested, significant = rows["q", ""].notna(), rows["significant", ""].astype(bool)
    if not tested.any():
        return f"{_rows(len(rows))}: too few images to say which differences are more than chance."
    named = [each for each in table["mean"] if (rows.loc[significant, ("largest", "")] == each).any()]
    if not named:
        if len(rows) == 1:
            return f"The attributes do not differ significantly in the only row, {rows.index[0]}."
        return f"In none of {_rows(len(rows))} do the attributes differ significantly."
    counts: list[str] = []
    strongest: list[str] = []
    for attribute in named:
        of = rows[significant & (rows["largest", ""] == attribute)]
        go = "" if counts else "goes " if len(of) == 1 else "go "
        counts.append(f"{len(of)} {go}with {attribute}")
        top = of["gap", ""].idxmax()
        strongest.append(f"{top} with {attribute} ({_interval(of.loc[top], unit, factor)})")
    rest = len(rows) - int(significant.sum())
    left = f"; {rest} show no significant difference" if rest else ""
    return f"Of {_rows(len(rows))}, {_listed(counts)} significantly{left}. Strongest: {_listed(strongest)}."


def doubt(table: pd.DataFrame) -> str:
    """Return how many of the significant rows keep their direction under other measures and in both modes."""
    rows = table.drop(AVERAGE)
    found = rows[rows["significant", ""].astype(bool)]
    if LEADS not in table or found.empty:
        return ""
    settings, own = list(found[LEADS]), table.attrs["setting"]
    if len(settings) < 2:
        return ""
    firm = int((found["agree", ""] == found["settings", ""]).sum())
    said = [
        f"{firm} of these {len(found)} keep their direction in all {len(settings)} combinations of measure and mode."
    ]
    mode = own.partition(", ")[2]
    turned = []
    for setting in settings:
        measure, _, other = setting.partition(", ")
        if other == mode and setting != own:
            apart = found[LEADS][setting].notna() & (found[LEADS][setting] != found["largest", ""])
            turned.append(f"under {measure} {int(apart.sum())}")
    if turned:
        said.append(f"Another attribute leads {_listed(turned)} of them.")
    return " ".join(said)


def size(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0) -> str:
    """Return how many significant gaps are larger than those of rows that were taught alike."""
    if PLANTED not in table or not table.attrs["controls"]:
        return ""
    found = table[table["significant", ""].astype(bool) & (table.index != AVERAGE)]
    if found.empty:
        return ""
    return (
        f"Gaps up to {_number(table.attrs['control_gap'] * factor)} {unit} also occur among the "
        f"{table.attrs['controls']} that were taught evenly. {int(found['beyond_control', ''].sum())} of the "
        f"{len(found)} significant ones are larger."
    )


def truth(found: pd.DataFrame) -> str:
    """Return how well what was measured agrees with what was planted, from the frame of `recovery`."""
    if math.isnan(found.attrs["rank"]):
        return ""
    ends = ("rank", "rank_low", "rank_high")
    value, low, high = (_signed(found.attrs[name]) for name in ends)
    if found.attrs["rank"] < 0:
        said = f"Upside down: where more was planted, less is measured. Rank correlation {value} ({low} to {high})."
    else:
        said = f"Measured against planted: rank correlation {value} ({low} to {high})."
    uneven = found[~found["control"].astype(bool)].dropna(subset=[PLANTED, "measured"])
    right = 0
    for _, of in uneven.groupby("subject"):
        top = of.loc[of[PLANTED].abs().idxmax()]
        same = top["planted"] * top["measured"] > 0
        right += bool(same and top["significant"] and top["measured"] in (of["measured"].max(), of["measured"].min()))
    count = uneven["subject"].nunique()
    return f"{said} {right} of the {count} that were taught unevenly are found significantly in the right direction."


def row(table: pd.DataFrame, subject: str, unit: str = "nats", factor: float = 1.0) -> str:
    """Return the numbers of one row aloud: direction, size, interval, other measures, and what was planted."""
    one = table.loc[subject]
    means = one["mean"].dropna()
    if len(means) < 2:
        return ""
    most, least = str(means.idxmax()), str(means.idxmin())
    images = int(one["seeds"].min())
    more, counted = _interval(one, unit, factor, " more"), f"{images} {'image' if images == 1 else 'images'}"
    said = [
        f"Across {counted} of each prompt the model uses '{most}' and '{subject}' for the same pixels "
        f"{_times(one, most, least)} '{least}' and '{subject}': {more}."
    ]
    if not math.isnan(one["q", ""]) and not one["significant", ""]:
        said.append("With other seeds that could turn: it is not significant.")
    elif PLANTED in table and table.attrs["controls"] and not one["beyond_control", ""]:
        said.append("Occupations that were taught evenly show as much.")
    said += _elsewhere(table, one, most)
    if PLANTED in table and math.isfinite(one[PLANTED, most]):
        drawn = one[DRAWN, most]
        beside = f" and {drawn:.0%} of {table.attrs[PLANTED]['images']} drawn ones" if math.isfinite(drawn) else ""
        said.append(f"Planted: '{most}' in {one[PLANTED, most]:.0%} of its training pictures{beside}.")
    if counted := share_text(table, subject, most):
        said.append(f"Here '{most}' was drawn without being named in {counted}.")
    if COUNTED in table and one["failed", ""]:
        said.append(
            f"{int(one['failed', ''])} of {int(one['checked', ''])} images do not show what their prompt asks for."
        )
    return " ".join(said)


def counted(table: pd.DataFrame) -> str:
    """Return how many images fail, and where what is drawn disagrees with information; of a table of `with_counts`."""
    if COUNTED not in table or not table.loc[AVERAGE, ("checked", "")]:
        return ""
    failed, checked = (int(table.loc[AVERAGE, (name, "")]) for name in ("failed", "checked"))
    said = [f"{failed} of {checked} images do not show what their prompt asks for."]
    apart = disagreements(table)
    if apart:
        said.append(f"Information and what is drawn disagree on {_listed(apart)}.")
    elif not math.isnan(table[COUNTED].to_numpy(float).max(initial=-1)):
        said.append("No significant row is drawn clearly as another attribute.")
    return " ".join(said)


def of_measure(measure: str, recovered: Iterable[Mapping]) -> str:
    """Return what speaks for or against a measure, from the checks that `verify --full` writes; empty without any."""
    ranks: dict[str, float] = {}
    for each in recovered:
        name, _, about = str(each.get("quantity", "")).removeprefix("redundancy, ").partition(", ")
        if about == "pixel level, pid, prompted images" and each.get("study") == "embedded-gender":
            ranks[name] = float(each["rank"])
    if measure not in ranks:
        return ""
    others = [f"{name} {_signed(rank)}" for name, rank in ranks.items() if name != measure]
    return (
        f"Where the truth is known, in the embedded model, {measure} finds planted genders again with rank correlation "
        f"{_signed(ranks[measure])} ({', '.join(others)})."
    )


def probe(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0) -> str:
    """Return for which attribute images that name none speak, from a table of `neutral_probe`."""
    rows = table.drop(AVERAGE)
    if not rows["contrast_q", ""].notna().any():
        return f"{_rows(len(rows))}: too few images to say which contrasts are more than chance."
    contrast = rows["contrast"]
    if contrast.shape[1] == 1:  # of two attributes the first has the negative
        attributes = list(table["information"])
        contrast = contrast.assign(**{attributes[0]: -contrast.iloc[:, 0]})[attributes]
    leads = contrast.idxmax(axis=1)
    clear = rows["contrast_significant", ""].astype(bool)
    if not clear.any() and len(rows) == 1:
        return f"Images of the only row, {rows.index[0]}, do not speak significantly for an attribute."
    if not clear.any():
        return f"In none of {_rows(len(rows))} do images that name no attribute speak significantly for one."
    counts, strongest = [], []
    for attribute in [each for each in contrast if (leads[clear] == each).any()]:
        of = contrast.loc[clear & (leads == attribute), attribute]
        counts.append(f"{len(of)} for {attribute}")
        strongest.append(f"{of.idxmax()} for {attribute} ({_number(of.max() * factor)} {unit})")
    rest = len(rows) - int(clear.sum())
    left = f"; {rest} for none" if rest else ""
    said = f"Images of {_rows(len(rows))} alone speak significantly: {_listed(counts)}{left}."
    return f"{said} Strongest: {_listed(strongest)}."


def guidances(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0) -> str:
    """Return whether gaps change with guidance, from a table of `by_guidance`: from the lowest to the highest."""
    levels = list(table["gap"])
    first, last = levels[0], levels[-1]
    rows = table.drop(AVERAGE)
    wider, narrower = (rows["low", last] > 0), (rows["high", last] < 0)
    names = [f"{len(of)} widen{'s' * (len(of) == 1)}" for of in [rows[wider]] if len(of)]
    names += [f"{len(of)} narrow{'s' * (len(of) == 1)}" for of in [rows[narrower]] if len(of)]
    said = f"{_listed(names)} clearly" if names else "none changes clearly"
    mean, low, high = (_number(table.loc[AVERAGE, (name, last)] * factor) for name in ("change", "low", "high"))
    reach = "" if "nan" in (low, high) else f" ({low} to {high})"
    turned = rows["largest", first].notna() & (rows["largest", first] != rows["largest", last])
    flips = f" Another attribute leads in {int(turned.sum())}." if turned.any() else ""
    return (
        f"From guidance {first} to {last}, of the gaps of {_rows(len(rows))} {said}; on average they change by {mean} "
        f"{unit}{reach}.{flips}"
    )


def _elsewhere(table: pd.DataFrame, one: pd.Series, most: str) -> list[str]:
    """Who leads under the other measures in the same mode."""
    if LEADS not in table:
        return []
    own = table.attrs["setting"]
    by_leader: dict[str, list[str]] = {}
    for setting, leader in one[LEADS].items():
        measure, _, mode = str(setting).partition(", ")
        if setting != own and mode == own.partition(", ")[2] and isinstance(leader, str):
            weak = "" if one[CLEAR, setting] else " (not significantly)"
            by_leader.setdefault(leader, []).append(measure + weak)
    said = [
        f"Under {_listed(measures)} '{leader}' leads{' too' if leader == most else ' instead'}."
        for leader, measures in by_leader.items()
    ]
    return said


def _times(one: pd.Series, most: str, least: str) -> str:
    larger, smaller = one["mean", most], one["mean", least]
    if smaller <= 0 or one["low", least] <= 0 or larger / smaller > MOST_TIMES:
        return "more than"
    ratio = larger / smaller
    return f"{ratio:.0f} times as much as" if ratio >= 3 else f"{ratio:.1f} times as much as"


def _interval(one: pd.Series, unit: str, factor: float, more: str = "") -> str:
    value, low, high = (one[name, ""] * factor for name in ("gap", "gap_low", "gap_high"))
    reach = f", {_number(low)} to {_number(high)}" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{_number(value)} {unit}{more}{reach}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212") if abs(value) < 10 else f"{value:.1f}".replace("-", "\u2212")


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")


def _rows(count: int) -> str:
    return "1 occupation" if count == 1 else f"{count} occupations"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
