"""What the pages say, in the reader's language. Pure."""

# ruff: noqa: RUF001 - apostrophes as French and Italian write them

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language's. `lists` and `from_lists` take the names of lists, `address` who it is about."""

    language: str
    unsubscribe: str
    ask: str
    address: str
    which: str
    from_lists: str
    from_all: str
    done: str
    done_lists: str
    done_all: str
    mistake: str
    again: str
    subscribed: str
    subscribed_more: str
    broken: str
    broken_more: str
    nobody: str
    nobody_more: str
    later: str
    later_more: str


_ALL = (
    Words(
        "en",
        "Unsubscribe",
        "Do you want to stop these emails?",
        "Sent to {}",
        "What would you like to stop?",
        "Emails from {}",
        "All newsletters from this sender",
        "You are unsubscribed",
        "You will get no more of these emails.",
        "You will get no more newsletters from this sender.",
        "Was that a mistake?",
        "Subscribe again",
        "You are subscribed again",
        "You will go on getting these emails.",
        "This link does not work",
        "It may have been cut off on its way. Please copy the whole link from the email.",
        "We can't tell who you are",
        "This email went to several people, or we do not know it any more. Please reply to it instead.",
        "That did not work just now",
        "Please try again in a few minutes.",
    ),
    Words(
        "de",
        "Abmelden",
        "Möchten Sie diese E-Mails nicht mehr erhalten?",
        "Gesendet an {}",
        "Was möchten Sie nicht mehr erhalten?",
        "E-Mails von {}",
        "Alle Newsletter dieses Absenders",
        "Sie sind abgemeldet",
        "Sie erhalten diese E-Mails nicht mehr.",
        "Sie erhalten keine Newsletter dieses Absenders mehr.",
        "War das ein Versehen?",
        "Wieder anmelden",
        "Sie sind wieder angemeldet",
        "Sie erhalten diese E-Mails weiterhin.",
        "Dieser Link funktioniert nicht",
        "Vielleicht wurde er unterwegs abgeschnitten. Bitte kopieren Sie den ganzen Link aus der E-Mail.",
        "Wir wissen nicht, wer Sie sind",
        "Diese E-Mail ging an mehrere Personen, oder wir kennen sie nicht mehr. Bitte antworten Sie auf sie.",
        "Das hat gerade nicht geklappt",
        "Bitte versuchen Sie es in ein paar Minuten noch einmal.",
    ),
    Words(
        "fr",
        "Se désabonner",
        "Voulez-vous ne plus recevoir ces e-mails ?",
        "Envoyé à {}",
        "Que souhaitez-vous ne plus recevoir ?",
        "Les e-mails de {}",
        "Toutes les newsletters de cet expéditeur",
        "Vous êtes désabonné",
        "Vous ne recevrez plus ces e-mails.",
        "Vous ne recevrez plus de newsletters de cet expéditeur.",
        "C’était une erreur ?",
        "Se réabonner",
        "Vous êtes de nouveau abonné",
        "Vous continuerez à recevoir ces e-mails.",
        "Ce lien ne fonctionne pas",
        "Il a peut-être été coupé en route. Veuillez copier le lien entier depuis l’e-mail.",
        "Nous ne savons pas qui vous êtes",
        "Cet e-mail a été envoyé à plusieurs personnes, ou nous ne le connaissons plus. Veuillez y répondre.",
        "Cela n’a pas fonctionné",
        "Veuillez réessayer dans quelques minutes.",
    ),
    Words(
        "es",
        "Darse de baja",
        "¿Quiere dejar de recibir estos correos?",
        "Enviado a {}",
        "¿Qué desea dejar de recibir?",
        "Los correos de {}",
        "Todos los boletines de este remitente",
        "Se ha dado de baja",
        "No recibirá más estos correos.",
        "No recibirá más boletines de este remitente.",
        "¿Ha sido un error?",
        "Volver a suscribirse",
        "Está suscrito de nuevo",
        "Seguirá recibiendo estos correos.",
        "Este enlace no funciona",
        "Quizá se cortó por el camino. Copie el enlace completo del correo.",
        "No sabemos quién es usted",
        "Este correo se envió a varias personas, o ya no lo conocemos. Responda a él, por favor.",
        "No ha funcionado",
        "Inténtelo de nuevo dentro de unos minutos.",
    ),
    Words(
        "it",
        "Annulla l’iscrizione",
        "Non vuole più ricevere queste e-mail?",
        "Inviata a {}",
        "Che cosa non vuole più ricevere?",
        "Le e-mail di {}",
        "Tutte le newsletter di questo mittente",
        "Iscrizione annullata",
        "Non riceverà più queste e-mail.",
        "Non riceverà più newsletter da questo mittente.",
        "È stato un errore?",
        "Iscriviti di nuovo",
        "È di nuovo iscritto",
        "Continuerà a ricevere queste e-mail.",
        "Questo link non funziona",
        "Forse è stato troncato. Copi l’intero link dall’e-mail.",
        "Non sappiamo chi è Lei",
        "Questa e-mail è andata a più persone, o non la conosciamo più. Risponda ad essa, per favore.",
        "Non ha funzionato",
        "Riprovi tra qualche minuto.",
    ),
    Words(
        "nl",
        "Afmelden",
        "Wilt u deze e-mails niet meer ontvangen?",
        "Verzonden aan {}",
        "Wat wilt u niet meer ontvangen?",
        "E-mails van {}",
        "Alle nieuwsbrieven van deze afzender",
        "U bent afgemeld",
        "U ontvangt deze e-mails niet meer.",
        "U ontvangt geen nieuwsbrieven meer van deze afzender.",
        "Was dat een vergissing?",
        "Opnieuw aanmelden",
        "U bent weer aangemeld",
        "U blijft deze e-mails ontvangen.",
        "Deze link werkt niet",
        "Misschien is hij onderweg afgekapt. Kopieer de hele link uit de e-mail.",
        "We weten niet wie u bent",
        "Deze e-mail ging naar meerdere mensen, of we kennen hem niet meer. Beantwoord hem alstublieft.",
        "Dat is niet gelukt",
        "Probeer het over een paar minuten opnieuw.",
    ),
    Words(
        "pt",
        "Cancelar inscrição",
        "Deseja deixar de receber estes e-mails?",
        "Enviado para {}",
        "O que deseja deixar de receber?",
        "E-mails de {}",
        "Todas as newsletters deste remetente",
        "Inscrição cancelada",
        "Não receberá mais estes e-mails.",
        "Não receberá mais newsletters deste remetente.",
        "Foi um engano?",
        "Inscrever-se de novo",
        "Está inscrito de novo",
        "Continuará a receber estes e-mails.",
        "Este link não funciona",
        "Talvez tenha sido cortado. Copie o link inteiro do e-mail.",
        "Não sabemos quem é",
        "Este e-mail foi enviado a várias pessoas, ou já não o conhecemos. Por favor, responda a ele.",
        "Não funcionou",
        "Tente de novo dentro de alguns minutos.",
    ),
    Words(
        "pl",
        "Wypisz się",
        "Czy nie chcesz już otrzymywać tych wiadomości?",
        "Wysłano do {}",
        "Czego nie chcesz już otrzymywać?",
        "Wiadomości z {}",
        "Wszystkie newslettery tego nadawcy",
        "Wypisano Cię",
        "Nie będziesz już otrzymywać tych wiadomości.",
        "Nie będziesz już otrzymywać newsletterów tego nadawcy.",
        "To pomyłka?",
        "Zapisz się ponownie",
        "Zapisano Cię ponownie",
        "Nadal będziesz otrzymywać te wiadomości.",
        "Ten link nie działa",
        "Być może został ucięty. Skopiuj cały link z wiadomości.",
        "Nie wiemy, kim jesteś",
        "Ta wiadomość trafiła do kilku osób albo już jej nie znamy. Odpowiedz na nią, proszę.",
        "Nie udało się",
        "Spróbuj ponownie za kilka minut.",
    ),
)
LANGUAGES = {words.language: words for words in _ALL}


def words_for(accept_language: str) -> Words:
    """The first language that the reader likes best and we know; else English (RFC 9110 §12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for place, item in enumerate(accept_language[:500].split(",")):
        tag, _, quality = item.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if 0 < weight <= 1:
            wanted.append((-weight, place, tag.strip().lower().partition("-")[0]))
    return next((LANGUAGES[tag] for _, _, tag in sorted(wanted) if tag in LANGUAGES), LANGUAGES["en"])
