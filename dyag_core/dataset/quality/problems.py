"""What can be wrong with a line of a training file, in English and French."""

from __future__ import annotations

_PROBLEMS = {
    "en": {
        "not_json": "not a JSON object",
        "one_array": "one JSON array instead of one object a line (its items are numbered, not lines)",
        "bare_turns": "a list of turns, not an object",
        "trailing_comma": "a trailing comma",
        "mojibake": "text read in a wrong encoding (mojibake)",
        "lost_character": "characters lost in a wrong encoding (\ufffd)",
        "zero_width": "zero-width characters",
        "unwanted_answer": "an answer marked as not to be learnt",
        "unknown_shape": "no known shape",
        "unknown_role": "unknown role",
        "role_alias": "a role by another name than system, user, assistant",
        "not_text": "a turn that is no plain text",
        "empty_turn": "empty turn",
        "no_question": "no question",
        "no_answer": "no answer",
        "not_answered": "the last turn is not the assistant's",
        "turn_order": "user and assistant do not take turns",
        "late_system": "system message in the middle",
        "duplicate": "exact duplicate",
        "contradiction": "one question, different answers",
        "over_long": "longer than training takes",
        "control_token": "control tokens in an answer",
        "test_leak": "stands both in the training and in the test file",
        "not_rendered": "the base model's template cannot render it",
        "byte_order_mark": "byte-order mark at the beginning",
        "no_row": "no row",
        "refused": "training refuses it",
        "control_token_asked": "control tokens in a question or system message",
    },
    "fr": {
        "not_json": "pas un objet JSON",
        "bare_turns": "une liste de messages, pas un objet",
        "trailing_comma": "une virgule de trop à la fin",
        "mojibake": "texte lu dans un mauvais encodage (mojibake)",
        "lost_character": "caractères perdus dans un mauvais encodage (\ufffd)",
        "zero_width": "caractères de largeur nulle",
        "unwanted_answer": "une réponse marquée comme à ne pas apprendre",
        "one_array": "un tableau JSON au lieu d'un objet par ligne (ce sont ses éléments qui sont numérotés)",
        "unknown_shape": "forme inconnue",
        "unknown_role": "rôle inconnu",
        "role_alias": "un rôle sous un autre nom que system, user, assistant",
        "not_text": "un message qui n'est pas du texte simple",
        "empty_turn": "message vide",
        "no_question": "pas de question",
        "no_answer": "pas de réponse",
        "not_answered": "le dernier message n'est pas de l'assistant",
        "turn_order": "l'utilisateur et l'assistant n'alternent pas",
        "late_system": "message système au milieu",
        "duplicate": "doublon exact",
        "contradiction": "une question, des réponses différentes",
        "over_long": "plus long que ce que l'entraînement accepte",
        "control_token": "jetons de contrôle dans une réponse",
        "test_leak": "figure à la fois dans le fichier d'entraînement et dans le fichier de test",
        "not_rendered": "le modèle de base ne sait pas mettre en forme cet échange",
        "byte_order_mark": "marque d'ordre des octets au début",
        "no_row": "aucun exemple",
        "refused": "refusé par l'entraînement",
        "control_token_asked": "jetons de contrôle dans une question ou une consigne système",
    },
}


def problem_name(kind: str, lang: str) -> str:
    """What is wrong with a line of a training file; lower case."""
    return _PROBLEMS[lang].get(kind, kind)


def problem_line(line: int, other: int | None, lang: str) -> str:
    """Where a problem stands, and the line that it clashes with."""
    if lang == "fr":
        return f"ligne {line}, voir ligne {other}" if other else f"ligne {line}"
    return f"line {line}, see line {other}" if other else f"line {line}"
