"""What a version wants to run with, read from artifacts that may hold anything."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentWish
from service.environments.logged import LoggedEnvironment
from service.environments.wish import ReadWish, read_wish
from service.registry.child.logged_environment import logged_environment

LOGGED = LoggedEnvironment(python="3.11.7", created="2024-09-01 10:00:00.5", mlflow="2.16.2")


def read(folder: Path, text: str | bytes | None, logged: LoggedEnvironment = LOGGED) -> ReadWish:
    """Of an artifact with that requirements.txt."""
    if text is not None:
        content = text if isinstance(text, bytes) else text.encode()
        (folder / "requirements.txt").write_bytes(content)
    return read_wish(folder, logged)


def codes(found: ReadWish) -> list[str]:
    """Of its mistakes."""
    return [each.code for each in found.mistakes]


def test_wish_is_what_mlflow_has_written(tmp_path: Path) -> None:
    """Names are written anew, comments and blanks are nothing, the time is UTC."""
    text = "MLflow==2.16.2 # why\n\nscikit_learn == 1.5.2\nPandas[excel]<3;python_version>'3'\n"
    logged = LoggedEnvironment(
        python="3.11.7", build=("pip==23", "setuptools==65.5"), created=LOGGED.created
    )
    found = read(tmp_path, text, logged)
    assert found == ReadWish(
        EnvironmentWish(
            python="3.11.7",
            requirements=(
                *("mlflow==2.16.2", 'pandas[excel]<3; python_version > "3"'),
                "scikit-learn==1.5.2",
            ),
            build_requirements=("pip==23", "setuptools==65.5"),
            cut_off=datetime(2024, 9, 2, tzinfo=UTC),
        )
    )
    assert found.refusal() is None


def test_wish_takes_what_a_uv_project_with_a_private_index_has(tmp_path: Path) -> None:
    """`-c`, `wheels/`, `uv.lock`, `--extra-index-url`, whose credentials are dropped."""
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels" / "mine-1.0-py3-none-any.whl"
    wheel.touch()
    (tmp_path / "constraints.txt").write_text("numpy<2\n")
    (tmp_path / "uv.lock").touch()
    text = (
        "--extra-index-url https://me:pass${TOKEN}word@pypi.example:8443/simple/\n"
        "-c constraints.txt\nwheels/mine-1.0-py3-none-any.whl\n"
        "numpy==1.26.4 --hash=sha256:ab12 \\\n  --hash=sha256:cd34\n"
    )
    found = read(tmp_path, text)
    assert found.mistakes == ()
    assert found.wish.indexes == ("https://pypi.example:8443/simple/",)
    assert found.wish.constraints == ("numpy<2",)
    assert found.wish.wheels == (wheel,)
    assert found.wish.uv_lock == tmp_path / "uv.lock"
    assert found.wish.requirements == ("numpy==1.26.4",)
    assert found.wish.hashes == (("numpy", "sha256:ab12"), ("numpy", "sha256:cd34"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("git+https://user:hunter2@example.com/mine.git", "requirement_by_address"),
        ("mine @ https://hunter2@example.com/mine-1.0-py3-none-any.whl", "requirement_by_address"),
        ("mine @ file:///etc/passwd", "requirement_by_address"),
        ("/etc/hunter2", "requirement_by_address"),
        ("./hunter2", "requirement_by_address"),
        ("../wheels/hunter2-1.0-py3-none-any.whl", "requirement_by_address"),
        ("-r /etc/hunter2", "requirement_by_address"),
        ("-e ./hunter2", "requirement_by_address"),
        ("-c https://hunter2.example/c.txt", "requirement_by_address"),
        ("-c ../hunter2.txt", "requirement_by_address"),
        ("-c absent.txt", "requirement_by_address"),
        ("--trusted-host hunter2", "requirement_by_address"),
        ("--pre", "requirement_option"),
        ("--config-settings=hunter2", "requirement_option"),
        ('mine==1 --config-settings="--hunter2"', "requirement_option"),
        ("${HUNTER2}", "requirement_unreadable"),
        ('mine; os_name == "${HUNTER2}"', "requirement_unreadable"),
        ("mine===$HUNTER2", "requirement_unreadable"),
        ("mine hunter2", "requirement_unreadable"),
        ("mine\x00hunter2", "requirement_unreadable"),
        ("mine; " + "(" * 4000 + "hunter2", "requirement_unreadable"),
        ("a" * 100_000, "requirement_unreadable"),
        ("mine==" + "1" * 5000, "requirement_unreadable"),
        ("wheels/hunter2-1.0-py3-none-any.whl", "wheel_missing"),
        ("wheels/hunter2.whl", "requirement_unreadable"),
    ],
)
def test_line_that_is_not_taken_is_named_by_its_number(
    tmp_path: Path, line: str, code: str
) -> None:
    """Never by its text, which may hold a secret; whatever else is asked for is still known."""
    found = read(tmp_path, f"pandas\n{line}\n")
    assert codes(found) == [code]
    assert found.wish.requirements == ("pandas",)
    refusal = found.refusal()
    assert refusal is not None
    assert refusal.reason == code
    assert code == "wheel_missing" or "hunter2" not in refusal.message.lower()


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url wheels",
        "--extra-index-url=./hunter2",
        "--extra-index-url /opt/hunter2",
        "--index-url file:///hunter2",
        "--index-url https://${HUNTER2}.example/simple",
        "-f wheels",
        "--find-links=https://hunter2.example",
        "--find-links file:///hunter2",
        "--find-links ../hunter2",
    ],
)
def test_place_of_packages_that_cannot_be_asked_is_no_mistake(tmp_path: Path, line: str) -> None:
    """MLflow writes such a line of a uv project with a flat index; it is named by its number."""
    found = read(tmp_path, f"pandas\n{line}\n")
    assert found.mistakes == ()
    assert (found.wish.indexes, found.wish.requirements) == ((), ("pandas",))
    assert found.wish.unasked == ("Line 2 of requirements.txt",)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """Whoever mends the one would otherwise meet the next."""
    found = read(tmp_path, "./a\n--pre\nx y\n")
    refusal = found.refusal()
    assert refusal is not None
    assert [f"Line {n} of requirements.txt" in refusal.message for n in (1, 2, 3)] == [True] * 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x\n" * 2001, "requirements_too_long"),
        (b"#" * 10_000_000, "requirements_too_long"),
        (b"\xff\xfe\x00", "requirements_unreadable"),
    ],
)
def test_file_that_is_too_long_or_not_text_is_not_read(
    tmp_path: Path, content: bytes, code: str
) -> None:
    """Ten megabytes are not even brought into memory."""
    assert codes(read(tmp_path, content)) == [code]


def test_thousand_lines_are_read_in_a_moment(tmp_path: Path) -> None:
    """Each a requirement."""
    before = time.process_time()
    found = read(tmp_path, "".join(f"package-{n}==1.{n}\n" for n in range(1000)))
    assert len(found.wish.requirements) == 1000
    assert time.process_time() - before < 5


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_link_out_of_the_artifact_is_not_followed(tmp_path: Path, name: str) -> None:
    """What it points to is not the version's."""
    (tmp_path / "elsewhere").write_text("secret\n")
    artifact = tmp_path / "model"
    artifact.mkdir()
    (artifact / "requirements.txt").write_text("-c constraints.txt\n")
    (artifact / name).unlink(missing_ok=True)
    (artifact / name).symlink_to(tmp_path / "elsewhere")
    found = read_wish(artifact, LOGGED)
    assert codes(found) == ["requirements_unreadable"]
    assert found.wish.requirements == found.wish.constraints == ()


