"""The sentences that a comparison says, in English and French. `say` fills in numbers and names."""

from __future__ import annotations

from collections.abc import Callable

from dyag_core.text.language import LANGUAGES

#: A number or name that a sentence is filled with; a function of the language where it differs by it.
Part = str | int | Callable[[str], str]

SENTENCES = {
    "en": {
        "use": "Use {leader}: on {metric} it reaches {mean} and beats {beaten}.",
        "beats_first": "{arm} by {difference} {unit} (95% interval {interval})",
        "beats": "{arm} by {difference} {unit} ({interval})",
        "none": "No clear difference between {tied} on {metric}: {pairs}.",
        "corrected": "; p {p} when all pairs are counted",
        "pair_first": "{a} minus {b} is {difference} {unit} (95% interval {interval})",
        "pair": "{a} minus {b} is {difference} {unit} ({interval})",
        "highest": "The highest score, if only by chance: {best}.",
        "best_beats": "The best of them, {best}, clearly beats {beaten}.",
        "base": "The base model is the simplest of them (neither training nor index).",
        "rag": "RAG is the simplest of them (an index, no training).",
        "finetuned": "The fine-tuned model is the simplest of them (no index).",
        "detectable": "With {n} questions, a true difference below {detectable} {unit} would probably go unseen.",
        "too_few": "No recommendation: {n} questions are too few, at least {minimum} are needed. So far, on {metric}:"
        " {pairs}.",
        "stratum_leads": "{stratum}, {leader} leads ({mean}): it beats {beaten}.",
        "stratum_none": "{stratum}, no clear difference between {tied}: {pairs}.",
        "later": "What was never trained on can be found but not recalled: keep retrieval for documents that change.",
        "small_strata": "Fewer than {minimum} questions, so nothing is concluded: {strata}.",
        "hybrid-rag": "Fine-tuning on top of retrieval: {difference} {unit} on {metric} ({interval}), {effect}.",
        "hybrid-finetuned": "Retrieval on top of fine-tuning: {difference} {unit} on {metric} ({interval}), {effect}.",
        "ceiling": "{ceiling} is given the passage that holds the answer, which nobody has outside a test: the base"
        " model then reaches {mean} on {metric}. Compared with {other} that is {difference} {unit} ({interval})."
        "{effect}",
        "ceiling_above": " About so much a perfect search could gain.",
        "ceiling_unclear": " It can't be shown here that a better search would gain anything.",
        "ceiling_below": " The right passage alone does worse than several passages: searching better is no remedy.",
        "ceiling_open": "",
        "gain": "a clear gain",
        "loss": "a clear loss",
        "no_effect": "no clear effect",
        "errors": "{arm}: failed questions, which count as wrong: {count} of {n}.",
        "seen": "{arm}: questions that stand word for word in its training data: {count} of {n}.",
        "without_seen": "Without them it reaches {mean} on {metric} instead of {all}.",
        "small_metrics": "Fewer than {minimum} answers have a score on these metrics, so read them with care:"
        " {metrics}.",
        "truncated": "{arm}: answers cut at the length limit: {count} of {n}.",
        "unscored": "{arm}: answers without a score on the primary metric, left out of the pairs: {count} of {n}.",
        "noise": "Noise floor, the same arm against itself when asked again (in brackets: how often), on {metric}:"
        " {arms}. Differences up to {floor} {unit} mean nothing, and nobody wins by them.",
        "unjudged": "{arm}: answers on which {metric} gave no verdict, counted as wrong: {count} of {n}. Judged, they"
        " would add {points} points at most.",
        "judge_checked": "{arm}: {metric} says the same as people on {agreement} of the labelled answers ({n});"
        " Cohen's kappa {kappa}.",
        "judge_unchecked": "{arm}: nobody has checked {metric} against answers labelled by people"
        " (-m judge.labels=FILE).",
        "forced": "The comparison was forced although the result files differ; see the list above.",
        "pays": "{arm} pays off against {against} after {queries} queries: {once} once and {thousand} per 1000 queries,"
        " against {other_once} once and {other_thousand}.",
        "pays_at_least": "{arm} pays off against {against} after {queries} queries or more (a part of its cost is not"
        " recorded): {once} once and {thousand} per 1000 queries, against {other_once} once and {other_thousand}.",
        "pays_at_once": "{arm} pays off against {against} from the first query: it costs no more once, and {thousand}"
        " per 1000 queries against {other_thousand}.",
        "pays_never": "{arm} never pays off against {against}: it costs more once ({once} against {other_once}) and its"
        " queries are not cheaper ({thousand} per 1000 against {other_thousand}).",
        "rhythm": "Changes a month: {changes}; queries a month: {queries}. That makes {between} queries between two"
        " changes, and everything that is spent once is spent again at each.",
        "rhythm_pays": "{arm} pays off in that time against {against} ({needed} needed).",
        "rhythm_not": "{arm} does not pay off in that time against {against} ({needed} needed).",
        "exactly": "{n}",
        "at_least": "at least {n}",
        "rhythm_none": "Changes a month: 0; queries a month: {queries}. What is spent once is spent once only.",
        "missing": "{arm}: {part} not recorded. {remedy}",
        "missing_training": "seconds of training",
        "missing_data": "seconds of making the training data",
        "missing_index": "seconds of building the index",
        "missing_seconds": "seconds a query",
        "missing_tokens": "prompt and answer tokens",
        "get_training": "Evaluate again with the model's folder, or give --training-seconds.",
        "get_data": "Time dyag generate-training and give --data-seconds.",
        "get_index": "Build the index again (dyag index-rag) and evaluate again, or give --index-seconds.",
        "get_seconds": "Evaluate again with dyag evaluate.",
        "get_tokens": "Evaluate again with dyag evaluate.",
        "ask_more": "Ask more questions: {n} show differences from {detectable} {unit} on; to see {target} {unit} it"
        " takes about {needed} (dyag generate-training --split, with a larger --count).",
        "ask_more_documents": "Ask about more documents: {n} questions come from {documents} only, and answers about"
        " one document go together, so the intervals are wide (dyag generate-training -o facts=2 spreads --count over"
        " more documents).",
        "ask_more_stratum": "Ask more questions of these kinds: {strata}; at least {minimum} are needed.",
        "next_failed": "{arm}: failed questions: {count} of {n}. Read the errors in the results file and evaluate"
        " again: answers that came are kept.",
        "next_retrieval": "{arm}: passages that retrieval missed: {count} of {n} questions. Try -k auto, another"
        " retriever (dyag index-rag --retriever hybrid), or smaller chunks (dyag ingest).",
        "next_context": "{arm}: wrong answers although the passage was in the prompt: {count} of {n}. A larger base"
        " model, or training with passages in the prompt (dyag generate-training --with-context), is the way; retrieval"
        " is not what fails.",
        "next_abstention": "{arm}: answers that should have said that the documents do not tell: {count} of {n}. Train"
        " on more unanswerable questions, or check such answers before showing them.",
        "next_truncated": "{arm}: cut answers: {count} of {n}. Evaluate all arms again with a larger --max-new-tokens.",
    },
    "fr": {
        "use": "Choisissez {leader} : sur {metric}, ce choix atteint {mean} et devance {beaten}.",
        "beats_first": "{arm} de {difference} {unit} (intervalle à 95 % : {interval})",
        "beats": "{arm} de {difference} {unit} ({interval})",
        "none": "Pas de différence nette entre {tied} sur {metric} : {pairs}.",
        "corrected": " ; p {p} en comptant toutes les paires",
        "pair_first": "{a} moins {b} donne {difference} {unit} (intervalle à 95 % : {interval})",
        "pair": "{a} moins {b} donne {difference} {unit} ({interval})",
        "highest": "Le score le plus haut, peut-être par hasard : {best}.",
        "best_beats": "Le meilleur score, obtenu par {best}, devance nettement {beaten}.",
        "base": "Le plus simple est le modèle de base (ni entraînement, ni index).",
        "rag": "Le plus simple est le RAG (un index, pas d'entraînement).",
        "finetuned": "Le plus simple est le modèle affiné (pas d'index).",
        "detectable": "Avec {n} questions, un écart réel inférieur à {detectable} {unit} passerait sans doute"
        " inaperçu.",
        "too_few": "Pas de recommandation : {n} questions, c'est trop peu, il en faut au moins {minimum}. À ce stade,"
        " sur {metric} : {pairs}.",
        "stratum_leads": "{stratum}, le meilleur choix est {leader} ({mean}), qui devance {beaten}.",
        "stratum_none": "{stratum}, pas de différence nette entre {tied} : {pairs}.",
        "later": "Ce qui n'a pas été appris peut se retrouver, pas se réciter : gardez la recherche documentaire"
        " pour les documents qui changent.",
        "small_strata": "Moins de {minimum} questions, donc aucune conclusion : {strata}.",
        "hybrid-rag": "L'affinage ajouté à la recherche : {difference} {unit} sur {metric} ({interval}), {effect}.",
        "hybrid-finetuned": "La recherche ajoutée à l'affinage : {difference} {unit} sur {metric} ({interval}),"
        " {effect}.",
        "ceiling": "{ceiling} reçoit le passage qui porte la réponse, ce que personne n'a hors d'un test : avec le"
        " modèle de base, {metric} est alors de {mean}. Écart avec {other} : {difference} {unit} ({interval}).{effect}",
        "ceiling_above": " C'est à peu près ce qu'une recherche parfaite pourrait gagner.",
        "ceiling_unclear": " Rien ne montre ici qu'une meilleure recherche gagnerait quelque chose.",
        "ceiling_below": " Le bon passage seul fait moins bien que plusieurs passages : mieux chercher n'y changera"
        " rien.",
        "ceiling_open": "",
        "gain": "un gain net",
        "loss": "une perte nette",
        "no_effect": "sans effet établi",
        "errors": "{arm} : questions en échec, comptées comme fausses : {count} sur {n}.",
        "seen": "{arm} : questions présentes mot pour mot dans ses données d'entraînement : {count} sur {n}.",
        "without_seen": "Sans elles, {metric} vaut {mean} au lieu de {all}.",
        "small_metrics": "Moins de {minimum} réponses ont une note sur ces métriques, à lire avec prudence :"
        " {metrics}.",
        "truncated": "{arm} : réponses coupées à la limite de longueur : {count} sur {n}.",
        "unscored": "{arm} : réponses sans note sur la métrique principale, exclues des paires : {count} sur {n}.",
        "noise": "Bruit de fond, la même variante contre elle-même quand on repose les questions (entre parenthèses :"
        " combien de fois), sur {metric} : {arms}. Des écarts jusqu'à {floor} {unit} ne disent rien et ne font gagner"
        " personne.",
        "unjudged": "{arm} : réponses sans verdict ({metric}), comptées comme fausses : {count} sur {n}. Jugées, elles"
        " ajouteraient {points} points au plus.",
        "judge_checked": "{arm} : accord avec des personnes ({metric}) sur {agreement} des réponses étiquetées ({n}) ;"
        " kappa de Cohen : {kappa}.",
        "judge_unchecked": "{arm} : verdicts jamais comparés à des réponses étiquetées par des personnes ({metric} ;"
        " -m judge.labels=FICHIER).",
        "forced": "La comparaison a été forcée bien que les fichiers de résultats diffèrent ; voir la liste ci-dessus.",
        "pays": "{arm} : rentable face {against} après {queries} requêtes ({once} une fois et {thousand} pour"
        " 1000 requêtes, contre {other_once} une fois et {other_thousand}).",
        "pays_at_least": "{arm} : rentable face {against} après {queries} requêtes au moins, une partie de son coût"
        " n'étant pas connue ({once} une fois et {thousand} pour 1000 requêtes, contre {other_once} une fois et"
        " {other_thousand}).",
        "pays_at_once": "{arm} : rentable face {against} dès la première requête (pas plus cher au départ, et"
        " {thousand} pour 1000 requêtes contre {other_thousand}).",
        "pays_never": "{arm} : jamais rentable face {against}, car plus cher au départ ({once} contre {other_once})"
        " sans que ses requêtes le soient moins ({thousand} pour 1000 contre {other_thousand}).",
        "rhythm": "Changements par mois : {changes} ; requêtes par mois : {queries}. Soit {between} requêtes entre deux"
        " changements, et tout ce qui se paie une fois se paie à nouveau à chacun.",
        "rhythm_pays": "{arm} : rentable dans ce délai face {against} (il en faut {needed}).",
        "rhythm_not": "{arm} : pas rentable dans ce délai face {against} (il en faut {needed}).",
        "exactly": "{n}",
        "at_least": "au moins {n}",
        "rhythm_none": "Changements par mois : 0 ; requêtes par mois : {queries}. Ce qui se paie une fois ne se paie"
        " qu'une fois.",
        "missing": "{arm} : {part}, valeur absente des fichiers. {remedy}",
        "missing_training": "durée de l'entraînement",
        "missing_data": "durée de fabrication des données d'entraînement",
        "missing_index": "durée de construction de l'index",
        "missing_seconds": "durée d'une requête",
        "missing_tokens": "jetons de la consigne et de la réponse",
        "get_training": "Évaluez à nouveau avec le dossier du modèle, ou donnez --training-seconds.",
        "get_data": "Chronométrez dyag generate-training et donnez --data-seconds.",
        "get_index": "Reconstruisez l'index (dyag index-rag) puis évaluez à nouveau, ou donnez --index-seconds.",
        "get_seconds": "Évaluez à nouveau avec dyag evaluate.",
        "get_tokens": "Évaluez à nouveau avec dyag evaluate.",
        "ask_more": "Posez plus de questions : {n} montrent des écarts à partir de {detectable} {unit} ; pour en voir"
        " un de {target} {unit}, il en faut environ {needed} (dyag generate-training --split, avec un --count plus"
        " grand).",
        "ask_more_documents": "Posez des questions sur plus de documents : {n} questions n'en concernent que"
        " {documents}, et les réponses sur un même document se ressemblent ; les intervalles sont donc larges (dyag"
        " generate-training -o facts=2 répartit --count sur plus de documents).",
        "ask_more_stratum": "Posez plus de questions des types suivants : {strata} ; il en faut au moins {minimum}.",
        "next_failed": "{arm} : questions en échec : {count} sur {n}. Lisez les erreurs dans le fichier de résultats,"
        " puis évaluez à nouveau : les réponses obtenues sont gardées.",
        "next_retrieval": "{arm} : questions dont le passage n'est pas retrouvé : {count} sur {n}. Essayez"
        " -k auto, un autre moteur de recherche (dyag index-rag --retriever hybrid) ou des morceaux plus petits (dyag"
        " ingest).",
        "next_context": "{arm} : réponses fausses alors que le passage était fourni : {count} sur {n}. La voie est"
        " un modèle de base plus grand, ou un entraînement avec passages fournis (dyag generate-training"
        " --with-context) ; la recherche n'est pas en cause.",
        "next_abstention": "{arm} : réponses qui auraient dû dire que les documents ne répondent pas : {count} sur {n}."
        " Entraînez avec plus de questions sans réponse, ou vérifiez ces réponses avant de les montrer.",
        "next_truncated": "{arm} : réponses coupées : {count} sur {n}. Évaluez à nouveau toutes les variantes avec"
        " un --max-new-tokens plus grand.",
    },
}


def say(key: str, **parts: Part) -> dict[str, str]:
    """The sentence `key` in every language."""
    return {
        lang: SENTENCES[lang][key].format(**{n: part(lang) if callable(part) else part for n, part in parts.items()})
        for lang in LANGUAGES
    }
