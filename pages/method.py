"""What the numbers mean, how they are estimated, and how well that agrees with known truth."""

from itertools import cycle

import numpy as np
import pandas as pd
import streamlit as st

from pages import address
from pages.data import glossary, results
from pages.figures import thumbnail
from pages.figures.bias import SIZE
from pages.sections import example
from pages.widgets import exports, notices
from store import settings
from store.pid.measures import MEASURES

ITD = "[Kong et al. 2024](https://arxiv.org/abs/2310.07972)"
DAAM = "[Tang et al. 2023](https://arxiv.org/abs/2210.04885)"
PID = "[Dewan et al. 2024](https://arxiv.org/abs/2406.05191)"
NUMBER, TEXT = st.column_config.NumberColumn, st.column_config.TextColumn
CHECKS = {
    "check": TEXT("Check", width=280),
    "quantity": "Quantity",
    "estimate": NUMBER("Estimate", format="%.4g"),
    "truth": NUMBER("Truth", format="%.4g"),
    "error": NUMBER("Error", format="%.2g"),
    "tolerance": NUMBER("Tolerance", format="%.2g"),
    "unit": "Unit",
    "passed": "Result",
}
INTERVAL = {"low": NUMBER("from", format="%.2f"), "high": NUMBER("to", format="%.2f")}
RECOVERED = {
    "study": "Study",
    "quantity": TEXT("Quantity", width=420),
    "rank": NUMBER("Rank", format="%.2f"),
    **INTERVAL,
    "even": NUMBER("Even", format="%.2f"),
    "found": NUMBER("Found", format="percent"),
    "alarms": NUMBER("Alarms", format="percent"),
}
SEPARATED = {
    "quantity": TEXT("Quantity", width=280),
    "area": NUMBER("Area", format="%.3f"),
    **INTERVAL,
    "synonyms": "Synonyms",
    "unrelated": "Unrelated pairs",
}


USUAL = ", pixel level, pid, prompted images"  # how pages first show a bias study
PARTS = {  # anchor -> heading, of the parts of the page
    "example": "A worked example",
    "careful": "What to be careful with",
    "glossary": "Glossary",
    "known-truth": "Agreement with known truth",
    "planted-bias": "Is a planted bias found again?",
    "synonyms": "Are synonyms told from unrelated words?",
}


def main() -> None:
    """The page."""
    st.title("What the numbers mean", anchor=False)
    st.markdown(" \u00b7 ".join(f"[{title}](#{anchor})" for anchor, title in PARTS.items()))
    _heading("example")
    example.draw(address.current(address.View))
    left, right = st.columns(2, gap="large")
    with left:
        _information()
        _estimators()
        _noise_levels()
        _attention()
    with right:
        _decomposition()
        _measures()
        _levels()
    _limits()
    _glossary()
    _validation()


def _information() -> None:
    st.header("Information of a word about a pixel", anchor=False)
    st.markdown(
        f"A diffusion model predicts the noise in a noisy image. If it predicts better once it reads a word, that word "
        f"holds information about the image. The gain, added up over all noise levels, is exactly the mutual "
        f"information ({ITD}). It is a sum over pixels, so it can be drawn as a map. Maps are in nats per latent "
        f"pixel, totals in nats. 1 bit is 0.693 nats. The [glossary](#glossary) below explains every term and symbol."
    )
    st.latex(r"z_\alpha = \sqrt{\sigma(\alpha)}\,x + \sqrt{\sigma(-\alpha)}\,\epsilon")
    st.latex(
        r"i^o_j(y \mid c) = \tfrac12 \int \mathbb{E}_\epsilon"
        r"\left[\hat\epsilon(z_\alpha \mid c)_j - \hat\epsilon(z_\alpha \mid c, y)_j\right]^2 d\alpha"
    )
    st.markdown(
        r"Here $x$ is the latent image, $\alpha$ the log signal-to-noise ratio, $y$ the word, $c$ the text that is "
        r"known already (empty for isolated words) and $j$ a latent pixel. The conditional mutual information of one "
        r"word given the other (CMI) is the same formula with the other word within $c$."
    )


def _estimators() -> None:
    st.header("Two estimators", anchor=False)
    st.markdown(
        "The **orthogonal** estimator above is never negative and varies little, so maps are drawn with it. The "
        "**standard** estimator compares the errors of both predictions. It may be negative. Its total is the log "
        "density ratio of that very image. So rank images by the standard estimator, never by the orthogonal one."
    )
    st.latex(
        r"i^s_j(y \mid c) = \tfrac12 \int \mathbb{E}_\epsilon\left["
        r"\left(\epsilon - \hat\epsilon(z_\alpha \mid c)\right)_j^2"
        r" - \left(\epsilon - \hat\epsilon(z_\alpha \mid c, y)\right)_j^2\right] d\alpha"
    )
    st.markdown(
        "Averaged over images of a prompt both agree. Where they do not at some noise level, the network, or how it "
        "reads the text, is wrong there. All texts share the same noise, which is drawn in strata of log SNR and in "
        "antithetic pairs, more often where images of the model have their information. Standard errors come from a "
        "jackknife over balanced replicates of that noise. They say how well a value is estimated for these images, "
        "not how much other images would differ."
    )


