from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats import split_reply
from crmsync.formats.mail.quotes import Reply

ATTRIBUTIONS = {
    "English": "On Mon, Jan 5, 2009 at 10:00 AM, Ann Doe <ann@x.example> wrote:",
    "English, Apple": "> On 5 Jan 2009, at 10:00, Ann Doe <ann@x.example> wrote:",
    "English, plain": "Ann Doe wrote:",
    "English, Exchange": "On 05/01/2009 10:00, Ann Doe wrote:",
    "German": "Am Mo., 5. Jan. 2009 um 10:00 Uhr schrieb Ann Doe <ann@x.example>:",
    "German, Apple": "> Am 05.01.2009 um 10:00 schrieb Ann Doe <ann@x.example>:",
    "German, without an address": "Am 05.01.2009 um 10:00 schrieb Ann Doe:",
    "German, name first": "Ann Doe schrieb am 05.01.2009 um 10:00 Uhr:",
    "French": "Le lun. 5 janv. 2009 à 10:00, Ann Doe <ann@x.example> a écrit :",
    "Spanish": "El lun, 5 ene 2009 a las 10:00, Ann Doe (<ann@x.example>) escribió:",
    "Italian": "Il giorno lun 5 gen 2009 alle ore 10:00 Ann Doe <ann@x.example> ha scritto:",
    "Portuguese": "Em seg., 5 de jan. de 2009 às 10:00, Ann Doe <ann@x.example> escreveu:",
    "Dutch": "Op ma 5 jan 2009 om 10:00 schreef Ann Doe <ann@x.example>:",
    "Dutch, Apple": "Op 5 jan 2009, om 10:00 heeft Ann Doe <ann@x.example> het volgende geschreven:",
    "Polish": "pon., 5 sty 2009 o 10:00 Ann Doe <ann@x.example> napisał(a):",
    "Polish, Thunderbird": "W dniu 05.01.2009 o 10:00, Ann Doe pisze:",
    "Russian": "пн, 5 янв. 2009 г. в 10:00, Ann Doe <ann@x.example>:",
    "Russian, Thunderbird": "05.01.2009 10:00, Ann Doe пишет:",
    "Swedish": "Den mån 5 jan. 2009 kl 10:00 skrev Ann Doe <ann@x.example>:",
    "Danish": "Den man. 5. jan. 2009 kl. 10.00 skrev Ann Doe <ann@x.example>:",
    "Czech": "po 5. 1. 2009 v 10:00 odesílatel Ann Doe <ann@x.example> napsal:",
    "Japanese": "2009年1月5日(月) 10:00 Ann Doe <ann@x.example>:",
    "Chinese": "Ann Doe <ann@x.example> 于2009年1月5日周一 10:00写道：",
    "Korean": "2009년 1월 5일 (월) 오전 10:00, Ann Doe <ann@x.example>님이 작성:",
}


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_a_quotation_goes_with_the_line_that_introduces_it(attribution: str) -> None:
    split = split_reply(f"Fine with me.\n\n{attribution}\n\n> Lunch?\n> Ann\n")

    assert Reply("Fine with me.", "", f"{attribution}\n\n> Lunch?\n> Ann") == split


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Jan 5, 2009 at 10:00 AM, Ann Theodora Doe\n<ann@x.example> wrote:",
        "On Mon, Jan 5, 2009 at 10:00 AM\nAnn Theodora Doe <ann@x.example>\nwrote:",
        "Le lundi 5 janvier 2009, Ann Theodora Doe <ann@x.example> a\nécrit :",
    ],
)
def test_the_line_that_introduces_a_quotation_may_be_broken(attribution: str) -> None:
    assert "Yes." == split_reply(f"Yes.\n\n{attribution}\n> Lunch?").text


def test_a_quotation_without_marks_is_known_by_an_address_and_a_date() -> None:
    assert "Yes." == split_reply("Yes.\n\nOn 5 Jan 2009, Ann <ann@x.example> wrote:\n\nLunch?").text
    assert "好" == split_reply('好\n\n在 2009-01-05 10:00:00，"Ann" <ann@x.example> 写道：\n\n午饭?').text


def test_words_like_an_introduction_in_prose_cut_nothing() -> None:
    for text in (
        "As Ann wrote:\nbuy low, sell high.",
        "In 2009 Ann wrote:\nbuy low.",
        "What they said:\nnothing",
        "On Monday at 10:00:\nlunch",
        "Note 2009: see <ann@x.example>:\nx",
    ):
        assert Reply(text) == split_reply(text)


