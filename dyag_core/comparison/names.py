"""How arms, metrics, strata, problems and numbers are called in English and French: one wording for all reports."""

from __future__ import annotations

from dyag_core.text.formatting import quoted

_ARMS = {
    "en": {"base": "base", "rag": "RAG", "finetuned": "fine-tuned", "hybrid": "hybrid", "oracle": "oracle"},
    "fr": {"base": "base", "rag": "RAG", "finetuned": "affiné", "hybrid": "hybride", "oracle": "oracle"},
}
_ARM_PHRASES = {
    "en": {
        "base": "the base model",
        "rag": "RAG",
        "finetuned": "the fine-tuned model",
        "hybrid": "hybrid (fine-tuned with RAG)",
        "oracle": "the oracle",
    },
    "fr": {
        "base": "le modèle de base",
        "rag": "le RAG",
        "finetuned": "le modèle affiné",
        "hybrid": "l'hybride (modèle affiné avec RAG)",
        "oracle": "l'oracle",
    },
}
_METRICS = {
    "en": {
        "success": "success",
        "exact_match": "exact match",
        "token_f1": "token F1",
        "containment": "containment",
        "abstention": "abstention",
        "answer_length": "answer length",
        "bleu": "BLEU",
        "chrf": "chrF",
        "rouge_l": "ROUGE-L",
        "groundedness": "groundedness",
        "recall_at_k": "recall@k",
        "mrr": "MRR",
        "bertscore": "BERTScore",
        "judge": "judge",
    },
    "fr": {
        "success": "réussite",
        "exact_match": "exactitude",
        "token_f1": "F1 des mots",
        "containment": "inclusion",
        "abstention": "abstention",
        "answer_length": "longueur",
        "bleu": "BLEU",
        "chrf": "chrF",
        "rouge_l": "ROUGE-L",
        "groundedness": "ancrage",
        "recall_at_k": "rappel@k",
        "mrr": "MRR",
        "bertscore": "BERTScore",
        "judge": "juge",
    },
}
_METRIC_PHRASES = {
    "success": "la réussite",
    "exact_match": "l'exactitude",
    "token_f1": "le F1 des mots",
    "containment": "l'inclusion",
    "abstention": "l'abstention",
    "answer_length": "la longueur des réponses",
    "bleu": "le score BLEU",
    "chrf": "le score chrF",
    "rouge_l": "le score ROUGE-L",
    "groundedness": "l'ancrage",
    "recall_at_k": "le rappel@k",
    "mrr": "le rang réciproque moyen (MRR)",
    "bertscore": "le BERTScore",
    "judge": "le juge",
}
_METRIC_MEANINGS = {
    "en": {
        "success": "the expected answer without hedging or padding, or saying so where the documents hold none",
        "exact_match": "the expected answer and nothing else; case, accents, punctuation and articles don't count",
        "token_f1": "words that answer and expected answer share, precision and recall weighed alike",
        "containment": "the expected answer stands word for word in the answer, whatever else does",
        "abstention": "where the documents hold no answer, the model says so",
        "answer_length": "words in an answer; neither long nor short is better",
        "bleu": "word sequences shared with the expected answer, by sacrebleu; says little on answers of a few words",
        "chrf": "letter sequences shared with the expected answer, by sacrebleu; a wrong answer is seldom at zero",
        "rouge_l": "the longest sequence of words shared with the expected answer, gaps allowed",
        "groundedness": "words of the answer that stand in the passages it was given; zero if a name or number doesn't",
        "recall_at_k": "the passage that holds the answer stood in the prompt: a score of the search",
        "mrr": "one over the rank of the passage that holds the answer, 0 without it: a score of the search",
        "bertscore": "closeness of meaning to the expected answer, token by token; a wrong answer is seldom near zero",
        "judge": "a language model finds the answer right, whether it is shown before the expected one or after it",
    },
    "fr": {
        "success": "la réponse attendue, sans détour ni remplissage, ou l'aveu que les documents ne la donnent pas",
        "exact_match": "la réponse attendue et rien d'autre ; casse, accents, ponctuation et articles ne comptent pas",
        "token_f1": "les mots communs à la réponse et à la réponse attendue, précision et rappel à parts égales",
        "containment": "la réponse attendue figure mot pour mot dans la réponse, quel que soit le reste",
        "abstention": "quand les documents ne donnent pas la réponse, le modèle le dit",
        "answer_length": "le nombre de mots d'une réponse ; ni long ni court n'est meilleur",
        "bleu": "les suites de mots communes avec la réponse attendue, par sacrebleu ; peu parlant sur quelques mots",
        "chrf": "les suites de lettres communes avec la réponse attendue, par sacrebleu ; une réponse fausse est"
        " rarement à zéro",
        "rouge_l": "la plus longue suite de mots commune avec la réponse attendue, même à trous",
        "groundedness": "les mots de la réponse qui figurent dans les passages fournis ; zéro si un nom ou un nombre"
        " n'y figure pas",
        "recall_at_k": "le passage qui porte la réponse était dans la consigne : note la recherche",
        "mrr": "l'inverse du rang du passage qui porte la réponse, 0 s'il manque : note la recherche",
        "bertscore": "la proximité de sens avec la réponse attendue, mot à mot ; une réponse fausse est rarement près"
        " de zéro",
        "judge": "un modèle de langue juge la réponse juste, qu'elle lui soit montrée avant ou après celle attendue",
    },
}
_STRATA = {
    "en": {
        "recall": "recall: trained facts, new wording",
        "unseen": "unseen: documents never trained on",
        "unanswerable": "unanswerable: the documents do not say",
        "unlabelled": "without a stratum",
    },
    "fr": {
        "recall": "rappel : faits appris, autre formulation",
        "unseen": "inédit : documents jamais appris",
        "unanswerable": "sans réponse dans les documents",
        "unlabelled": "sans strate",
    },
}
_STRATUM_PHRASES = {
    "en": {
        "recall": "on trained facts asked in new words",
        "unseen": "on documents that training never saw",
        "unanswerable": "on questions that the documents do not answer",
        "unlabelled": "on questions without a stratum",
    },
    "fr": {
        "recall": "sur les faits appris, demandés autrement",
        "unseen": "sur les documents jamais vus à l'entraînement",
        "unanswerable": "sur les questions sans réponse dans les documents",
        "unlabelled": "sur les questions sans strate",
    },
}
_UNITS = {
    "en": {"rate": "points", "words": "words", "seconds": "seconds"},
    "fr": {"rate": "points", "words": "mots", "seconds": "secondes"},
}


