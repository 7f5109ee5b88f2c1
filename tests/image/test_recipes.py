"""The recipes for containers of docs/docker.md, and the README's first one, run as printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from conftest import DOCKER, IMAGE, ROOT, docker, recipe

NODE = Path(__file__).parent / "node"

# No helper image can be pulled everywhere; each recipe cleans up by itself.
ENVIRONMENT = {
    **os.environ,
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "PATH": f"{Path(DOCKER).parent}{os.pathsep}{os.environ['PATH']}",
}


def printed(command: list[str], **options: object) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=300,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("page", "user", "password"), [("README.md", "alice", "secret"), ("docs/docker.md", "bob", "hunter2")]
)
def test_docker_run(page: str, user: str, password: str) -> None:
    printed(["bash", "-euc", recipe("sh", "image", page)])
    try:
        transport = httpx.HTTPTransport(retries=5)
        with httpx.Client(transport=transport, auth=(user, password)) as client:
            answer = client.post("http://localhost:15000/query", json={"statement": "SELECT 42"})
        assert answer.text.endswith("\n[42]\n")
    finally:
        docker("rm", "--force", "--volumes", "altertable")


def test_python_testcontainers() -> None:
    assert printed([sys.executable, "-c", recipe("python", "image")]) == "[42]"


def test_launchers_may_wait_for_the_log_line() -> None:
    """FX-1: the doors are open once the line is there."""
    launcher = recipe("python", "image").replace(
        "HealthcheckWaitStrategy()", "LogMessageWaitStrategy('Starting Flight SQL server on')"
    )
    assert (
        printed([sys.executable, "-c", launcher.replace("HealthcheckWaitStrategy", "LogMessageWaitStrategy")]) == "[42]"
    )


def test_node_testcontainers(tmp_path: Path) -> None:
    assert shutil.which("npm"), "needs Node.js: apt-get install nodejs npm"
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE / name, tmp_path)
    printed(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=tmp_path)
    (tmp_path / "recipe.mjs").write_text(recipe("js", "image"))
    assert printed(["node", "recipe.mjs"], cwd=tmp_path) == "[42]"


def test_rust_testcontainers_is_the_test_that_runs() -> None:
    """`make test-image` runs that file; here it is the page's."""
    source = (ROOT / "conformance/tests/container.rs").read_text()
    shown = recipe("rust", "image")
    uses, test = shown.split("\n\n", 1)
    assert uses in source
    assert test.replace("#[tokio::test", '#[ignore = "needs Docker: make test-image"]\n#[tokio::test') in source


@pytest.fixture
def compose() -> list[str]:
    """Compose in whichever form this machine has."""
    if subprocess.run([DOCKER, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [DOCKER, "compose"]
    if not shutil.which("docker-compose") and shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        subprocess.run(
            [*sudo, "apt-get", "install", "-qq", "-y", "--no-install-recommends", "docker-compose"], check=True
        )
    assert shutil.which("docker-compose"), "needs Docker Compose"
    return ["docker-compose"]


def test_compose_starts_the_app_once_the_mock_is_healthy(compose: list[str], tmp_path: Path) -> None:
    services = yaml.safe_load(recipe("yaml", "compose"))
    # The app is the reader's; any image will do that ends by itself.
    services["services"]["app"].update(image=IMAGE, command=["--version"])
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump({"version": "2.4", **services}))
    project = [*compose, "--project-name", "altertable-recipe", "--file", str(tmp_path / "compose.yaml")]
    try:
        printed([*project, "up", "--detach"])
        assert "healthy" in docker("ps", "--filter", "name=altertable-recipe", "--format", "{{.Status}}")
        answer = httpx.post("http://localhost:15000/query", auth=("alice", "secret"), json={"statement": "SELECT 42"})
        assert answer.text.endswith("\n[42]\n")
    finally:
        printed([*project, "down", "--volumes"])


def test_the_workflow_is_one(tmp_path: Path) -> None:
    workflow = yaml.safe_load(recipe("yaml", "workflow"))
    service = workflow["jobs"]["test"]["services"]["altertable"]
    flags = [f"--env={name}={value}" for name, value in service["env"].items()]
    published = [f"--publish={port}" for port in service["ports"]]
    container = docker("run", "--detach", *flags, *published, service["image"])
    try:
        # GitHub waits for the service's health, then runs the steps.
        for _ in range(100):
            if docker("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy":
                break
            subprocess.run(["sleep", "0.2"], check=True)
        for step in workflow["jobs"]["test"]["steps"]:
            assert printed(["bash", "-euo", "pipefail", "-c", step["run"]]).endswith("[42]")
    finally:
        docker("rm", "--force", "--volumes", container)
