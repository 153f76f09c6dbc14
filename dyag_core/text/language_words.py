"""Words that tell a language: those that sentences are made of, and those that records without a sentence hold.

A word that several languages have counts for each of them, so it tells nothing between those: "licence" is French and
English. All are folded (lower case, no accents).
"""

from __future__ import annotations

#: Languages by their code, for people. Those without words here are told by their script.
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish or Norwegian", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian or Ukrainian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "zh": "Chinese",
}  # fmt: skip

_FUNCTION = {
    "fr": "le la les on un une des du de et est dans pour par sur avec qui que ce cette ces au aux en sont pas plus ou "
    "il elle son sa ses leur nous vous se ne sans chez dont mais donc si comme tres aussi entre "
    "sous apres avant depuis peut etre fait ainsi afin tout tous toute toutes cet leurs ils elles votre notre vos nos "
    "je",
    "en": "the a an of and is are in for by on with which that this to at from as be or it its their we you not can "
    "has have was were will if when how what who your our they but all more than into about each must should may been "
    "does do only also other these those there any no per",
    "de": "der die das und ist ein eine einer einen einem mit von zu den dem des fur auf im nicht sich auch werden "
    "wird sind bei aus nach wie oder uber zum zur als an es sie wir ihr durch kann hat haben nur noch wenn unter um "
    "vor dass vom diese dieser dieses keine kein bis",
    "es": "el la los las un una unos unas de del y es en por para con que se su sus al no como mas pero lo este esta "
    "estos estas son ha fue entre sobre desde sin cuando muy tambien puede ser hay ya o nos les",
    "it": "il lo la i gli le un una uno di del della dei delle degli e in per con che si al alla non sono come piu ma "
    "nel nella anche questo questa da dal dalla ha essere sul sulla tra ed o ogni quando puo suo sua loro",
    "pt": "o a os as um uma de do da dos das e em no na nos nas por para com que se ao aos nao mais mas como seu sua "
    "este esta ser foi sao tem pelo pela ou entre sobre sem quando tambem pode ja",
    "nl": "de het een en van is in op te met voor zijn dat die niet aan er als ook bij door naar om uit wordt worden "
    "deze dit over kan maar of heeft hebben geen tot wij u je meer hun",
    "ca": "el la els les un una de del dels i es en per amb que no al als com mes pero aquest aquesta seva seu son ha "
    "entre sobre sense quan tambe pot ser hi o",
    "sv": "och att det som en ett av for den till med ar pa i om inte de har var kan ska eller fran vid nar sig men "
    "sin denna detta alla",
    "da": "og i at det som en et den til med er pa for af ikke de har kan skal eller fra ved nar sig men sin denne "
    "dette alle hvor blir bliver vaere",
    "fi": "ja on ei se etta joka ovat oli kun mutta tai myos voi kuin sen ne tama han ole mukaan jos",
    "pl": "i w na z do jest nie sie to ze od po dla jak oraz przez lub sa przy tym tego ktory ktora ktore moze za o "
    "ale",
    "cs": "a v na je se ze s do pro z k jako nebo jsou by byl ktery ktera ktere pri od po ale podle tak o jeho",
    "hu": "a az es hogy nem is egy van meg ez azt mint vagy csak ki be el fel ha de lehet volt",
    "ro": "si in de la cu un o pe din este nu sa se care pentru ca mai sunt a al ale sau prin dupa fost ce",
    "tr": "ve bir bu icin ile de da en olan olarak daha gibi veya cok kadar ise mi her ne ya",
}

