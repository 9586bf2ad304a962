"""The script: whoever clones this runs it first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from serving import EXAMPLES, run

SCRIPT = str(EXAMPLES / "plain" / "crm.py")
MAIL = "From x Mon Jan  5 09:00:00 2026\nFrom: me@acme.com\nTo: ann@client.example\nMessage-ID: <{n}@x>\n\nHi\n\n"


def test_it_syncs_the_sample_and_prints_who_is_in_the_crm(tmp_path: Path) -> None:
    first, second = (run(SCRIPT, env={}, cwd=tmp_path) for _ in range(2))

    assert first.stdout.startswith("stored=23 excluded=12 deleted=0 contacts=17\n"), first.stderr
    assert "  3  06 Mar 2026  John Doe <john.doe@brightwater.example>\n" in first.stdout
    assert "  2  16 Mar 2026  太郎 山田 <taro.yamada@yamada-seiki.example>\n" in first.stdout
    assert second.stdout.startswith("stored=0 excluded=0 deleted=0 contacts=0\n")
    assert first.stdout.splitlines()[1:] == second.stdout.splitlines()[1:]


def test_it_reads_a_mail_file_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    said = []
    for n in (1, 2):
        with box.open("a", encoding="utf-8") as file:
            file.write(MAIL.format(n=n))
        said.append(run(SCRIPT, str(box), "me@acme.com", "mine.db", env={}, cwd=tmp_path).stdout)

    report = "stored=1 excluded=0 deleted=0 contacts=1\n\n"
    assert [f"{report}  {n}  05 Jan 2026  Ann <ann@client.example>\n" for n in (1, 2)] == said


def test_a_file_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    said = run(SCRIPT, "no.mbox", "me@acme.com", env={}, cwd=tmp_path)

    assert (1, "no.mbox is not there; check the path, and that its disk is connected\n") == (
        said.returncode,
        said.stderr,
    )


def test_it_needs_nothing_but_crmsync(tmp_path: Path) -> None:
    """Nor do the modules that it imports bring a framework, a database library or a test library."""
    code = (
        f"import sys, runpy; sys.argv = ['crm.py']; sys.path.insert(0, {str(Path(SCRIPT).parent)!r})\n"
        f"runpy.run_path({SCRIPT!r}, run_name='__main__')\n"
        "print(sorted({'click', 'django', 'fastapi', 'httpx', 'sqlalchemy', 'hypothesis'} & set(sys.modules)))"
    )

    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "[]" == said.stdout.splitlines()[-1], said.stderr