@pytest.mark.parametrize(
    ("python", "text", "mlflow", "expected"),
    [
        ("3.9.1", "mlflow==2.16", "", ["python_too_old"]),
        ("2", "mlflow==2.16", "", ["python_too_old"]),
        ("hunter", "mlflow==2.16", "", ["python_unreadable"]),
        ("3.10", "mlflow==2.3.0", "", []),
        ("3.10", "mlflow==2.2.2", "2.16", ["mlflow_too_old"]),
        ("3.10", "mlflow-skinny==1.30", "", ["mlflow_too_old"]),
        ("3.10", "pandas", "1.30.1", ["mlflow_too_old"]),
        ("3.10", "mlflow<3,>=2", "1.30.1", []),
        ("", "mlflow==2.16", "", []),
        ("3", "mlflow==2.16", "", []),
        ("3.8", "./x", "1.0", ["python_too_old", "mlflow_too_old", "requirement_by_address"]),
    ],
)
def test_too_old_is_told(
    tmp_path: Path, python: str, text: str, mlflow: str, expected: list[str]
) -> None:
    """By what the version pins, or by the MLflow that has logged it where it pins none."""
    found = read(tmp_path, text, LoggedEnvironment(python=python, mlflow=mlflow))
    assert codes(found) == expected


_CONDA = """
dependencies:
- python=3.10.2
- pip<=24
- {extra}
- pip:
  - mlflow==2.16.2
  - ./mine
"""