_RECORDS = {
    "fr": "editeur editrice hebergeur hebergement auteur auteurs autrice nom noms ville villes pays adresse telephone "
    "courriel langue langues langage prix cout tarif statut etat responsable secteur domaine categorie version date "
    "annee annees site web depot licence fournisseur prestataire gestionnaire proprietaire mise jour ligne titre "
    "numero code postal commune departement region horaires duree delai objectif objet utilisateurs utilisateur "
    "fonction usage cas taille poids couleur largeur hauteur surface nombre montant budget effectif service direction "
    "equipe referent contact etiquettes mots cles criticite sauvegarde base donnees gratuit oui non maire mairie rue "
    "lieu creation debut fin reference marque modele quantite fabricant frequence periode population capitale monnaie "
    "sigle intitule libelle observations remarques commentaire metier logiciel outil application plateforme systeme "
    "exploitation formation niveau public priorite droits acces documents delivre valide pieces demande dossier fiche "
    "sommaire glossaire parcs voirie salle salles etage etages lieux tarifs effectifs produit produits emplacement "
    "vehicule vehicules kilometrage immatriculation comparatif critere criteres caracteristique caracteristiques "
    "fonctionnalite fonctionnalites fiches recueil consigne consignes etapes materiel logiciels fournisseurs habitants "
    "visiteurs eleves salaries employes batiment batiments superficie profondeur longueur diametre puissance vitesse "
    "debit capacite sieges bureaux prenom naissance embauche conges heure heures jours semaine semaines mois annuel "
    "mensuel hebdomadaire payant payante prevu reel depenses recettes energie eau electricite chauffage eclairage "
    "achats ventes ecole college lycee bibliotheque mediatheque piscine gymnase stade musee parc jardin quartier "
    "canton prefecture ministre ouverture fermeture arrivee depart trajet velo voiture voitures camion clou marteau "
    "seuil quantites unite unites valeur valeurs defaut obligatoire facultatif optionnel exemple exemples reponse "
    "reponses objectifs prerequis remarque poste postes champ champs contenu "
    "rayon propriete attribut attributs ecrou "
    "rubrique identifiant francais anglais allemand espagnol ouvert ferme actif inactif recommande janvier fevrier "
    "mars avril mai juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi gare "
    "parking place avenue maison",
    "en": "publisher host hosting author authors name names city town country address phone telephone email language "
    "languages price cost fee status state owner sector field domain category version date year years website web "
    "site repository license licence supplier vendor manager updated update line title number code postal zip county "
    "region hours duration deadline purpose users user function usage size weight colour color width height area "
    "count amount budget staff service department team lead contact tags keywords criticality backup database data "
    "free yes mayor street place created creation start end reference brand model quantity manufacturer frequency "
    "period population capital currency parking description comment notes software tool application platform system "
    "operating training level public priority access documents type file folder support maintenance release released "
    "open closed active english french german january february march april may june july august september october "
    "november december monday tuesday wednesday thursday friday summary role goal source product products location "
    "room rooms seat seats vehicle vehicles mileage plate feature features requirement requirements comparison planned "
    "actual item items meaning default flag flags value values example examples building buildings floor floors "
    "employee employees member members customer customers student students visitor visitors children school library "
    "museum garden power speed length depth capacity required optional mandatory first last birth day days week weeks "
    "month monthly weekly yearly opening closing arrival departure screw nail hammer unit units remark remarks answer "
    "answers goals supplier suppliers provider providers warehouse fleet expenses income revenue energy water "
    "electricity heating lighting purchase purchases car bolt wheel tools teams membership official road lane "
    "fields content contents property attribute column row nut",
    "de": "herausgeber hersteller anbieter betreiber autor name ort stadt land adresse anschrift telefon sprache "
    "sprachen preis kosten gebuhr zustand besitzer eigentumer bereich kategorie datum jahr webseite lizenz lieferant "
    "leiter zustandig stand zeile titel nummer strasse plz postleitzahl landkreis offnungszeiten dauer frist zweck "
    "benutzer nutzer funktion grosse gewicht farbe breite hohe flache anzahl betrag abteilung ansprechpartner "
    "schlagworte sicherung datenbank kostenlos ja nein burgermeister gemeinde beginn ende marke modell menge "
    "haufigkeit zeitraum einwohner hauptstadt wahrung beschreibung bemerkung anwendung betriebssystem januar februar "
    "marz juni juli oktober dezember montag dienstag mittwoch donnerstag freitag deutsch englisch franzosisch version",
    "es": "editor autor autora nombre ciudad pais direccion telefono correo idioma idiomas precio coste costo tarifa "
    "estado responsable propietario sector ambito categoria version fecha ano sitio web licencia proveedor "
    "actualizacion titulo numero codigo postal municipio provincia region horario duracion plazo objetivo usuarios "
    "usuario funcion uso tamano peso color ancho alto superficie cantidad importe presupuesto servicio departamento "
    "equipo contacto etiquetas copia seguridad base datos gratis si alcalde calle lugar inicio fin marca modelo "
    "frecuencia periodo poblacion capital moneda descripcion comentario programa herramienta aplicacion plataforma "
    "sistema operativo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes "
    "martes miercoles jueves viernes fabricante",
    "it": "editore autore nome citta paese indirizzo telefono lingua lingue prezzo costo tariffa stato responsabile "
    "proprietario settore ambito categoria versione data anno sito web licenza fornitore aggiornamento titolo numero "
    "codice postale comune provincia regione orario orari durata scadenza scopo utenti utente funzione uso dimensione "
    "peso colore larghezza altezza superficie quantita importo servizio dipartimento squadra contatto etichette base "
    "dati gratuito si sindaco via luogo inizio fine marca modello frequenza periodo popolazione capitale valuta "
    "descrizione commento programma strumento applicazione piattaforma sistema operativo gennaio febbraio marzo "
    "aprile maggio giugno luglio agosto settembre ottobre novembre dicembre lunedi martedi mercoledi giovedi venerdi "
    "produttore",
    "pt": "editor editora autor autora nome cidade pais endereco telefone idioma linguas preco custo tarifa estado "
    "responsavel proprietario setor area categoria versao data ano sitio site licenca fornecedor atualizacao titulo "
    "numero codigo postal municipio distrito regiao horario duracao prazo objetivo utilizadores usuarios usuario "
    "funcao uso tamanho peso cor largura altura superficie quantidade valor servico departamento equipa equipe "
    "contato contacto etiquetas base dados gratuito sim rua lugar inicio fim marca modelo frequencia periodo "
    "populacao capital moeda descricao comentario programa ferramenta aplicacao plataforma sistema operativo janeiro "
    "fevereiro marco maio junho julho setembro outubro novembro dezembro fabricante",
    "nl": "uitgever auteur naam stad plaats land adres telefoon taal talen prijs kosten status eigenaar sector gebied "
    "categorie versie datum jaar website licentie leverancier bijgewerkt titel nummer postcode gemeente provincie "
    "regio openingstijden duur doel gebruikers gebruiker functie gebruik grootte gewicht kleur breedte hoogte "
    "oppervlakte aantal bedrag dienst afdeling team contactpersoon trefwoorden databank gratis ja nee burgemeester "
    "straat begin einde merk model hoeveelheid periode bevolking hoofdstad munt beschrijving opmerking toepassing "
    "besturingssysteem januari februari maart juni juli augustus oktober fabrikant beheerder",
    "ca": "editor autor nom ciutat pais adreca telefon idioma llengua preu cost estat responsable propietari sector "
    "categoria versio data any lloc llicencia proveidor titol numero codi postal municipi provincia regio horari "
    "durada objectiu usuaris funcio us mida pes color quantitat servei departament equip contacte fabricant",
    "sv": "utgivare forfattare namn stad ort land adress telefon sprak pris kostnad agare omrade kategori datum ar "
    "webbplats licens leverantor titel nummer postnummer kommun region oppettider anvandare funktion storlek vikt "
    "farg antal belopp avdelning kontakt gratis ja nej tillverkare beskrivning",
    "da": "utgiver udgiver forfatter navn by sted land adresse telefon sprog sprak pris ejer eier omrade kategori "
    "dato ar hjemmeside nettsted licens lisens leverandor tittel titel nummer postnummer kommune region brugere "
    "brukere funktion storrelse vaegt vekt farve farge antal belob afdeling avdeling kontakt gratis ja nej nei "
    "produsent beskrivelse",
    "fi": "julkaisija kirjoittaja nimi kaupunki maa osoite puhelin kieli hinta kustannus tila omistaja ala luokka "
    "versio paivamaara vuosi sivusto lisenssi toimittaja otsikko numero postinumero kunta kayttajat toiminto koko "
    "paino vari maara osasto yhteyshenkilo ilmainen kylla kuvaus valmistaja",
    "pl": "wydawca autor nazwa imie miasto kraj adres telefon jezyk cena koszt stan wlasciciel dziedzina kategoria "
    "wersja data rok strona licencja dostawca tytul numer kod gmina wojewodztwo godziny uzytkownicy funkcja rozmiar "
    "waga kolor liczba ilosc kwota dzial kontakt bezplatny tak nie opis producent",
    "cs": "vydavatel autor nazev jmeno mesto zeme stat adresa telefon jazyk cena naklady stav vlastnik obor kategorie "
    "verze datum rok stranka licence dodavatel titul cislo psc obec kraj uzivatele funkce velikost vaha barva pocet "
    "castka oddeleni kontakt zdarma ano ne popis vyrobce",
    "hu": "kiado szerzo nev varos orszag cim telefon nyelv ar koltseg allapot tulajdonos terulet kategoria verzio "
    "datum ev weboldal licenc szallito szam iranyitoszam megye felhasznalok funkcio meret suly szin mennyiseg osszeg "
    "osztaly kapcsolat ingyenes igen nem leiras gyarto",
    "ro": "editura autor nume oras tara adresa telefon limba pret cost stare proprietar domeniu categorie versiune "
    "data an site licenta furnizor titlu numar cod comuna judet program utilizatori functie marime greutate culoare "
    "cantitate suma departament contact gratuit da nu descriere producator",
    "tr": "yayinci yazar ad adi sehir ulke adres telefon dil fiyat maliyet durum sahibi alan kategori surum tarih yil "
    "site lisans tedarikci baslik numara posta ilce bolge kullanicilar islev boyut agirlik renk sayi miktar bolum "
    "iletisim ucretsiz evet hayir aciklama uretici",
}  # fmt: skip

#: Letters that tell a language where words don't, as they stand in a text.
LETTERS = {
    lang: frozenset(letters)
    for lang, letters in {
        "fr": "çœèêëùÿ", "de": "ßäü", "es": "ñ¿¡", "pt": "ãõ", "pl": "łąęśżź", "cs": "řěůč", "hu": "őű", "ro": "șțăţ",
        "tr": "ğış", "sv": "åä", "da": "øæå", "it": "ìò",
    }.items()
}  # fmt: skip


def _languages_by_word() -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, dict[str, int]] = {}
    for words, weight in ((_RECORDS, 1), (_FUNCTION, 2)):
        for lang, text in words.items():
            for word in text.split():
                if len(word) == 1:  # cells hold letters
                    continue
                found.setdefault(word, {})[lang] = weight
    return {word: tuple(weights.items()) for word, weights in found.items()}


#: The languages that a folded word tells of, each with its weight: 2 for a word that sentences are made of, else 1.
LANGUAGES_BY_WORD = _languages_by_word()