def _decomposition() -> None:
    st.header("Partial information of two words", anchor=False)
    st.markdown(
        f"Two words may say the same thing, different things, or something only together ({PID}). Their information "
        f"splits into four parts that add up, at each pixel:"
    )
    st.latex(r"I_1 = R + U_1 \qquad I_2 = R + U_2 \qquad I_{12} = R + U_1 + U_2 + S")
    st.markdown(
        "**PID, isolated** compares four texts: nothing, the first word, the second word, both. **CPID, in context** "
        "compares the prompt without both words, with the first, with the second, and whole. For prompts that describe "
        "a scene, CPID is the safer reading: a lone word can misdescribe it."
    )


def _measures() -> None:
    st.header("Redundancy measures", anchor=False)
    st.markdown(
        "Once redundancy $R$ is chosen, the other three parts follow. The literature does not agree on one choice. "
        "Files hold the information itself, so another measure in the sidebar acts at once, without new computation. "
        "It is applied after the integral over noise levels."
    )
    st.markdown(
        "\n".join(f"- **{each.name}**, {each.title} ({each.source}): {each.definition}" for each in MEASURES.values())
    )
    st.markdown(
        r"The **alignment index** is the aligned redundancy without its amount. It is always that of the whole image, "
        r"does not depend on level or measure, has no unit, and is 0 where a word brings nothing:"
    )
    st.latex(r"\rho = \frac{I_1 + I_2 - I_{1 \leftrightarrow 2}}{2 \sqrt{I_1 I_2}} \in [-1, 1]")


def _levels() -> None:
    st.header("Three levels", anchor=False)
    st.markdown(
        r"""
Except under aligned, parts depend on whether pixels and images are added up before or after the parts are formed:
- **pixel**: parts are formed at each pixel and added up, $\sum_j R_j$. Maps and the Overview are of this level.
- **image**: the information of all pixels is added up first, then parts are formed, as in
  $\min(\sum_j I_1, \sum_j I_2)$.
- **prompt**: maps are averaged over images first, then parts are formed at each pixel: one value for all seeds.

Under mmi the pixel level is never above the other two. Under aligned, which is linear, all three agree in their mean
over seeds. Values of different levels must not be compared.
"""
    )


def _noise_levels() -> None:
    st.header("Noise levels", anchor=False)
    st.markdown(
        "Information is an integral over noise levels, so one can see at which levels it appears. In the Explorer, the "
        "curve shows how much, and the slider over bands of log SNR shows where in the image. I1, I2 and I12 of the "
        "bands add up to those of all levels. Parts of the bands add up only under aligned. Maps of a band have no "
        "errors."
    )
    st.markdown(
        "**Warnings** stand above the totals if much of the information lies at the noisiest or the cleanest levels. "
        "At the noisiest, the range of the model's training ends before the information does: totals are too low. At "
        "the cleanest, a word should hardly matter: errors of the network are measured there, and totals are too high. "
        "Other warnings name levels at which the two estimators disagree, and evaluations that had to be made again."
    )


def _attention() -> None:
    st.header("Attention", anchor=False)
    st.markdown(
        f"For comparison the Explorer shows the cross-attention to each word ({DAAM}): the probability with which a "
        "latent pixel looks at the word, averaged over heads, layers and noise levels, within the whole prompt. It is "
        "no information, and has no unit and no error. A word that the model looks at need not change the prediction. "
        "It is recorded on the finished image, not while the image is generated.\n\n"
        "Where a network attends to pixels and text together (Stable Diffusion 3, FLUX, Qwen-Image and others), its "
        "outputs are compared too, as ConceptAttention does (Helbling et al. 2025): the softmax, over the words of the "
        "prompt, of the inner product of what attention returns for a pixel and for a word. The words are those of the "
        "prompt; ConceptAttention sets concepts beside it."
    )


