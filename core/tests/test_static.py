"""In production the name of a static file changes with what is in it, so that browsers may keep it for good."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

PRODUCTION = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LINKED = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    root: Path = tmp_path_factory.mktemp("static")
    with override_settings(STORAGES=PRODUCTION, STATIC_ROOT=root, WHITENOISE_USE_FINDERS=False):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/admin/login/", "/nowhere"])
def test_every_file_that_a_page_links_may_be_kept_for_good(collected: None, path: str) -> None:
    client = Client(headers={"accept": "text/html"})
    links = LINKED.findall(client.get(path).text)
    assert links
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert answer["Cache-Control"] == "max-age=315360000, public, immutable", link
        answer.close()
