"""What the numbers mean, how they are estimated, and how well that agrees with known truth."""

import pandas as pd
import streamlit as st

from pages.common import notices, reading
from store import settings

ITD = "[Kong et al. 2024](https://arxiv.org/abs/2310.07972)"
PID = "[Dewan et al. 2024](https://arxiv.org/abs/2406.05191)"


def main() -> None:
    """The page."""
    st.title("What the numbers mean", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        _information()
        _estimators()
    with right:
        _decomposition()
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
        "Three of them follow once redundancy $R$ is chosen. With the measure **mmi** (minimum mutual information) it "
        "is the smaller of both, taken after the integral over noise levels:"
    )
    st.latex(r"R = \min(I_1, I_2) \qquad S = I_{12} - \max(I_1, I_2)")
    st.markdown(
        "**PID, isolated** compares four texts: nothing, the first word, the second word, both. **CPID, in context** "
        "compares the prompt without both words, with the first, with the second, and whole. For prompts that describe "
        "a scene, CPID is the safer reading: a lone word can misdescribe it."
    )
    st.markdown(
        r"**Levels.** $R$ may be taken at each *pixel* and summed (what the tables show), for the whole *image*, "
        r"$\min(\sum_j I_1, \sum_j I_2)$, or for the *prompt*, from maps averaged over images. The pixel level is "
        r"never above the image level. Values of different levels must not be compared."
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
        "- **The range of noise levels is finite.** What lies outside the trained range is not counted, which makes "
        "totals low. A rough network makes them high: at low noise (high log SNR) its errors under different texts "
        "differ by more than the words say. The curve in the Explorer shows where the information lies.\n"
        "- **The formula of the DiffusionPID paper** for redundancy was not compared line by line; measures here are "
        "named by their own literature, and no table claims to reproduce the paper's."
    )


def _validation() -> None:
    st.header("Agreement with known truth", anchor=False)
    st.markdown(
        "The estimators are run on mixtures of Gaussians, where every quantity has a closed form, and on logic gates, "
        "where the parts are known."
    )
    try:
        table = reading.validation()
        checks = pd.DataFrame(table["rows"]) if table else None
        if checks is not None:
            checks = checks[["check", "quantity", "estimate", "truth", "error", "tolerance", "unit", "passed"]]
    except (ValueError, KeyError) as error:
        st.warning(notices.plain(f"{settings.VALIDATION}: not a table of checks ({error}); make it again as below"))
        checks = None
    if checks is None:
        st.text("No table of checks is here yet. This command makes it:")
        st.code("python -m compute verify --json > store/validation.json", language="bash", wrap_lines=True)
        return
    number = st.column_config.NumberColumn
    passed = int(checks["passed"].sum())
    st.text(f"{passed} of {len(checks)} checks passed, {str(table.get('created', 'at an unknown time'))[:10]}.")
    st.dataframe(
        checks.assign(passed=checks["passed"].map({True: "passed", False: "FAILED"})),
        hide_index=True,
        height="content",
        alt="Checks against known truth",
        column_config={
            "check": st.column_config.TextColumn("Check", width=280),
            "quantity": "Quantity",
            "estimate": number("Estimate", format="%.4g"),
            "truth": number("Truth", format="%.4g"),
            "error": number("Error", format="%.2g"),
            "tolerance": number("Tolerance", format="%.2g"),
            "unit": "Unit",
            "passed": "Result",
        },
    )


main()