def _limits() -> None:
    _heading("careful")
    st.markdown(
        "- **Negative synergy** is real for single images: one word overrides the other, or misleads when it stands "
        "alone. Both together then bring less than R + U1 + U2. Pages show it and never set it to zero.\n"
        "- **mmi compares amounts, not contents.** Two independent words that bring equal amounts to the same pixel "
        "look redundant. The pixel level separates words that act in different places, but not words that act in the "
        "same place.\n"
        "- **It is the model's view.** The numbers describe how a model's predictions depend on words. They say "
        "nothing about people, and another model may say otherwise.\n"
        "- **A probe asks about words that need not stand in the prompt**, so it has no context: there is PID only.\n"
        "- **The range of noise levels is finite.** Information outside the trained range is not counted: totals are "
        "too low. Errors of the network make totals too high: at low noise (high log SNR) they differ between texts by "
        "more than the words say. The curve in the Explorer shows where the information lies.\n"
        "- **The paper's formula for redundancy** (DiffusionPID) was not compared line by line with the measures here. "
        "Measures are named after their own literature, and no table claims to reproduce the paper's."
    )


def _validation() -> None:
    """The checks, and what the experiments on the embedded model found, as `compute verify` wrote them."""
    table, checks = None, None
    try:
        table = results.validation()
        checks = pd.DataFrame(table["rows"])[list(CHECKS)] if table else None
    except (ValueError, KeyError) as error:
        st.warning(notices.plain(f"{settings.VALIDATION}: not a table of checks ({error}); make it again as below"))
    _heading("known-truth")
    st.markdown(
        "The estimators are run on mixtures of Gaussians, where every quantity has a closed form, and on logic gates, "
        "whose parts are known. The glossary explains the names of the [gates](#gate)."
    )
    if table is None or checks is None:
        st.text("No table of checks is here yet. This command makes it:")
        st.code("python -m compute verify --full --json > store/validation.json", language="bash", wrap_lines=True)
        return
    passed = int(checks["passed"].sum())
    st.text(f"{passed} of {len(checks)} checks passed, {str(table.get('created', 'at an unknown time'))[:10]}.")
    shown = checks.assign(passed=checks["passed"].map({True: "passed", False: "FAILED"}))
    _table(shown, CHECKS, "Checks against known truth")
    if table.get("recovered"):
        _recovery(pd.DataFrame(table["recovered"]))
    if table.get("separated"):
        _separation(pd.DataFrame(table["separated"]))


def _recovery(found: pd.DataFrame) -> None:
    _heading("planted-bias")
    st.markdown(
        "The embedded model was taught with a table: how often each role is shown as a woman or a man, and in which "
        "skin tone. That table is the truth here.\n"
        "- **Rank**: the Spearman correlation of measured with planted values, with its interval over roles. 1 finds "
        "the order, 0 is chance, and below 0 the order is upside down.\n"
        "- **Even**: roles without a planted bias are the control. How large are their differences, as a share of the "
        "others'?\n"
        "- **Found**: the share of the other roles with a significant difference of the right sign.\n"
        "- **Alarms**: the share of even roles with any significant difference."
    )
    usual = found["quantity"].str.startswith("redundancy, ") & found["quantity"].str.endswith(USUAL)
    for study, rows in found[usual].groupby("study", sort=False):
        names = [f"{study}: {each.removeprefix('redundancy, ').removesuffix(USUAL)}" for each in rows["quantity"]]
        value, low, high = (rows[name].to_numpy(float) for name in ("rank", "low", "high"))
        figure = thumbnail.bars(names, value, low, high, [SIZE] * len(rows), f"rank, {study}")
        order = np.argsort(-value, kind="stable")
        figure.update_xaxes(visible=True, tickvals=list(range(len(names))), ticktext=[names[place] for place in order])
        alt = f"Rank correlation of measured with planted values, {study}, by measure of redundancy"
        st.plotly_chart(figure, config={"displayModeBar": False}, key=f"recovered {study}", alt=alt)
    _table(found.sort_values("rank", ascending=False), RECOVERED, "Recovery of the planted bias")


def _separation(found: pd.DataFrame) -> None:
    _heading("synonyms")
    st.markdown(
        "In the same images of the embedded model, two names of one thing should share more than two unrelated words "
        "do. **Area** says how often they do, over all comparisons of a pair of names with a pair of unrelated words "
        "(the area under the ROC curve), with its interval over pairs. 1 is always, 0.5 is chance."
    )
    _table(found.sort_values("area", ascending=False), SEPARATED, "Separation of synonyms from unrelated words")


def _glossary() -> None:
    """Every term under its own address, where help texts lead to."""
    if not (topics := glossary.topics()):
        return
    _heading("glossary")
    for place, (topic, terms) in zip(cycle(st.columns(2, gap="large")), topics.items(), strict=False):
        with place:
            st.subheader(topic, anchor=False)
            lines = (f"##### {each.name}\n" + f"({each.symbols}) " * bool(each.symbols) + each.text for each in terms)
            st.markdown("\n\n".join(lines))


def _heading(anchor: str) -> None:
    st.header(PARTS[anchor], anchor=anchor)


def _table(frame: pd.DataFrame, columns: dict, alt: str) -> None:
    exports.frame(frame[list(columns)], height="content", alt=alt, column_config=columns)


main()
