"""What `docs/deploy.md` names works: its commands are understood, Slurm gets the script that its file describes."""

import re
import shlex

import pytest
import yaml

from compute.__main__ import _parser
from compute.cluster.pool import slurm_cluster
from store import settings
from store.errors import InputError
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m compute (.*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_text_is_understood(line):
    assert callable(_parser(settings.Settings()).parse_args(shlex.split(line)).command)


def test_the_text_has_commands_and_links_that_lead_somewhere():
    assert len(COMMANDS) >= 8
    for link in re.findall(r"\]\((\w[^)]*)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link


def test_slurm_gets_the_script_that_the_file_describes():
    cluster, most = slurm_cluster(DEPLOY / "slurm.toml")
    with cluster:
        lines = cluster.job_script().splitlines()
        address = cluster.scheduler_address
    assert most == 8
    for wanted in ("-p gpu", "-A audit", "-t 08:00:00", "--cpus-per-task=4", "--mem=30G", "--gres=gpu:1", "-n 1"):
        assert f"#SBATCH {wanted}" in lines
    start = next(place for place, line in enumerate(lines) if "dask_worker" in line)
    assert lines.index(f"cd {ROOT}") < lines.index("source .venv/bin/activate") < start
    assert f"export PYTHONPATH={ROOT}" in lines[:start]
    assert address in lines[start] and "--nthreads 1" in lines[start]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("jobs = 1", "cannot be used"),
        ("jobs = 1\nqueue = 'gpu'\n[job]\nmemory = '1GB'", "no such key here"),
        ("jobs = 1\n[job]\nqueue = 'gpu'", "memory"),
        ("jobs = [", "cannot be used"),
        ("jobs = " + "[" * 20_000, "cannot be used"),
    ],
)
def test_a_wrong_file_for_slurm_is_named_with_its_mend(tmp_path, content, said):
    file = tmp_path / "slurm.toml"
    file.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        slurm_cluster(file)
    assert str(file) in str(caught.value)


def test_the_parts_on_kubernetes_find_each_other():
    cluster, claim, deployment = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    assert (cluster["kind"], cluster["apiVersion"]) == ("DaskCluster", "kubernetes.dask.org/v1")
    (measures,) = cluster["spec"]["worker"]["spec"]["containers"]
    assert measures["args"][measures["args"].index("--nthreads") + 1] == "1"
    assert measures["resources"]["limits"]["nvidia.com/gpu"] == 1
    (port,) = cluster["spec"]["scheduler"]["service"]["ports"]
    pod = deployment["spec"]["template"]["spec"]
    dashboard, worker = pod["containers"]
    given = _parser(settings.Settings()).parse_args(worker["args"][3:])
    assert given.scheduler == f"tcp://{cluster['metadata']['name']}-scheduler:{port['port']}"
    assert dashboard["env"] == [{"name": "DIFFUSIONPID_STORE", "value": str(given.store)}]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert str(given.store).startswith(dashboard["volumeMounts"][0]["mountPath"])
    assert dashboard["volumeMounts"] == worker["volumeMounts"]
