"""The sample catalogue: the same forty applications in two languages, with facts worth learning."""

import json
import re
from collections import Counter, defaultdict

import pytest

from dyag_samples import LANGUAGES, catalogue

FIELD = re.compile(r"^- ([^:]+): (.+)$", re.MULTILINE)
# Scales are short by nature; every other attribute must not be guessable.
SCALES = {"Criticité", "Criticality"}


def rows(lang):
    return [json.loads(line) for line in catalogue(lang).read_text(encoding="utf-8").split("\n") if line]


def values(lang):
    found = defaultdict(list)
    for row in rows(lang):
        for label, value in FIELD.findall(row["content"]):
            found[label].append(value)
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_forty_documents_with_unique_chunk_ids(lang):
    ids = [row["id"] for row in rows(lang)]
    assert len(set(ids)) == len(ids)
    assert len({row["metadata"]["id"] for row in rows(lang)}) == 40
    assert len(ids) > 40  # a few documents have two chunks


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_chunk_opens_with_the_name_of_its_application(lang):
    names = {}
    for row in rows(lang):
        name = row["metadata"]["nom" if lang == "fr" else "name"]
        assert row["content"].startswith(f"# {name}\n\n")
        assert names.setdefault(row["metadata"]["id"], name) == name
    assert len(set(names.values())) == 40


def test_both_languages_describe_the_same_applications():
    french, english = rows("fr"), rows("en")
    assert [row["id"] for row in french] == [row["id"] for row in english]
    assert [row["metadata"]["nom"] for row in french] == [row["metadata"]["name"] for row in english]
    for one, other in zip(french, english, strict=True):
        assert len(FIELD.findall(one["content"])) == len(FIELD.findall(other["content"]))
        assert one["content"].count("\n## ") == other["content"].count("\n## ")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_metadata_repeats_what_the_text_says(lang):
    for row in rows(lang):
        said = {value for _, value in FIELD.findall(row["content"])}
        if row["id"].count("-") == 1:  # the second chunk of a document carries sections only
            assert {value for key, value in row["metadata"].items() if key not in {"id", "nom", "name"}} <= said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_values_are_short_and_no_default_pays(lang):
    for label, found in values(lang).items():
        assert max(len(value.split()) for value in found) <= 8, label
        most_common = Counter(found).most_common(1)[0][1]
        assert most_common / len(found) <= 0.25, label
        assert len(set(found)) >= (5 if label in SCALES else 9), label


@pytest.mark.parametrize("lang", LANGUAGES)
def test_some_fields_are_missing_so_that_some_questions_have_no_answer(lang):
    partial = [label for label, found in values(lang).items() if len(found) < 40]
    assert len(partial) >= 10


@pytest.mark.parametrize("lang", LANGUAGES)
def test_addresses_lead_nowhere_real(lang):
    text = catalogue(lang).read_text(encoding="utf-8")
    assert set(re.findall(r"@([\w.-]+\w)", text)) == {"example.org"}
    assert set(re.findall(r"https?://([^/\s]+)", text)) == {"apps.example.org"}


def test_an_unknown_language_is_refused_by_name():
    with pytest.raises(ValueError, match="'de'"):
        catalogue("de")
