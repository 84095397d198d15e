"""What the numbers mean, how they are estimated, and how well that agrees with known truth."""

import pandas as pd
import streamlit as st

from pages.data import results
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


def main() -> None:
    """The page."""
    st.title("What the numbers mean", anchor=False)
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
    _validation()


def _information() -> None:
    st.header("Information of a word about a pixel", anchor=False)
    st.markdown(
        f"A diffusion model predicts the noise in a noisy image. If it predicts better once it reads a word, that word "
        f"holds information about the image; the gain, added up over all noise levels, is exactly the mutual "
        f"information ({ITD}). It splits into pixels, so it can be drawn as a map. Every value is in nats, summed "
        f"over the channels of a latent pixel; 1 bit is 0.693 nats."
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
        "The **orthogonal** estimator above is never negative and has little variance, so maps are drawn with it. The "
        "**standard** one compares the errors of both predictions. It may be negative, and equals the log density "
        "ratio of that very image, so it ranks images, which the orthogonal one must not be used for."
    )
    st.latex(
        r"i^s_j(y \mid c) = \tfrac12 \int \mathbb{E}_\epsilon\left["
        r"\left(\epsilon - \hat\epsilon(z_\alpha \mid c)\right)_j^2"
        r" - \left(\epsilon - \hat\epsilon(z_\alpha \mid c, y)\right)_j^2\right] d\alpha"
    )
    st.markdown(
        "Averaged over images of a prompt both agree; where they do not at some noise level, the network or its "
        "reading of the text is off there. The same noise is used for all texts, drawn in strata of log SNR and in "
        "antithetic pairs; standard errors come from a jackknife over independent replicates of that noise. They say "
        "how well a value is estimated for these images, not how much other images would differ."
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
        "Three of the parts follow once redundancy $R$ is chosen, and there is no agreement on the right choice. Files "
        "hold the information, so the measure in the sidebar acts at once. It is applied after the integral over noise "
        "levels."
    )
    st.markdown(
        "\n".join(f"- **{each.name}**, {each.title} ({each.source}): {each.definition}" for each in MEASURES.values())
    )
    st.markdown(
        r"The **alignment index** is the aligned redundancy without its amount. It is that of the whole image at every "
        r"level and under every measure, has no unit, and is 0 where a word brings nothing:"
    )
    st.latex(r"\rho = \frac{I_1 + I_2 - I_{1 \leftrightarrow 2}}{2 \sqrt{I_1 I_2}} \in [-1, 1]")


def _levels() -> None:
    st.header("Three levels", anchor=False)
    st.markdown(
        r"""
Parts that are no linear function of the maps depend on when pixels and images are added up:
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
        "Information is an integral over noise levels, so it can be told at which of them it appears: the curve in the "
        "Explorer shows how much, and its slider over bands of log SNR where. I1, I2 and I12 of the bands add up to "
        "those of all levels; parts formed within a band do so only under aligned. Maps of a band come without errors."
    )
    st.markdown(
        "**Warnings** stand above the totals where much of the information lies in the lowest or the highest of the "
        "levels measured. At the noisiest, the model's training ends before the information does, and totals are too "
        "low. At the cleanest, a word should hardly matter; what is measured there is how rough the network is, and "
        "totals are too high. Another warning names the levels at which both estimators disagree, and one tells of "
        "evaluations that had to be made again."
    )


def _attention() -> None:
    st.header("Attention", anchor=False)
    st.markdown(
        f"For comparison the Explorer shows the cross-attention to each word ({DAAM}): the probability with which a "
        "latent pixel looks at the word, averaged over heads, layers and noise levels, within the whole prompt. It is "
        "no information, has no unit and no error, and a word that is looked at need not change the prediction. Here "
        "it is recorded on the finished image, not on the steps of its generation."
    )


def _limits() -> None:
    st.header("What to be careful with", anchor=False)
    st.markdown(
        "- **Negative synergy** is real for single images: one word overrides the other, or misleads when it stands "
        "alone, so that both together bring less than the better one. It is shown, never set to zero.\n"
        "- **mmi compares amounts, not contents.** Two independent words that bring equal amounts to the same pixel "
        "look redundant. At the level of pixels words that act in different places are told apart; words that act in "
        "the same place are not.\n"
        "- **It is the model's view.** The numbers describe how a model's predictions depend on words. They say "
        "nothing about people, and another model may say otherwise.\n"
        "- **A probe asks about words that need not stand in the prompt**, so it has no context, and only PID is "
        "there.\n"
        "- **The range of noise levels is finite.** What lies outside the trained range is not counted, which makes "
        "totals low. A rough network makes them high: at low noise (high log SNR) its errors under different texts "
        "differ by more than the words say. The curve in the Explorer shows where the information lies.\n"
        "- **The formula of the DiffusionPID paper** for redundancy was not compared line by line; measures here are "
        "named by their own literature, and no table claims to reproduce the paper's."
    )


def _validation() -> None:
    """The checks, and what the experiments on the embedded model found, as `compute verify` wrote them."""
    table, checks = None, None
    try:
        table = results.validation()
        checks = pd.DataFrame(table["rows"])[list(CHECKS)] if table else None
    except (ValueError, KeyError) as error:
        st.warning(notices.plain(f"{settings.VALIDATION}: not a table of checks ({error}); make it again as below"))
    st.header("Agreement with known truth", anchor=False)
    st.markdown(
        "The estimators are run on mixtures of Gaussians, where every quantity has a closed form, and on logic gates, "
        "where the parts are known."
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
    st.header("Is a planted bias found again?", anchor=False)
    st.markdown(
        "The embedded model was taught by a table how often each role is shown as a woman or a man, and in which skin "
        "tone; that table is the truth here. **Rank** is the Spearman correlation of what was measured with what was "
        "planted, in an interval over roles: 1 finds the order, 0 is chance, below 0 the order is upside down. Roles "
        "planted evenly are the control: **even** is how large their differences come out, as a share of the others'; "
        "**found** is the share of the other roles with a significant difference of the right sign, **alarms** the "
        "share of even roles with any."
    )
    _table(found.sort_values("rank", ascending=False), RECOVERED, "Recovery of the planted bias")


def _separation(found: pd.DataFrame) -> None:
    st.header("Are synonyms told from unrelated words?", anchor=False)
    st.markdown(
        "Two names of one thing should share more than two unrelated words do, about the same images of the embedded "
        "model. **Area** is how often they do, of all comparisons of one such pair with one of the others (the area "
        "under the ROC curve), in an interval over pairs: 1 is always, 0.5 is chance."
    )
    _table(found.sort_values("area", ascending=False), SEPARATED, "Separation of synonyms from unrelated words")


def _table(frame: pd.DataFrame, columns: dict, alt: str) -> None:
    exports.frame(frame[list(columns)], height="content", alt=alt, column_config=columns)


main()
