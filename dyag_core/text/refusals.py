"""The wordings in which people and models say that they don't know, or that the documents don't tell.

They are grammar, not a list of sentences: who says it (the speaker, the sources), what is denied (knowing, finding,
telling), and what isn't there (the information). All read folded text: lower case, no accents, plain apostrophes.
"""

from __future__ import annotations

import re

#: What was read: the documents themselves, never the thing that is asked about.
SOURCE = (
    r"(?:documents?|documentation|passages?|extraits?|textes?|contextes?|sources?|fiches?|contexts?|texts?|excerpts?"
    r"|snippets?|paragraphs?|paragraphes?|articles?(?! \d)"
    r"|materials?|corpus|knowledge base|base de connaissances"
    r"|what (?:i|we|you)(?: was| were| am| have| had|'ve|'m)?(?: been)? (?:given|gave|shown|showed|told|provided))"
)
_OF_SOURCE = rf"(?:in|from|by|with|dans|par|avec|sur) (?:\w+ ){{0,3}}?{SOURCE}\b"
_END = r"(?=$|[,)]| here\b| to me\b| ici\b)"

# -- English -----------------------------------------------------------------------------------------------------------
_NOT_DO = r"(?:do not|don'?t|does not|doesn'?t|did not|didn'?t|can ?not|can'?t|could not|couldn'?t|fails? to|never)"
_TELL = (
    r"(?:say|state|mention|specify|tell|contain|indicate|give|include|provide|cover|describe|name|identify|reveal|have"
    r"|extend|disclose|address|discuss|answer|list|explain|offer|report|show|allow|refer|detail|clarify|define|make"
    r"|supply)"
)
_I_CANNOT = (
    r"(?:can ?not|can'?t|could ?not|couldn'?t|(?:am |'m |was )?unable to|(?:am not|'m not|was not|wasn'?t|not) able to)"
)
_FIND = (
    r"(?:say|tell|answer|find|determine|help|provide|give|locate|identify|confirm|see|know|share|respond|work|figure"
    r"|deduce|infer|establish|judge|verify|derive|make out)"
)
_INFORMATION = (
    r"(?:information|info|mention|details?|data|answer|indication|record|reference|figures?|context|evidence|clues?)"
)
_TOLD = (
    r"(?:specified|mentioned|stated|indicated|documented|disclosed|given|named(?! as\b)|reported|revealed|described"
    r"|detailed"
    r"|clear|addressed|answered|spelled out|known(?! (?:as|for|to)\b))"
)
_THERE = r"(?:available|provided|found|listed|included|covered|present|contained|shown|supplied)"
_NOT = r"(?:(?:is|are|was|were|has been|have been)(?: \w+ly)?(?: not|n'?t)|it's not|that's not)(?: \w+ly)?(?: been)?"
_THE_INFORMATION = rf"(?:{_INFORMATION}|this|that)"
_ENGLISH = [
    r"\b(?:i|we) (?:\w+ly |just )?(?:do not|don'?t|did not|didn'?t) (?:\w+ly )?(?:know(?! any\b)|find|see)\b",
    r"\b(?:i|we) (?:\w+ly )?(?:do not|don'?t|did not|didn'?t) (?:\w+ly )?have (?:\w+ )?(?:any|that|this|the|enough"
    r"|access"
    r"|information|details?|data|sufficient|knowledge|an answer)\b",
    rf"\b(?:i|we) ?{_I_CANNOT} (?:\w+ly )?{_FIND}\b",
    rf"\b(?:i|we)(?:'ve| have| had| found) (?:no|not enough|insufficient) (?:\w+ )?(?:idea|way|knowledge"
    rf"|{_INFORMATION})\b",
    r"\b(?:i|we) (?:have|found|find|see|saw|read) nothing (?:on|about|in)\b|\bi lack\b",
    r"\b(?:i am|i'm|we are) (?:\w+ly )?(?:not (?:\w+ly )?(?:sure|certain|aware)|unsure|unaware|uncertain)\b",
    rf"^(?:{_I_CANNOT} {_FIND}\b|(?:do not|don'?t) know\b|no idea\b|(?:not sure|not certain|unsure)\b)",
    rf"(?:\bnot|n't) something (?:that )?i (?:have|know|can)\b|\b(?:not|n'?t) something (?:that |which )?(?:the |these"
    rf" )?{SOURCE}\b",
    r"\b(?:beyond|outside) (?:of )?(?:my|what i)\b|\bi (?:won'?t|will not|must decline|decline to|refuse to|would"
    r" rather not)\b",
    r"\b(?:i have|i've|we have|we've) not (?:been (?:given|told)|found|seen)\b"
    r"|\b(?:i|we) haven'?t (?:been (?:given|told)|found|seen|got)\b",
    r"^(?:it|they|this|that) (?:doesn'?t|does not|don'?t|do not) (?:say|tell|specify)$",
    rf"\b(?:{SOURCE}|{_INFORMATION})\b(?: \w+){{0,3}}? (?:is|are) (?:\w+ )?(?:insufficient|inadequate|not (?:enough"
    rf"|sufficient))\b",
    rf"\b{SOURCE} (?:\w+ ){{0,2}}?lacks?\b",
    rf"\b{SOURCE}\b(?:(?! (?:that|which|who)\b)[^.;])* {_NOT_DO} (?:\w+ly )?{_TELL}\b",
    rf"\b(?:my|our) (?:knowledge|information|training|data|notes)\b[^.;]* {_NOT_DO} (?:\w+ly )?(?:{_TELL}|go|reach)\b",
    rf"^(?:it|they|this|that) {_NOT_DO} (?:\w+ly )?{_TELL} (?:who|whom|whose|when|where|why|how|which|whether)\b",
    rf"\b{SOURCE}\b (?:\w+ )?(?:omit|skip|leave|left|ignore|overlook)(?:s|ted|ped)?\b",
    rf"\b(?:missing|absent|left out|omitted) {_OF_SOURCE}|\b(?:does not|doesn'?t|do not"
    rf"|don'?t) appear (?:{_OF_SOURCE}|anywhere)",
    rf"\bappears? nowhere\b|\bnowhere (?:{_OF_SOURCE}|to be found|mentioned|stated|given)",
    rf"\b{SOURCE}\b.*, (?:not|pas) (?:how|who|whom|when|where|why|which|what|whether|its|their|comment|qui|quand"
    rf"|combien"
    r"|pourquoi|quel\w*|sa|son|ses|leurs?)\b",
    r"\b(?:is|'s) no way (?:for me )?(?:to|of) (?:\w+ )?(?:know|tell|say|find|determin|establish)",
    r"\b(?:i|we) (?:failed|fail|was not able|wasn'?t able) to (?:find|see)\b|\b(?:i|we)(?: have"
    r"|'ve)? found (?:nothing|no)\b",
    r"^(?:(?:it|that|this)(?: is|'s) )?(?:hard|difficult|tough) to (?:say|tell|know)\b|^not enough to go on\b",
    r"\b(?:faintest|slightest|foggiest) (?:idea|clue|notion)\b"
    r"|\b(?:is|are|was|were|has been) (?:simply )?(?:left out|omitted|withheld)\b",
    r"\b(?:i|we)(?:'d| would) (?:only |just )?be guessing\b|\b(?:do not|don'?t) want to guess\b",
    r"\b(?:i|we)(?: am| are| was| were|'m|'re)(?: not|n't) (?:told|given|shown)\b",
    r"\b(?:i|we)(?: would|'d)? need (?:more|further|additional|other) (?:context|information|details?|data)\b",
    rf"\b{SOURCE}\b(?: \w+){{0,4}}? (?:say|give|contain|provide|make|ha|offer|include|mention|show)(?:s|ve)?"
    r" (?:no|nothing|neither)\b",
    rf"\b{SOURCE}\b(?: \w+){{0,2}} (?:is|are|remains?) silent\b|\b{SOURCE}\b(?:[^.;]|\.(?=\d))*,? but (?:not"
    rf"|nothing|no)\b",
    rf"\b(?:none|neither|nothing|nowhere|no)(?: \w+)?(?: of| in)?(?: the| these| my| those)?(?: \w+)? {SOURCE}\b",
    rf"\b(?:there(?:'s| is| are| was| were) (?:no(?! doubt)|not (?:any|enough|sufficient))|there (?:is|are)n'?t"
    rf" (?:any|enough|sufficient)) (?:\w+ ){{0,2}}?(?:{_INFORMATION}\b|\w+ (?:{_TOLD}|{_THERE})\b)",
    rf"\bthere(?:'s| is) nothing (?:about|on|said|that|{_OF_SOURCE})|\bthere(?:'s| is) no (?:\w+ )?{_OF_SOURCE}",
    rf"^no (?:\w+ )?{_INFORMATION}(?: {_THERE}| {_TOLD})?(?=$|[,:] | (?:in|about|on|regarding|as to|can be|found)\b)",
    rf"\b(?:no|nothing|nobody|no one)(?: \w+){{0,5}}? (?:is|are|was|were|has been|can be) (?:\w+ly )?(?:{_TOLD}"
    rf"|{_THERE})\b",
    rf"\b{_NOT} {_TOLD}\b",
    rf"\b{_THE_INFORMATION} {_NOT} {_THERE}{_END}|\b{_NOT} (?:{_THERE} )?{_OF_SOURCE}",
    r"(?:\b(?:is|are|remains?|was|were|stays?)|'s) (?:\w+ )?(?:unknown|unclear|unspecified|undisclosed|undetermined"
    r"|unstated)\b",
    rf"^not (?:{_TOLD}|provided|available){_END}|^not (?:{_TOLD}|{_THERE}) {_OF_SOURCE}|^(?:not )?{_OF_SOURCE}, no\b",
    r"^(?:unknown|unanswerable|unspecified|unclear|undetermined|undisclosed|unstated|n/a|not answerable)$",
    r"^(?:\w+, )?(?:insufficient|not enough|missing|no sufficient) (?:information|context|data|details|evidence)\b",
    r"\b(?:impossible|not possible) (?:for me )?to (?:say|tell|know|answer|determine|find|establish|give)\b",
    r"\b(?:answer|it|this|that|information|question|which) (?:can ?not|can'?t|could not|couldn'?t) be"
    r" (?:determined|answered|found|said|established|inferred|known|given|told|deduced|derived)"
    r"(?=$|,| (?:from|with|based|in|using|on|here|by the|given)\b)",
    r"^(?:can ?not|can'?t) be (?:determined|answered|found|said|inferred)\b|^not answered\b|^none (?:given"
    r"|mentioned)\b",
    rf"\bnothing (?:\w+ )?(?:is|was|has been) (?:\w+ )?(?:said|told)\b|^no (?:relevant|such|suitable|matching)"
    rf" (?:{_INFORMATION}|{SOURCE})\b",
    rf"^not (?:\w+ )?{_OF_SOURCE}|^not in (?:the )?context$|^not applicable$|^{_INFORMATION} (?:not|un)\s?{_THERE}$",
]