HEADER_BLOCKS = {
    "English": "From: Ann\nSent: Monday, 5 January 2009 10:00\nTo: Bob\nSubject: Lunch",
    "English, bold": "*From:* Ann\n*Date:* Monday\n*To:* Bob\n*Subject:* Lunch",
    "German": "Von: Ann\nGesendet: Montag\nAn: Bob\nBetreff: Essen",
    "French": "De : Ann\nEnvoyé : lundi\nÀ : Bob\nObjet : Repas",
    "Spanish": "De: Ann\nEnviado el: lunes\nPara: Bob\nAsunto: Comida",
    "Italian": "Da: Ann\nInviato: lunedì\nA: Bob\nOggetto: Pranzo",
    "Portuguese": "De: Ann\nEnviada em: segunda\nPara: Bob\nAssunto: Almoço",
    "Dutch": "Van: Ann\nVerzonden: maandag\nAan: Bob\nOnderwerp: Lunch",
    "Polish": "Od: Ann\nWysłano: poniedziałek\nDo: Bob\nTemat: Obiad",
    "Russian": "От: Ann\nОтправлено: понедельник\nКому: Bob\nТема: Обед",
    "Swedish": "Från: Ann\nSkickat: måndag\nTill: Bob\nÄmne: Lunch",
    "Danish": "Fra: Ann\nSendt: mandag\nTil: Bob\nEmne: Frokost",
    "Czech": "Od: Ann\nOdesláno: pondělí\nKomu: Bob\nPředmět: Oběd",
    "Japanese": "差出人: Ann\n送信日時: 月曜日\n宛先: Bob\n件名: 昼食",
    "Chinese": "发件人：Ann\n发送时间：星期一\n收件人：Bob\n主题：午饭",
    "Chinese, traditional": "寄件者: Ann\n寄件日期: 星期一\n收件者: Bob\n主旨: 午飯",
    "Korean": "보낸 사람: Ann\n보낸 날짜: 월요일\n받는 사람: Bob\n제목: 점심",
}


@pytest.mark.parametrize("block", HEADER_BLOCKS.values(), ids=HEADER_BLOCKS.keys())
@pytest.mark.parametrize("rule", ["", "________________________________\n", "\n________________________________\n\n"])
def test_history_begins_at_the_header_block_of_outlook(block: str, rule: str) -> None:
    split = split_reply(f"Yes.\n\n{rule}{block}\n\nLunch?")

    assert ("Yes.", True) == (split.text, split.quoted.endswith(f"{block}\n\nLunch?"))
    assert bool(rule) == ("____" in split.quoted)


@pytest.mark.parametrize(
    "text",
    [
        "From: now on we meet on Mondays.\nSee you",
        "From: Berlin\nTo: Munich\nDate: 5 January",
        "Dear Ann,\n\nSubject: lunch\n\nSent: no",
        "From: Ann\nSubject: x",
    ],
)
def test_a_line_starting_with_from_does_not_cut_the_mail(text: str) -> None:
    assert Reply(text) == split_reply(text)


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----",
        "-------- Original Message --------",
        "-----Ursprüngliche Nachricht-----",
        "-----Message d'origine-----",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "-----Mensagem Original-----",
        "-----Oorspronkelijk bericht-----",
        "-----Oryginalna wiadomość-----",
        "-----Исходное сообщение-----",
        "-----Ursprungligt meddelande-----",
        "-----Oprindelig meddelelse-----",
        "-----Původní zpráva-----",
        "-----元のメッセージ-----",
        "------------------ 原始邮件 ------------------",
        "-----원본 메시지-----",
        "_____ Original message _____",
    ],
)
def test_history_begins_at_an_original_message_line(line: str) -> None:
    assert Reply("Yes.", "", f"{line}\nLunch?") == split_reply(f"Yes.\n\n{line}\nLunch?")


def test_the_words_original_message_in_prose_cut_nothing() -> None:
    assert Reply("original message:\nx\n- original message\ny") == split_reply(
        "original message:\nx\n- original message\ny"
    )


@pytest.mark.parametrize(
    "line",
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
        "Début du message réexpédié :",
        "---------- Mensaje reenviado ----------",
        "Inizio messaggio inoltrato:",
        "-------- 转发邮件 --------",
    ],
)
def test_a_forwarded_message_stays_whole(line: str) -> None:
    text = f"FYI\n\n-- \nBob\n\n{line}\nFrom: Ann\nDate: Monday\nSubject: Lunch\n\nOn 5 Jan 2009, Cid wrote:\n> x"

    assert Reply(text) == split_reply(text)


def test_a_forward_within_the_history_is_history() -> None:
    text = "Yes.\n\n-----Original Message-----\nFYI\n---------- Forwarded message ---------\nx"

    assert "Yes." == split_reply(text).text


