// What the page says, in English and in French.
const TEXTS = {
  en: {
    skip: "To the question",
    other: "Français",
    index: (date, passages) => `Documents of ${date}, ${passages} passages`,
    measured: "What was measured",
    report: "The comparison report",
    question: "Your question",
    arms: "Who answers",
    mode: "How",
    open: "Names shown",
    blind: "Blind vote between two",
    send: "Ask",
    stop: "Stop",
    keys: "Enter asks, Shift+Enter a new line, Escape stops.",
    answers: "Answers",
    earlier: "Earlier questions",
    export: "Save questions with a right answer, for dyag evaluate",
    token: "Token of this server",
    enter: "Enter",
    wrong_token: "That is not the token.",
    one_arm: "Choose who answers.",
    two_arms: "A vote needs two: choose them.",
    writing: "writing …",
    waiting: "waiting for its turn …",
    complete: (name) => `${name}: answer complete`,
    stopped: "stopped",
    failed: "No answer",
    cut: "The answer was cut at its limit.",
    cost: (seconds, first, tokens) => `${seconds} s, first word after ${first} s, ${tokens} tokens`,
    sources: (count) => (count === 1 ? "1 source" : `${count} sources`),
    no_sources: "Nothing was found in the documents.",
    marked: "Marked: words that the answer took.",
    score: "score",
    whole: "Open the passage",
    recommended: "recommended by the measurement",
    left: "Left",
    right: "Right",
    same: "Both alike",
    wrong: "Both wrong",
    vote: "Which answer is better?",
    right_answer: "The right answer, if you know it",
    save_vote: "Save the vote",
    saved: (left, right) => `Saved. Left was ${left}, right was ${right}.`,
    not_saved: "The vote was not saved:",
    unreachable: "The server can't be reached.",
    base: "base: the model alone",
    rag: "rag: the model, given passages",
    finetuned: "finetuned: the model trained on your documents",
    hybrid: "hybrid: trained, and given passages",
  },
  fr: {
    skip: "Aller à la question",
    other: "English",
    index: (date, passages) => `Documents du ${date}, ${passages} passages`,
    measured: "Ce qui a été mesuré",
    report: "Le rapport de comparaison",
    question: "Votre question",
    arms: "Qui répond",
    mode: "Comment",
    open: "Noms affichés",
    blind: "Vote à l’aveugle entre deux",
    send: "Demander",
    stop: "Arrêter",
    keys: "Entrée envoie, Maj+Entrée va à la ligne, Échap arrête.",
    answers: "Réponses",
    earlier: "Questions précédentes",
    export: "Enregistrer les questions qui ont une bonne réponse, pour dyag evaluate",
    token: "Jeton de ce serveur",
    enter: "Entrer",
    wrong_token: "Ce n’est pas le jeton.",
    one_arm: "Choisissez qui répond.",
    two_arms: "Un vote en oppose deux : choisissez-les.",
    writing: "écrit …",
    waiting: "attend son tour …",
    complete: (name) => `${name} : réponse complète`,
    stopped: "arrêté",
    failed: "Pas de réponse",
    cut: "La réponse a été coupée à sa limite.",
    cost: (seconds, first, tokens) => `${seconds} s, premier mot après ${first} s, ${tokens} jetons`,
    sources: (count) => (count === 1 ? "1 source" : `${count} sources`),
    no_sources: "Rien n’a été trouvé dans les documents.",
    marked: "Surligné : les mots que la réponse a repris.",
    score: "score",
    whole: "Ouvrir le passage",
    recommended: "recommandé par la mesure",
    left: "Gauche",
    right: "Droite",
    same: "Pareilles",
    wrong: "Fausses toutes deux",
    vote: "Quelle réponse est la meilleure ?",
    right_answer: "La bonne réponse, si vous la connaissez",
    save_vote: "Enregistrer le vote",
    saved: (left, right) => `Enregistré. À gauche : ${left} ; à droite : ${right}.`,
    not_saved: "Le vote n’a pas été enregistré :",
    unreachable: "Le serveur ne répond pas.",
    base: "base : le modèle seul",
    rag: "rag : le modèle, avec des passages",
    finetuned: "finetuned : le modèle entraîné sur vos documents",
    hybrid: "hybrid : entraîné, avec des passages",
  },
};

const wished = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in TEXTS);
export let language = wished || "en";

export function say(key, ...values) {
  const text = TEXTS[language][key] ?? key;
  return typeof text === "function" ? text(...values) : text;
}

export function number(value, digits = 1) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function switchLanguage() {
  language = language === "en" ? "fr" : "en";
}

export function writeTexts() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
}