# -- French ------------------------------------------------------------------------------------------------------------
_PAS = r"(?:pas|rien|aucune?|nullement|guere|jamais)"
_DIT = (
    r"(?:precis|indiqu|mentionn|renseign|specifi|communiqu|document|donn|cit|nomm|detaill|divulgu|revel|evoqu|stipul"
    r"|explicit|trait|abord|dit)(?:ee?s?|es?|e)?"
)
_DIRE = (
    r"(?:precis|indiqu|mentionn|donn|contien|permet|di[st]|fourni|parl|renseign|specifi|evoqu|abord|couvr|cit|nomm"
    r"|trait"
    r"|repond|comport|revel|detaill|decri|expliqu|apport|offr|communiqu|suffi|figur|propos)"
)
_CONNU = r"(?:connue?s?(?! (?:pour|comme|du|des|de)\b)|claire?s?|dite?s?)"
_LA = r"(?:disponible|fournie?|trouvee?|accessible|incluse?|presente?|presentee?)s?"
_INFOS = (
    r"(?:informations?|reponses?|donnees?|mention|indications?|precisions?|details?|elements?|references?|chiffres?"
    r"|trace)"
)
_N_EST = r"(?:n'est|ne sont|n'etait|n'a|n'ont|n'y est|est|sont)(?: \w+ment)? pas(?: ete)?(?: \w+ment)?"
_FRENCH = [
    r"\bj(?:e |'|')(?:ne |n'|n )?(?:le |la |l'|les |vous )?(?:sais|connais) (?:malheureusement |vraiment )?(?:pas"
    r"|rien|guere)\b",
    r"\b(?:on|nous) (?:ne )?(?:le |la )?(?:sait|savons|connait|connaissons) pas\b|^(?:ne )?sais pas\b|^chais pas\b",
    r"\b(?:j'|je l'|on l'|on |nous |nous l')ignor(?:e|ons)\b|\bn'en sais rien\b|\baucune idee\b",
    r"\bje n'ai (?:\w+ )?(?:aucune?|rien)\b|\bje n'ai (?:\w+ment )?pas (?:d'|de |du |cette|ces|la |l'|acces|assez"
    r"|trouve|pu|suffisamment|connaissance|les )",
    r"\b(?:je|nous|on) (?:ne |n')(?:\w+ment )?(?:trouve|trouvons|vois|voyons|dispose|disposons"
    r"|possede|avons|parviens|arrive)(?: \w+ment)? (?:pas|aucune?|rien)\b",
    r"\b(?:je|nous|on) (?:ne )?(?:peux|peut|puis|pouvons|saurais)(?: \w+ment)? pas (?:vous |te |y |le |la |l'|en )*"
    r"(?:repondre|dire(?! non)|savoir|donner|trouver|determiner|fournir|preciser|confirmer|aider|indiquer"
    r"|identifier)\b",
    r"\bje ne suis (?:\w+ment )?pas (?:sure?|certaine?|en mesure|capable|au courant|informee?)\b",
    rf"\b{SOURCE}\b(?:(?! (?:que|dont|qui)\b)[^.;])*? (?:ne |n')(?:l'|le |la |les |en |y |nous )*{_DIRE}\w*"
    rf" (?:\w+ment )?{_PAS}\b",
    rf"\b{SOURCE}\b[^.;]* (?:ne (?:nomm|cit|mentionn|design)\w+ personne|(?:est|sont|reste|restent) muett?e?s?)\b",
    rf"\b{SOURCE}\b(?: \w+){{0,3}}? (?:est|sont) (?:\w+ment |trop )?(?:insuffisante?s?|incomplete?s?|incomplets?)\b",
    rf"\b{SOURCE}\b(?:[^.;]|\.(?=\d))*(?:,? mais (?:pas|rien|ni)|,? sans (?:preciser|mentionner|indiquer|dire"
    rf"|donner|citer))\b",
    rf"\b(?:aucune?|rien)(?: \w+)?(?: des?| dans| de ces)?(?: les?| l'| ces| mes| la)? ?(?:\w+ )?{SOURCE}\b(?= \w)",
    rf"(?:^|\bil n'y a |\bni )(?:aucune?|pas d'|pas de )(?:\w+ )?{_INFOS}(?: {_LA}| {_DIT})?"
    r"(?=$|[,:] | (?:sur|a cet?(?:te)?|dans|la-dessus|concernant|permettant|relati\w+|quant|au sujet|a propos|de la"
    r"|de l'|du"
    r"|d')\b)",
    rf"\baucune?(?: [\w']+){{1,4}}? (?:n'est|n'a ete|n'y est)(?: \w+ment)? (?:{_DIT}|{_CONNU}|{_LA})\b",
    rf"\b{_N_EST} (?:{_DIT}|{_CONNU})\b|\bn(?:e l')?'?est pas fait mention\b|\bfait aucune mention\b",
    rf"\b(?:{_INFOS}|ce|cela|ceci) {_N_EST} {_LA}{_END}|\b{_N_EST} (?:{_LA} )?{_OF_SOURCE}",
    rf"\bne (?:se |s')?(?:figure|trouve|apparai\w+)(?:nt)? (?:pas|nulle part) (?:{_OF_SOURCE}|ici)",
    r"\bn(?:e |')(?:se |s'|y )?\w+(?: \w+)? nulle part\b",
    r"\bn(?:e |')(?:s')?y (?:figure|apparai|est|trouve)\w* pas\b|\b(?:ne )?fai(?:t|sait) pas partie",
    rf"\b(?:absente?s?|manque(?:nt)?) (?:des?|du|dans) (?:\w+ ){{0,2}}?{SOURCE}\b"
    rf"|\b{_INFOS} (?:\w+ ){{0,2}}?(?:manque|fai\w+ defaut|font defaut)",
    rf"\b{SOURCE}\b(?: \w+){{0,2}} (?:omet\w*|elude\w*|tai(?:t|sent)|passe\w* .*sous silence|laisse\w* .*de cote)\b",
    rf"^rien (?:la-dessus|a ce (?:sujet|propos)|sur ce point|{_OF_SOURCE})|\brien ne (?:me )?permet\b"
    rf"|\bpas la moindre idee\b",
    rf"^(?:pas assez|trop peu|insuffisamment) (?:de |d')(?:{_INFOS}|contexte)|\bil (?:me )?manque (?:cette|l'|la"
    rf"|des|une|les) ?{_INFOS}",
    r"\bsans (?:plus|davantage) (?:de |d')(?:contexte|informations?|details?|precisions?)\b"
    r"|^(?:c'est )?difficile (?:a|de le|de) (?:dire|savoir)\b",
    r"\b(?:il me faudrait|j'aurais besoin) (?:de |d')(?:plus|davantage|autres?)\b[^.;]*\b(?:contexte|informations?"
    r"|details?)",
    rf"\b{_INFOS} (?:non (?:{_LA}|{_DIT})|absente?s?|manquante?s?|inconnue?s?|insuffisante?s?|indisponibles?"
    rf"|introuvables?)\b",
    rf"^(?:non|pas) (?:{_DIT}|{_CONNU}|disponible|communique|fournie?)s?(?:$|[,:] | (?:ici|{_OF_SOURCE}))",
    r"^inconnue?s?$|\b(?:est|sont|reste|restent|demeure) (?:\w+ment |encore )?inconnue?s?\b",
    r"\bne (?:peut|peuvent|saurait) (?:pas )?etre (?:determine|trouve|donne|etabli|dedui|connu|repondu)\w*",
    r"\b(?:im|pas )possible (?:de|a|d') ?(?:le |l'|y |vous )?(?:repondre|dire|savoir|determiner|trouver|etablir"
    r"|connaitre)\b",
    rf"\b{_INFOS} (?:\w+ ){{0,3}}?(?:ne (?:permet\w*|suffi\w+) pas|(?:est|sont) insuffisante?s?|n'apparai\w+ pas)\b",
    rf"\b(?:aucune?|pas d'|rien)(?: ?\w+)? (?:ne |n')(?:permet\w*|est (?:\w+ment )?{_DIT})|\breste sans reponse\b"
    rf"|\bsans reponse$",
    rf"^non {_LA} {_OF_SOURCE}|\bil manque (?:\w+ ){{1,2}}pour (?:\w+ )?repondre\b",
    r"\bje (?:prefere ne pas|refuse de|dois refuser de|ne souhaite pas|ne saurais)\b",
    r"^sans (?:reponse|information)\b|\bfaute d'(?:information|element)s?\b",
]

