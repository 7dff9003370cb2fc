"""The site builds without a warning, every link among its pages is good, and nothing public is
missing.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from filelock import FileLock

from tunebound import theory

ROOT = Path(__file__).parents[1]


def build(folder):
    return subprocess.run(
        [sys.executable, str(ROOT / "docs" / "site"), "--output", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built by the first of the test processes that asks, over a site with a page too many."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, told = shared / "site", shared / "site.json"
    with FileLock(shared / "site.lock"):
        if not told.exists():
            (folder / ".doctrees").mkdir(parents=True)
            (folder / "removed.html").touch()
            built = build(folder)
            told.write_text(json.dumps([built.returncode, built.stdout, built.stderr]))
    status, out, err = json.loads(told.read_text())
    assert status == 0, out + err
    assert not err
    return folder


@pytest.fixture(scope="module")
def reference():
    path = ROOT / "docs" / "site" / "reference.py"
    spec = importlib.util.spec_from_file_location("site_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pytestmark = pytest.mark.slow


def test_a_page_that_was_removed_is_gone(site):
    assert (site / "index.html").is_file()
    assert not (site / "removed.html").exists()


def test_a_folder_that_holds_no_site_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    refused = build(tmp_path)
    assert refused.returncode == 2
    assert "holds something else than a site" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_every_public_name_has_a_page(site, reference):
    for face in reference.FACES:
        for name in reference.public_names(face):
            page = site / "reference" / "generated" / f"tunebound.{face}.{name}.html"
            assert page.is_file(), page.name


def test_every_theorem_is_stated_with_formula_and_code(site):
    for name, known in theory.theorems().items():
        if not known.claims.__module__.startswith("tunebound."):
            continue
        page = (site / "statements" / f"{known.setting}.html").read_text(encoding="utf-8")
        (part,) = (
            part
            for part in page.split("<section ")
            if part.startswith(f'id="{name.lower()}-statement"')
        )
        assert "<math" in part, name
        assert "The code" in part, name
        if known.proof == "proved here":
            assert ">where<" in part, f"{name} has no anchor in the page that proves it"


def test_links_lead_to_a_page_and_a_place_on_it(site):
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    places = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    checked = 0
    for path, text in pages.items():
        for link in set(re.findall(r'<a [^>]*href="([^"]+)"', text)):
            address, anchor = urldefrag(link)
            if re.match(r"[a-z]+:", address):
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            assert target.exists(), f"{path.relative_to(site)} links to {link}"
            if anchor and target in places:
                assert unquote(anchor) in places[target], f"{path.relative_to(site)}: {link}"
            checked += 1
    assert checked > 1000


def test_formulas_need_no_script(site):
    page = (site / "head-tuning.html").read_text(encoding="utf-8")
    assert page.count("<math") > 500
    assert not re.search(r"<script[^>]*mathjax", page, re.IGNORECASE)


def test_every_script_of_the_gallery_has_its_figure_and_leads_to_the_reference(site):
    scripts = sorted((ROOT / "docs" / "gallery").glob("*.py"))
    assert len(scripts) > 10
    index = (site / "gallery" / "index.html").read_text(encoding="utf-8")
    reference = "".join(page.read_text("utf-8") for page in site.glob("reference/generated/*.html"))
    for script in scripts:
        page = (site / "gallery" / f"{script.stem}.html").read_text(encoding="utf-8")
        assert f'href="{script.stem}.html' in index
        images = [image for image in re.findall(r"<img [^>]*>", page) if script.stem in image]
        assert images, script
        assert all(re.search(r'alt="[^"]+"', image) for image in images), script
        assert 'href="../reference/generated/tunebound.' in page, script
        assert f'href="../../gallery/{script.stem}.html' in reference, script


def test_names_and_citations_in_docstrings_and_statements_are_links(site):
    statements = (site / "statements" / "head.html").read_text(encoding="utf-8")
    assert re.search(r'href="\.\./bibliography\.html#soudry-2018"[^>]*>.*?Soudry', statements)
    pages = {path.stem: path.read_text("utf-8") for path in site.glob("reference/**/*.html")}
    assert 'bibliography.html#drori-2014"' in pages["tunebound.bounds.full.worst_case"]
    assert '.html#module-tunebound.bounds.head"' in pages["tunebound.bounds.head.limit"]
    assert "tunebound.bounds.head.trajectory.html#" in pages["tunebound.bounds.churn.drift"]
    for path in ("head-tuning", "remedies", "log-time"):
        page = (site / f"{path}.html").read_text(encoding="utf-8")
        assert 'href="bibliography.html#' in page, path


def test_the_front_page_shows_the_figure(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    (name,) = re.findall(r'<img [^>]*src="(_images/bound-against-measured[^"]*)"', page)
    drawn = ROOT / "docs" / "bound-against-measured.png"
    assert (site / name).read_bytes() == drawn.read_bytes()
