"""Free answers: what rests on its passage and what doesn't; questions: what makes sense alone and what doesn't."""

from __future__ import annotations

import pytest

from dyag_core.text.grounding import stands_alone, supported

FR = (
    "Acceleo est un générateur de code source. Licence : EPL-1.0. Version minimale 3.7, 1 200 postes depuis 2018. "
    "Le groupe MIMO l'a retenu : « un outil mûr et stable »."
)
EN = "Ansible deploys software on Linux machines. It was recommended in 2018 and has 12,500 users."


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("EPL-1.0", FR),
        ("Un générateur de code source", FR),
        ("Acceleo a été retenu par le groupe MIMO.", FR),
        ("La version 3.7", FR),
        ("1200 postes", FR),
        ("12 500 users", EN),
        ("12,500 users", "It has 12500 users."),
        ("Le groupe le dit « un outil mûr et stable ».", FR),
        ("It deploys software on Linux machines.", EN),
        ("12500 users", EN),
        ("Linux", EN),
    ],
)
def test_supported(answer, text):
    assert supported(answer, [text])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("licence licence licence licence WTFPL", FR),  # a held word counts once, however often it is said
        ("code source code source code source propriétaire breveté fermé", FR),
        ("Version minimale 3.8", FR),
        ("1 300 postes", FR),
        ("1 200 postes", "Il y a 1 serveur et 200 postes."),
        ("Le groupe MIMO a retenu le générateur Papyrus.", FR),
        ("Le groupe le dit « un outil stable et mûr ».", FR),
        ("Ansible deploys software on Windows machines.", EN),
        ("Recommended in 2019", EN),
        ("I don't know.", EN),
        ("MPL", EN),
        ("See https://www.example.org/ for the software on Linux machines.", f"{EN} https://www.ansible.com/"),
        ("Ansible deploys software on Linux machines, ask me@example.org", f"{EN} info@example.org"),
        ("", EN),
    ],
)
def test_not_supported(answer, text):
    assert not supported(answer, [text])


def test_repeating_the_question_supports_nothing():
    text = "GIMP. Secteur : Infographie. Groupe : MIMO."
    assert supported("Le secteur de GIMP : infographie", [text], "Quel est le secteur de GIMP ?")
    assert not supported("Le secteur de GIMP : opérations", [text], "Quel est le secteur de GIMP ?")
    assert not supported("Le secteur de GIMP ?", [text], "Le secteur de GIMP ?")


@pytest.mark.parametrize(
    "question",
    [
        "Quelle est la licence d'Acceleo ?",
        "À quoi sert acceleo ?",
        "Combien de jours de congé un salarié peut-il poser à la suite ?",
        "Quelle version de PostgreSQL faut-il ?",
        "Que s'est-il passé en 2018 ?",
        "How many days of leave does an employee get?",
    ],
)
def test_stands_alone(question):
    assert stands_alone(question, "Acceleo")


@pytest.mark.parametrize(
    "question",
    [
        "Quelle est sa licence ?",
        "Quelle est la version minimale ?",
        "À quoi sert ce logiciel depuis 2018 ?",
        "Qui a développé cet excellent outil libre ?",
        "What is the licence?",
        "What does it do?",
        "Who maintains this software for the French administration?",
    ],
)
def test_does_not_stand_alone(question):
    assert not stands_alone(question, "Acceleo")
