"""The sentences that a comparison says, in English and French. Numbers and names are filled in by `recommend`."""

SENTENCES = {
    "en": {
        "use": "Use {leader}: on {metric} it reaches {mean} and beats {beaten}.",
        "beats_first": "{arm} by {difference} {unit} (95% interval {interval})",
        "beats": "{arm} by {difference} {unit} ({interval})",
        "none": "No clear difference between {tied} on {metric}: {pairs}.",
        "pair_first": "{a} minus {b} is {difference} {unit} (95% interval {interval})",
        "pair": "{a} minus {b} is {difference} {unit} ({interval})",
        "best_beats": "The best of them, {best}, clearly beats {beaten}.",
        "base": "If you must choose, the base model is the simplest: it needs neither training nor an index.",
        "rag": "If you must choose, RAG is the simplest of them: it needs an index but no training.",
        "finetuned": "If you must choose, the fine-tuned model is the simplest of them: it needs no index.",
        "detectable": "With {n} questions, a true difference below {detectable} {unit} would probably go unseen.",
        "too_few": "No recommendation: {n} questions are too few, at least {minimum} are needed. So far, on {metric}:"
        " {pairs}.",
        "stratum_leads": "{stratum}, {leader} leads ({mean}): it beats {beaten}.",
        "stratum_none": "{stratum}, no clear difference between {tied}: {pairs}.",
        "later": "What was never trained on can be found but not recalled: keep retrieval for documents that change.",
        "small_strata": "Fewer than {minimum} questions, so nothing is concluded: {strata}.",
        "hybrid-rag": "Fine-tuning on top of retrieval: {difference} {unit} on {metric} ({interval}), {effect}.",
        "hybrid-finetuned": "Retrieval on top of fine-tuning: {difference} {unit} on {metric} ({interval}), {effect}.",
        "gain": "a clear gain",
        "loss": "a clear loss",
        "no_effect": "no clear effect",
        "errors": "{arm}: {count} of {n} questions failed and count as wrong.",
        "seen": "{arm}: {count} of {n} questions stand word for word in its training data.",
        "truncated": "{arm}: {count} of {n} answers hit the length limit and are cut.",
        "unscored": "{arm}: {count} of {n} answers have no score on the primary metric; pairs without both scores are"
        " left out.",
        "forced": "The comparison was forced although the result files differ; see the list above.",
    },
    "fr": {
        "use": "Choisissez {leader} : sur {metric}, ce choix atteint {mean} et devance {beaten}.",
        "beats_first": "{arm} de {difference} {unit} (intervalle à 95 % : {interval})",
        "beats": "{arm} de {difference} {unit} ({interval})",
        "none": "Pas de différence nette entre {tied} sur {metric} : {pairs}.",
        "pair_first": "{a} moins {b} donne {difference} {unit} (intervalle à 95 % : {interval})",
        "pair": "{a} moins {b} donne {difference} {unit} ({interval})",
        "best_beats": "Le meilleur score, obtenu par {best}, devance nettement {beaten}.",
        "base": "S'il faut choisir, le modèle de base est le plus simple : ni entraînement, ni index.",
        "rag": "S'il faut choisir, le RAG est le plus simple : un index, mais pas d'entraînement.",
        "finetuned": "S'il faut choisir, le modèle affiné est le plus simple : il se passe d'index.",
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
        "gain": "un gain net",
        "loss": "une perte nette",
        "no_effect": "sans effet établi",
        "errors": "{arm} : {count} questions sur {n} ont échoué et comptent comme fausses.",
        "seen": "{arm} : {count} questions sur {n} figurent mot pour mot dans ses données d'entraînement.",
        "truncated": "{arm} : {count} réponses sur {n} ont atteint la limite de longueur et sont coupées.",
        "unscored": "{arm} : {count} réponses sur {n} n'ont pas de note sur la métrique principale ; les paires"
        " incomplètes sont laissées de côté.",
        "forced": "La comparaison a été forcée bien que les fichiers de résultats diffèrent ; voir la liste ci-dessus.",
    },
}
