"""Does a region behind a town's name say where it is? "Vienna, Austria" is Vienna, "Paris, Texas" is not Paris.

A town whose name alone means one town is another one with another region behind it. Of the others the region only says
more. Names are folded, in English and French.
"""

from __future__ import annotations

from dyag_core.api import fold

#: Countries, and the towns of theirs that are meant where nothing but the name is said.
_COUNTRIES = """
    albania albanie: tirana; algeria algerie: algiers alger oran; argentina argentine: buenos-aires; armenia
    armenie: yerevan erevan; australia australie: canberra sydney melbourne perth; austria autriche: vienna vienne
    salzburg; azerbaijan azerbaidjan: baku bakou; bangladesh: dhaka; belarus bielorussie: minsk; belgium belgique:
    brussels bruxelles ghent gand antwerp anvers; benin: cotonou; bolivia bolivie: la-paz; bosnia bosnie: sarajevo;
    brazil bresil: brasilia; bulgaria bulgarie: sofia; burkina-faso: ouagadougou; cambodia cambodge: phnom-penh;
    cameroon cameroun: yaounde douala; canada: ottawa montreal toronto vancouver; chad tchad: n-djamena; chile
    chili: santiago; china chine: beijing pekin shanghai; colombia colombie: bogota; congo: kinshasa brazzaville;
    croatia croatie: zagreb; cuba: havana la-havane; cyprus chypre: nicosia nicosie; czechia czech-republic tchequie
    republique-tcheque: prague; denmark danemark: copenhagen copenhague; ecuador equateur: quito; egypt egypte:
    cairo caire alexandria alexandrie memphis thebes; estonia estonie: tallinn; ethiopia ethiopie: addis-abeba
    addis-ababa; finland finlande: helsinki; france: paris versailles lyon marseille bordeaux orleans calais brest;
    gabon: libreville; georgia georgie: tbilisi tbilissi; germany allemagne: berlin hamburg hambourg dresden dresde
    hanover hanovre bremen breme potsdam; ghana: accra; greece grece: athens athenes sparta sparte corinth corinthe
    troy troie; guinea guinee: conakry; haiti: port-au-prince; hungary hongrie: budapest; iceland islande:
    reykjavik; india inde: delhi new-delhi mumbai bombay; indonesia indonesie: jakarta; iran: tehran teheran; iraq
    irak: baghdad bagdad; ireland irlande: dublin cork; israel: jerusalem; italy italie: rome venice venise florence
    milan naples turin verona verone syracuse genoa genes; ivory-coast cote-d-ivoire: abidjan; jamaica jamaique:
    kingston; japan japon: tokyo kyoto; jordan jordanie: amman; kazakhstan: astana; kenya: nairobi; south-korea
    korea coree-du-sud coree: seoul; latvia lettonie: riga; lebanon liban: beirut beyrouth; libya libye: tripoli;
    lithuania lituanie: vilnius; madagascar: antananarivo; malaysia malaisie: kuala-lumpur; mali: bamako; malta
    malte: valletta; mauritania mauritanie: nouakchott; mexico mexique: mexico mexico-city; moldova moldavie:
    chisinau; morocco maroc: rabat casablanca tangier tanger; nepal: kathmandu katmandou; netherlands pays-bas:
    amsterdam the-hague la-haye hague haye rotterdam haarlem; new-zealand nouvelle-zelande: wellington auckland;
    niger: niamey; nigeria: lagos abuja; norway norvege: oslo bergen; pakistan: islamabad karachi; peru perou: lima;
    philippines: manila manille; poland pologne: warsaw varsovie cracow cracovie; portugal: lisbon lisbonne porto;
    qatar: doha; romania roumanie: bucharest bucarest; russia russie: moscow moscou saint-petersburg
    saint-petersbourg; rwanda: kigali; saudi-arabia arabie-saoudite: riyadh riyad mecca mecque; scotland ecosse:
    edinburgh edimbourg glasgow aberdeen; senegal: dakar; serbia serbie: belgrade; slovakia slovaquie: bratislava;
    slovenia slovenie: ljubljana; south-africa afrique-du-sud: pretoria cape-town johannesburg; spain espagne:
    madrid barcelona barcelone toledo tolede valencia valence granada grenade cordoba cordoue; sudan soudan:
    khartoum; sweden suede: stockholm; switzerland suisse: bern berne geneva geneve zurich lausanne basel bale
    lucerne; syria syrie: damascus damas; taiwan: taipei; thailand thailande: bangkok; tunisia tunisie: tunis
    carthage; turkey turquie: ankara istanbul; ukraine: kyiv kiev odessa; united-kingdom uk great-britain england
    royaume-uni grande-bretagne angleterre: london londres birmingham manchester cambridge oxford bristol bath york;
    united-states usa us etats-unis: washington new-york philadelphia chicago boston; uruguay: montevideo;
    venezuela: caracas; vietnam: hanoi; wales pays-de-galles: cardiff swansea newport; yemen: sanaa; zambia zambie:
    lusaka; zimbabwe: harare
"""
#: States and provinces that are said behind a town, with the towns of theirs that are meant by the name alone.
_STATES = """
    alabama; alaska; alberta; arizona; arkansas; british-columbia: vancouver; california: los-angeles san-francisco;
    colorado; connecticut; delaware; florida; georgia; hawaii; idaho; illinois: chicago; indiana; iowa; kansas;
    kentucky; louisiana; maine; manitoba; maryland; massachusetts: boston; michigan; minnesota; mississippi;
    missouri; montana; nebraska; nevada; new-brunswick; new-hampshire; new-jersey; new-mexico; new-york;
    north-carolina; north-dakota; nova-scotia; ohio; oklahoma; ontario: ottawa toronto; oregon; pennsylvania:
    philadelphia; quebec: montreal; rhode-island; saskatchewan; south-carolina; south-dakota; tennessee; texas;
    utah; vermont; virginia; west-virginia; wisconsin; wyoming
"""


def _towns() -> dict[str, set[str]]:
    """The towns that are known by their name alone, by the folded name of each region."""
    found: dict[str, set[str]] = {}
    for row in (_COUNTRIES + ";" + _STATES).split(";"):
        regions, _, towns = row.partition(":")
        for region in regions.split():
            found.setdefault(region, set()).update(towns.split())
    return found


_TOWNS = _towns()
_KNOWN = set().union(*_TOWNS.values())


def says_where(town: str, region: str) -> bool:
    """Whether a region behind a town's name only says where that town is."""
    name, place = _key(town), _key(region)
    return place in _TOWNS and (name in _TOWNS[place] or not (name in _TOWNS or name in _KNOWN))


def is_elsewhere(town: str, region: str) -> bool:
    """Whether a town that is known by its name alone lies in another region: "Paris (Texas)"."""
    name, place = _key(town), _key(region)
    return place in _TOWNS and name in _KNOWN and name not in _TOWNS[place]


def _key(name: str) -> str:
    return "-".join(fold(name).replace("'", "-").split())
