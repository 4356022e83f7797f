"""What users read: links resolve, commands exist and run when copied, and no sentence is a riddle."""

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from scaling_collapse.cli import app, main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDE = [page for page in PAGES if page.name == "README.md" or page.parent.name == "guide"]
PACKAGE = [
    path
    for path in sorted((ROOT / "scaling_collapse").rglob("*"))
    if path.suffix in (".py", ".toml", ".html", ".js") and "__pycache__" not in path.parts
]

RIDDLES = (
    "law is at the noise between seeds",
    "reads the answer's own noise",
    "best a `seed`",
    "what a table has not",
    "the error told",
    "for what is none the reason",
    "their information is its information",
    "spread beyond noise",
    "... holding from",
    "loss stands there",
    "share the limit's shape do not count",
)

TOO_LONG = (
    "scaling-collapse demo",
    "scaling-collapse train demo --out",
    "scaling-collapse train ladder.toml --out",
    "scaling-collapse train ladder.toml --coord-check",
    "scaling-collapse measure runs/",  # what that training would have written
    "scaling-collapse family --check runs/",
    "scaling-collapse figures fig01a --curves DIR",
)
"""Commands that train for a minute or more, need their result, or need a folder that does not come with the package."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code, or a span of it in a sentence (`language` is then `inline`)."""

    language: str
    text: str


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Fenced blocks, blocks that are indented by four spaces, and spans, in this order of kinds."""
    text = page.read_text()
    fenced = [Block(language=m[1], text=m[2]) for m in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]
    rest = without_fences(text)
    indented = [Block(language="", text=m[0]) for m in re.finditer(r"(?:^ {4}\S.*\n)+", rest, re.M)]
    spans = [Block(language="inline", text=m[1]) for m in re.finditer(r"`([^`]+)`", rest)]
    return fenced + indented + spans


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def commands(block: Block) -> list[list[str]]:
    """The words of each `scaling-collapse ...` line of a block, comments left out."""
    if block.language not in ("", "inline", "bash", "sh", "console"):
        return []
    one_line = " ".join(block.text.split())
    lines = [one_line] if block.language == "inline" else block.text.replace("\\\n", " ").splitlines()
    lines = [line.strip().removeprefix("$ ") for line in lines]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("scaling-collapse ")]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", without_fences(page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_fences(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert not broken, f"{name_of(page)} has links that lead nowhere: {broken}"


def test_every_page_of_the_docs_is_linked_from_another_page():
    linked = set()
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s#]+)", without_fences(page.read_text())):
            target = (page.parent / link).resolve()
            linked |= {target} if target != page else set()
    lonely = [name_of(page) for page in PAGES[1:] if page not in linked]
    assert not lonely, f"no page links {lonely}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_names_a_verb_and_options_that_exist(page):
    unknown = []
    for words in (words for block in blocks(page) for words in commands(block)):
        verb = words[1]
        if verb == "VERB":
            continue
        if verb not in app:
            unknown.append(f"the verb {verb}")
            continue
        known = {name for argument in app[verb].assemble_argument_collection() for name in argument.names}
        unknown += [f"{verb} {word}" for word in words[2:] if word.startswith("--") and word not in known | {"--help"}]
    assert not unknown, f"{name_of(page)} names what does not exist: {sorted(set(unknown))}"


@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_every_command_of_the_guide_can_be_read_by_the_command_line(page):
    for block in blocks(page):
        for words in commands(block) if block.language != "inline" else []:
            app.parse_args(words[1:], print_error=False, exit_on_error=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_a_page_of_the_guide_runs_when_it_is_copied(page, tmp_path, monkeypatch, optional):
    """Its Python blocks and commands, in their order, in an empty folder, as the page's reader would."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks(page):
        if block.language == "python":
            exec(compile(block.text, name_of(page), "exec"), namespace)
        if block.language == "toml":
            Path("ladder.toml").write_text(block.text)
        for words in commands(block) if block.language != "inline" else []:
            if " ".join(words).startswith(TOO_LONG):
                continue
            if words[1] == "train":
                optional("torch")
            assert main(words[1:]) == 0, " ".join(words)


@pytest.mark.parametrize("path", PAGES + PACKAGE, ids=name_of)
def test_no_sentence_is_a_riddle(path):
    text = path.read_text()
    texts = literals(text) if path.suffix == ".py" else [text]
    found = [riddle for riddle in RIDDLES for t in texts if riddle.lower() in " ".join(t.lower().split())]
    assert not found, f"{name_of(path)} says {found}; say it in plain English"


def literals(source: str) -> list[str]:
    """The string literals of a module, those of an f-string joined, `{}` where a value goes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        if isinstance(node, ast.JoinedStr):
            found.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
    return found


def test_readme_shows_what_it_is_and_the_two_commands_on_its_first_screen():
    first = (ROOT / "README.md").read_text().split("\n## ")[0]
    positions = [
        first.index(text) for text in ("![", "pip install .", "import scaling_collapse", "make demo", "make test")
    ]
    assert positions == sorted(positions)
    assert len(first.splitlines()) <= 40