def arm_name(arm: str, lang: str) -> str:
    """Short, for tables."""
    return _ARMS[lang].get(arm, arm)


def arm_phrase(arm: str, lang: str) -> str:
    """With its article, for sentences."""
    return _ARM_PHRASES[lang].get(arm) or quoted(arm, lang)


def arm_against(arm: str, lang: str) -> str:
    """Behind "against" in English; in French behind "face", with its preposition: "au RAG", "à l'hybride"."""
    phrase = arm_phrase(arm, lang)
    if lang == "fr":
        return "au " + phrase.removeprefix("le ") if phrase.startswith("le ") else f"à {phrase}"
    return phrase


def metric_name(metric: str, lang: str) -> str:
    """Lower case, without article."""
    return _METRICS[lang].get(metric, metric)


def metric_phrase(metric: str, lang: str) -> str:
    """For sentences; with its article in French."""
    if lang == "fr":
        return _METRIC_PHRASES.get(metric) or f"la métrique {quoted(metric, lang)}"
    return metric_name(metric, lang)


def metric_meaning(metric: str, lang: str) -> str | None:
    """What a metric counts, in one line; None for one of somebody else's."""
    return _METRIC_MEANINGS[lang].get(metric)


def stratum_name(stratum: str, lang: str) -> str:
    """For headings and tables."""
    return _STRATA[lang].get(stratum, stratum)


def stratum_phrase(stratum: str, lang: str) -> str:
    """For the beginning or middle of a sentence."""
    other = {"en": f"on stratum {quoted(stratum, lang)}", "fr": f"sur la strate {quoted(stratum, lang)}"}
    return _STRATUM_PHRASES[lang].get(stratum) or other[lang]


def unit_name(unit: str, lang: str) -> str:
    """The unit of a difference: points for rates."""
    return _UNITS[lang].get(unit, unit)