def test_conda_yaml_is_read_where_there_is_no_requirements_file(tmp_path: Path) -> None:
    """Its pip part; what it asks of conda itself is refused."""
    (tmp_path / "conda.yaml").write_text(_CONDA.format(extra="conda-forge::cudatoolkit=11.8"))
    said = {"python": "", "created": "", "mlflow": ""}
    found = read(tmp_path, None, LoggedEnvironment.of(logged_environment(tmp_path, said)))
    assert codes(found) == ["conda_package", "requirement_by_address"]
    assert "cudatoolkit" in found.mistakes[0].sentence
    assert "Line 2 of conda.yaml" in found.mistakes[1].sentence
    assert found.wish.python == "3.10.2"
    assert found.wish.requirements == ("mlflow==2.16.2",)


def test_python_env_yaml_says_which_python(tmp_path: Path) -> None:
    """Before MLmodel; an unquoted number is one, and whatever is not text is left out."""
    (tmp_path / "python_env.yaml").write_text(
        "python: 3.11\nbuild_dependencies: [setuptools==65.5.0, 3, {a: b}]\n"
    )
    told = logged_environment(tmp_path, {"python": "3.9", "created": "", "mlflow": "2.9"})
    assert LoggedEnvironment.of(told) == LoggedEnvironment(
        python="3.11", build=("setuptools==65.5.0",), mlflow="2.9"
    )


@pytest.mark.parametrize("content", [b"a: [", b"\x00", b"- list", b"x" * 5_000_000])
def test_yaml_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    """Where it is, and no more."""
    (tmp_path / "conda.yaml").write_bytes(content)
    told = logged_environment(tmp_path, {"python": "", "created": "", "mlflow": ""})
    found = read(tmp_path, "mlflow", LoggedEnvironment.of(told))
    assert codes(found) == ["requirements_unreadable"]
    assert "conda.yaml" in found.mistakes[0].sentence


def test_version_that_says_nothing_is_told(tmp_path: Path) -> None:
    """There is nothing that could be built."""
    assert codes(read(tmp_path, None)) == ["no_requirements"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example//pypi.example/simple",
        "https://evil.example\\@pypi.example/simple",
        "https://pypi.example\\evil/simple",
        "https://pypi.example/a/../../simple",
        "name=https://pypi.example/simple",
        "//pypi.example/simple",
        "file:///simple",
    ],
)
def test_address_that_two_readers_could_take_for_two_places_is_not_asked(
    tmp_path: Path, address: str
) -> None:
    """Who reads it to allow it is not who asks it."""
    found = read(tmp_path, f"mine\n--extra-index-url {address}\n")
    assert found.mistakes == ()
    assert found.wish.indexes == ()
    assert found.wish.unasked == ("Line 2 of requirements.txt",)


def test_versions_of_one_day_are_of_one_cut_off(tmp_path: Path) -> None:
    """What is equal but for the hour shares its lock, and so its environment."""
    times = ("2024-09-01 00:00:00", "2024-09-01T23:59:59.999999", "2024-09-02T01:00:00+02:00")
    found = {read(tmp_path, "mine", replace(LOGGED, created=each)).wish for each in times}
    assert len(found) == 1
    for odd in ("9999-12-31 10:00:00", "0001-01-01T00:00:00+14:00", "yesterday"):
        assert read(tmp_path, "mine", replace(LOGGED, created=odd)).wish.cut_off is None


def test_one_constraints_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    """Thousands of lines that name it cost no more than one."""
    (tmp_path / "constraints.txt").write_text("a<1\n" * 1999)
    before = time.process_time()
    found = read(tmp_path, "-c constraints.txt\n" * 1999)
    assert time.process_time() - before < 20
    assert found.wish.constraints == ("a<1",)
    assert codes(read(tmp_path, "-c constraints.txt\n-c other.txt\n")) == ["requirement_option"]


def test_uv_lock_that_is_too_long_is_told_instead_of_left_out(tmp_path: Path) -> None:
    """It would have decided."""
    with (tmp_path / "uv.lock").open("wb") as file:
        file.truncate(5 * 1024**2)
    found = read(tmp_path, "mine")
    assert codes(found) == ["requirements_too_long"]
    assert found.wish.uv_lock is None