def test_comments_between_quotations_stay_with_them() -> None:
    text = "Ann wrote:\n> Lunch?\nYes.\n\n> Dinner?\nNo.\n> and this is left"

    assert Reply(text) == split_reply(text)
    assert Reply(text, "-- \nBob") == split_reply(f"{text}\nBye\n-- \nBob")._replace(text=text)
    assert "Hello\n> Lunch?\nYes." == split_reply("Hello\n> Lunch?\nYes.").text


def test_an_answer_below_a_quotation_is_the_own_text() -> None:
    assert Reply("Yes.", "", "On 5 Jan 2009, Ann wrote:\n> Lunch?") == split_reply(
        "On 5 Jan 2009, Ann wrote:\n> Lunch?\n\nYes.\n"
    )


def test_quotations_with_only_blank_lines_and_introductions_between_are_one() -> None:
    assert "Yes." == split_reply("Yes.\n\nBob wrote:\n> a\n\nAnn wrote:\n>> b\n").text


def test_what_a_mailing_list_adds_below_the_quotation_is_no_own_text() -> None:
    split = split_reply(
        "Yes.\n\nAnn wrote:\n> a\n_______________________________________________\nlist mailing list\nhttps://x.example"
    )

    assert ("Yes.", True) == (split.text, split.signature.startswith("____"))


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nBob",
        "--\nBob Doe\nx.example",
        "Sent from my iPhone",
        "Get Outlook for iOS <https://aka.ms/x>",
        "Von meinem iPhone gesendet",
        "Gesendet von Mail für Windows",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Enviado do meu iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Odesláno z iPhonu",
        "iPhoneから送信",
        "发自我的iPhone",
        "내 iPhone에서 보냄",
        "_____\nSent from my Samsung Galaxy",
    ],
)
def test_a_signature_is_split_off(signature: str) -> None:
    mobile = signature.rpartition("_\n")[2]

    assert Reply("Yes.", mobile, "Ann wrote:\n> a") == split_reply(f"Yes.\n\n{mobile}\n\nAnn wrote:\n> a")
    assert Reply("Yes.", mobile, "") == split_reply(f"Yes.\n\n{mobile}\n\n")


def test_a_signature_may_stand_below_the_quotation() -> None:
    assert Reply("Yes.", "-- \nBob", "Ann wrote:\n> a") == split_reply("Yes.\n\nAnn wrote:\n> a\n\n-- \nBob")


def test_a_line_of_hyphens_far_above_the_end_is_no_signature() -> None:
    text = "--\n" + "a long list\n" * 20 + "end"

    assert Reply(text) == split_reply(text)
    assert Reply("Sent from our hotel yesterday") == split_reply("Sent from our hotel yesterday")


@pytest.mark.parametrize(
    "text", ["", "\n", "> only quoted", "-- \nBob", "Sent from my iPhone", "-----Original Message-----\nx"]
)
def test_own_words_are_never_empty_where_the_text_is_not(text: str) -> None:
    assert Reply(text) == split_reply(text)


TEXTS = st.lists(
    st.sampled_from(
        [
            "> q",
            "text",
            "",
            "-- ",
            "--",
            "Ann wrote:",
            "On 5 Jan 2009, Ann <a@x> wrote:",
            "From: a",
            "Sent: b",
            "Subject: c",
            "-----Original Message-----",
            "Begin forwarded message:",
            "Sent from my iPhone",
            "_" * 40,
            "a:",
            "：",
            ">",
            " ",
            "x" * 500,
        ]
    ),
    max_size=25,
).map("\n".join)


@given(TEXTS)
def test_own_words_signature_and_quotation_are_all_of_the_text(text: str) -> None:
    split = split_reply(text)

    assert bool(split.text.strip()) == bool(text.strip())
    if split.quoted or split.signature:
        before = sorted(line.rstrip() for line in text.split("\n") if line.strip())
        after = sorted(line.rstrip() for piece in split for line in piece.split("\n") if line.strip())
        assert before == after


@pytest.mark.parametrize(
    "unit",
    [
        ">",
        ">\n",
        ":",
        ":\n",
        "-",
        "--\n",
        "a wrote:\n",
        "On 5 Jan 2009 ",
        "From: a\n",
        "\n",
        " ",
        "_",
        "wrote ",
        "<",
        "1 ",
        "__\n",
        "> a\nwrote:\n",
    ],
)
def test_a_long_run_of_near_quotations_takes_linear_time(unit: str) -> None:
    text = unit * (300_000 // len(unit)) + "x"

    assert split_reply(text).text
