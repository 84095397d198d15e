"""Stores that several tests read."""

import shutil

import pytest

from tests import synthetic


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    synthetic.fill(root)
    return root


@pytest.fixture
def filled(template, tmp_path):
    return shutil.copytree(template, tmp_path, dirs_exist_ok=True)
