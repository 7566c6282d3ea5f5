"""`make messages`: brings locale/ up to the texts in the code and compiles it; `--check` says what is missing instead.

Babel reads and writes the catalogs, so that nobody needs GNU gettext. What Django translates itself is left to it.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from deploy.bare_texts import bare_texts
from deploy.processes import ROOT

APPS = ("core", "billing", "orders", "webhooks", "finance")
LANGUAGES = ("ru",)
# Those of settings.INSTALLED_APPS that have texts.
DJANGO_APPS = ("admin", "auth", "contenttypes", "postgres", "sessions")
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
LINE_WIDTH = 120
# In the headers of catalogs, which would change with every run otherwise.
DATED = datetime(2026, 1, 1, tzinfo=UTC)
# What a text is filled with: `{amount}`, `%(count)s`.
PLACEHOLDER = re.compile(r"{\w*}|%\(\w+\)[sd]")


def main() -> int:
    settings.configure(USE_I18N=True)  # what templatize asks for
    wrong = [*unmarked(), *(said for one in LANGUAGES for said in brought_up(one, check="--check" in sys.argv))]
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def unmarked() -> Iterator[str]:
    for source in sources():
        if source.suffix == ".py":
            for line, text in bare_texts(source.read_text()):
                yield f"{source.relative_to(ROOT)}:{line}: no gettext around {text}"


def brought_up(language: str, *, check: bool) -> Iterator[str]:
    """What is wrong with the catalogs of a language; unless it only checks, after bringing them up to the code."""
    po = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    mo = po.with_suffix(".mo")
    before = po.read_bytes() if po.exists() else b""
    catalog = read_catalog(before, language)
    catalog.update(texts(django_translates(language)), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = catalog.revision_date = DATED
    text = rendered(catalog)
    binary = compiled(text, language)
    if not check:
        po.parent.mkdir(parents=True, exist_ok=True)
        po.write_bytes(text)
        mo.write_bytes(binary)
    elif before != text or not mo.exists() or mo.read_bytes() != binary:
        yield f"{po.relative_to(ROOT)} is behind the code: make messages"
    for message in catalog:
        if message.id and (problem := problem_of(message)):
            yield f"{po.relative_to(ROOT)}: {problem}: {message.id!r}"


def texts(known: set[object]) -> Catalog:
    """Every text of the apps, and of django-unfold's templates, which bring no translations."""
    catalog = Catalog(charset="utf-8")
    for source in sources():
        code = source.read_text()
        if source.suffix != ".py":
            # Python enough for Babel's tokenizer once no line is indented.
            code = "\n".join(line.strip() for line in templatize(code).splitlines())
        for _line, message, _comments, context in extract("python", BytesIO(code.encode()), KEYWORDS):
            if message and singular_of(message) not in known:
                catalog.add(message, context=context)
    return catalog


def sources() -> Iterator[Path]:
    for app in APPS:
        for suffix in ("py", "html", "txt"):
            found = sorted((ROOT / app).rglob(f"*.{suffix}"))
            yield from (path for path in found if not {"tests", "migrations"} & set(path.parts))
    yield from sorted((package_folder("unfold") / "templates").rglob("*.html"))


def django_translates(language: str) -> set[object]:
    django = package_folder("django")
    catalogs = [django / "conf/locale", *(django / "contrib" / app / "locale" for app in DJANGO_APPS)]
    found: set[object] = set()
    for folder in catalogs:
        mo = folder / language / "LC_MESSAGES" / "django.mo"
        if mo.exists():
            with mo.open("rb") as file:
                found |= {
                    message.id for message in read_mo(file) if isinstance(message.id, str) and not message.context
                }
    return found


def singular_of(message: object) -> object:
    return message[0] if isinstance(message, tuple | list) else message


def package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent


def read_catalog(text: bytes, language: str) -> Catalog:
    catalog = read_po(BytesIO(text), locale=language) if text else Catalog(locale=language)
    catalog.project, catalog.version, catalog.header_comment = "Countersign", "1", ""
    catalog.last_translator = catalog.language_team = catalog.msgid_bugs_address = "Countersign"
    catalog.fuzzy = False
    return catalog


def problem_of(message: Message) -> str:
    """What is wrong with a translation, '' if nothing is."""
    ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    if message.fuzzy or not all(strings):
        return "not translated"
    wanted = set(PLACEHOLDER.findall(ids[-1]))
    return "" if all(set(PLACEHOLDER.findall(text or "")) == wanted for text in strings) else "other placeholders"


def rendered(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_po(file, catalog, width=LINE_WIDTH, sort_output=True, omit_header=False)
    return file.getvalue()


def compiled(text: bytes, language: str) -> bytes:
    file = BytesIO()
    write_mo(file, read_po(BytesIO(text), locale=language))
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