REFUSAL = re.compile("|".join(f"(?:{wording})" for wording in (*_ENGLISH, *_FRENCH)))
#: Denials that deny something else: a time that has not come, the one exception.
OTHER_DENIAL = re.compile(
    r"\b(?:until|before|any ?more|no longer|anything but|nothing else|any better|(?:any|no) other [\w ]+ than"
    r"|aucune? autre [\w ]+ que|d'autre\w* [\w ]+ que|jusqu|avant|rien d'autre)\b"
)
#: Words beside a refusal that give nothing: apologies, advice, what the sources do tell about.
COURTESY = re.compile(
    r"\b(?:sorry|regret\w*|afraid|navree?|desole|apolog\w+|excus\w+|pardon|unfortunately|malheureusement|please"
    r"|you'(?:d|ll)|you (?:have to|need to|will|can|may|might|could"
    r"|should|would)"
    r"|vous (?:pouvez|pourriez|devriez)|tu (?:peux|pourrais|devrais)|consult\w*|contact\w*|check|refer to|veuillez"
    r"|n'hesitez|let me know|feel free|i (?:can|could|would be) (?:help|happy|glad)|more (?:context|information"
    r"|details)"
    r"|je vous|je te|recommend|suggest|conseill\w+|merci|thank|^as an? (?:ai|assistant|language model|large)\b.*|en"
    r" tant que|hope)\b"
    rf"|\b{SOURCE}\b.* (?:mention|talk|describ|name|list|only|about|concern|deal|parl|decri|cit|trait|evoqu|nomm"
    rf"|seulement"
    rf"|uniquement|port"
    r"|focus|discuss|cover|contain|contien)"
)
#: Words that turn what follows into a guess, an answer all the same.
GUESS = re.compile(
    r"^(?:maybe|perhaps|probably|possibly|presumably|likely|most likely|i would|i'd|i think|i guess|i believe|it"
    r" (?:may|might|could"
    r"|is|was)|peut-etre|sans doute|probablement|je (?:dirais|pense|crois|suppose)|c'est|il (?:s'agit|est)|about"
    r"|around|environ)\b"
    r"|\d"
)
