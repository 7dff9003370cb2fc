"""The page of a certificate, as a parser reads it."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_iris

from tests.theory.certification.by_hand import CERTIFICATE, MEASURED, REGULARISED, with_predictions
from tunebound import synthetic, theory
from tunebound.theory.certification import page
from tunebound.theory.certification.glossary import GLOSSARY
from tunebound.theory.certification.shown import LARGEST, LONGEST, image_kind, shown

VOID = {"meta", "img", "link", "br", "hr", "input"}
CASES = {"separable": CERTIFICATE, "regularised": REGULARISED, "measured": MEASURED}


class Tree(HTMLParser):
    """Elements with their attributes and text; refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = {"tag": tag, "attrs": dict(attrs), "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]


def of_iris():
    """Three classes that cannot be separated, with a group, test features and trained heads."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["<setosa>", "versicolor", "virginica"])[y]
    return theory.certify(X[::2], names[::2], X_test=X[1::2], constant=1.0, measured=True)


def of_planted_data():
    data = synthetic.make_separable("gaussian", n=30, d=3, margin=0.5, radius=4.0, seed=1)
    return theory.certify(data.X[:20], data.y[:20], X_test=data.X[20:], group=2, exact=1)


@pytest.fixture(
    scope="module",
    params=[*CASES, of_iris, of_planted_data],
    ids=lambda case: getattr(case, "__name__", case),
)
def tree(request):
    case = request.param
    return Tree(page.html(case() if callable(case) else CASES[case]))


def test_the_answer_is_the_first_paragraph_and_holds_no_formula(tree):
    answer = next(e for e in tree.all("p") if e["attrs"].get("class") == "answer")["text"]
    assert "No single training sample" in answer or "Leaving out one training sample" in answer
    assert not set("γβ∑√‖=") & set(answer)
    headings = [e["tag"] for e in tree.elements if e["tag"] in ("h1", "h2", "h3")]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1


def test_nothing_is_loaded_and_nothing_runs(tree):
    assert not tree.all("script")
    assert not tree.all("link")
    for element in tree.elements:
        assert not any(name.startswith("on") for name in element["attrs"])
        for name in ("src", "href"):
            address = element["attrs"].get(name, "#")
            assert address.startswith(("#", "data:image/")), address
    policy = next(e for e in tree.all("meta") if "http-equiv" in e["attrs"])["attrs"]["content"]
    assert policy.startswith("default-src 'none'")


def test_every_term_that_is_marked_is_explained_in_one_sentence(tree):
    ids = [e["attrs"]["id"] for e in tree.elements if "id" in e["attrs"]]
    assert len(ids) == len(set(ids))
    targets = {e["attrs"]["href"].removeprefix("#") for e in tree.all("a")}
    assert targets
    assert targets <= set(ids)
    for word in ("stability", "margin", "support vector", "instability"):
        assert f"term-{word.replace(' ', '-')}" in ids
    for name, sentence in GLOSSARY.items():
        assert re.fullmatch(r"[A-Z][^.]*(\d\.\d[^.]*)*\.", sentence), name


def test_figures_have_words_for_who_does_not_see_them(tree):
    for image in tree.all("img"):
        assert len(image["attrs"]["alt"]) > 15
    for figure in tree.all("figure"):
        assert figure["text"].strip()


def test_header_cells_say_what_they_head_and_wide_tables_can_be_reached_by_keyboard(tree):
    assert tree.all("th")
    assert {e["attrs"].get("scope") for e in tree.all("th")} <= {"row", "col"}
    regions = [e for e in tree.elements if e["attrs"].get("class") == "scroll"]
    assert len(regions) == len(tree.all("table"))
    assert all(e["attrs"]["tabindex"] == "0" and e["attrs"]["aria-label"] for e in regions)


def test_no_number_is_missing_in_the_text(tree):
    text = next(e for e in tree.elements if e["tag"] == "body")["text"]
    assert not re.search(r"\b(nan|inf|None|True|False)\b", text)


def test_it_says_what_it_does_not_say(tree):
    text = next(e for e in tree.elements if e["tag"] == "main")["text"]
    for said in ("does not find wrong labels", "does not order features", "not about noise"):
        assert said in text


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>gone</h1>{{ 7 * 7 }}{% raw %}",
    "\u202eevil\x00\x1b[31m\ud800&amp;<!--",
)


def test_hostile_text_is_text():
    hostile = replace(
        CERTIFICATE,
        content=HOSTILE,
        pivotal=np.arange(4),
        classes=("<script>", "</ul><script>"),
        notes=("<script>alert(2)</script>",),
        preparation=("<img src=x onerror=alert(3)>",),
        head="</main><script>",
        provenance={"<i>": "</details><script>"},
        seconds={"<script>": 1.0},
    )
    for text in (page.html(hostile), page.cell(hostile)):
        text.encode("utf-8")
        tree = Tree(text)
        assert not tree.all("script")
        assert all(not any(n.startswith("on") for n in e["attrs"]) for e in tree.elements)
        assert len(tree.all("h1")) <= 1
    cells = [e["text"] for e in Tree(page.html(hostile)).all("bdi")]
    assert cells[:3] == list(HOSTILE[:3])
    assert cells[3] == "\ufffdevil\ufffd\ufffd[31m?&amp;<!--"


def picture(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 10, 10)).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp"])
def test_images_are_shown_by_the_kind_that_their_bytes_say(kind):
    content = picture(kind)
    assert image_kind(content) == f"image/{kind}"
    certificate = replace(CERTIFICATE, content=(content, "text", b"", ""))
    images = Tree(page.html(certificate)).all("img")
    address = next(e["attrs"]["src"] for e in images if "row 0" in e["attrs"]["alt"])
    assert address.startswith(f"data:image/{kind};base64,")
    assert base64.b64decode(address.partition(",")[2]) == content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg onload=alert(1)>", "21 bytes of no image that is known: not shown"),
        (b"RIFF....WAVE", "12 bytes of no image that is known: not shown"),
        (b"", "0 bytes of no image that is known: not shown"),
        (b"\x89PNG\r\n\x1a\n" + bytes(LARGEST), f"{LARGEST + 8:,} bytes: too large"),
        ("x" * (LONGEST + 1), "x" * LONGEST + "…"),
        ("line\nline", "line\nline"),
    ],
)
def test_what_cannot_be_shown_is_said(content, said):
    found = shown(content)
    assert found.image == ""
    assert said in found.text


def test_the_largest_page_is_below_two_megabytes():
    n, m = 10_000, 10_000
    rng = np.random.default_rng(0)
    per_sample = np.sort(rng.uniform(0, 1, n))[::-1].copy()
    reach = rng.integers(0, m, n)
    content = tuple(b"\x89PNG\r\n\x1a\n" + bytes(LARGEST - 8) for _ in range(20))
    large = replace(
        CERTIFICATE,
        n=n,
        per_sample=per_sample,
        exact=per_sample / 2,
        exact_error=np.full(n, 1e-9),
        pivotal=np.arange(n),
        content=content + ("",) * (n - 20),
        predictions=with_predictions(
            fixed=np.zeros(m, dtype=bool),
            flippers=rng.integers(0, n, m),
            reach=reach,
            flips=reach // 2,
        ).predictions,
    )
    text = page.html(large)
    assert len(text.encode()) < 2_000_000
    # the figures are thinned, so that images are what takes the room
    assert len(page.cell(large)) < 150_000


def svg_texts(certificate):
    for image in Tree(page.html(certificate)).all("img"):
        source = image["attrs"]["src"]
        if source.startswith("data:image/svg"):
            yield base64.b64decode(source.partition(",")[2]).decode("utf-8")


def test_figures_are_vectors_with_text_that_follow_light_and_dark():
    figures = list(svg_texts(CERTIFICATE))
    assert len(figures) == 3
    for text in figures:
        assert "prefers-color-scheme:dark" in text
        assert "training samples" in text
        assert not re.search(r"stroke: #000000|fill: #000000|fill: #ffffff", text)
        assert "<script" not in text


def test_the_same_certificate_gives_the_same_page():
    assert page.html(CERTIFICATE) == page.html(CERTIFICATE)


def test_a_notebook_cell_has_the_answer_and_two_figures():
    tree = Tree(CERTIFICATE._repr_html_())
    assert "No single training sample" in tree.all("p")[0]["text"]
    assert len(tree.all("img")) == 2
    assert not tree.all("style")


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    target = CERTIFICATE.to_html(tmp_path / "page.html")
    assert target.read_text(encoding="utf-8") == page.html(CERTIFICATE)
    with pytest.raises(FileNotFoundError, match="make it first"):
        CERTIFICATE.to_html(tmp_path / "missing" / "page.html")
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        CERTIFICATE.to_html(tmp_path)
    assert list(tmp_path.iterdir()) == [target]


def test_nobody_moves_the_head():
    nobody = replace(CERTIFICATE, pivotal=np.array([], dtype=int), predictions=None)
    tree = Tree(page.html(nobody))
    assert not tree.all("figure")
    assert any("No sample can move the head." in e["text"] for e in tree.all("p"))
