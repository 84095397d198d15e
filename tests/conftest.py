"""Material that several tests share."""

import gc
import shutil
from pathlib import Path

import pytest

from store import settings

ROOT = Path(__file__).parents[1]
gc.set_threshold(50_000, 20, 20)  # with torch, pandas and Plotly in memory a search for garbage takes long


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What runs measure of this machine stays out of the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFUSIONPID_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory) -> Path:
    """A copy of the store that ships, for tests that change nothing of it."""
    return shutil.copytree(settings.DEMO_STORE, tmp_path_factory.mktemp("shipped") / "demo")


@pytest.fixture(scope="session")
def epsilon_folder(tmp_path_factory) -> Path:
    """A saved tiny pipeline that predicts epsilon."""
    from tests import pipelines  # loads torch, which processes that tests start would then load too

    return pipelines.stable_diffusion(tmp_path_factory.mktemp("models") / "epsilon", "epsilon")


@pytest.fixture(scope="session")
def v_folder(tmp_path_factory) -> Path:
    """A saved tiny pipeline that predicts v."""
    from tests import pipelines

    return pipelines.stable_diffusion(tmp_path_factory.mktemp("models") / "v", "v_prediction")


@pytest.fixture(scope="session")
def xl_folder(tmp_path_factory) -> Path:
    """A saved tiny XL pipeline."""
    from tests import pipelines

    return pipelines.stable_diffusion_xl(tmp_path_factory.mktemp("models") / "xl")


@pytest.fixture(params=["epsilon_folder", "v_folder", "xl_folder"], scope="session")
def pipeline_folder(request) -> Path:
    """One saved tiny pipeline of each family and prediction type."""
    return request.getfixturevalue(request.param)
