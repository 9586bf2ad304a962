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


HISTORIES = {
    "ja wrapped": "2024年2月5日(月) 13:29 Annemarie Sophie Lee <\nannemarie@verylonghost.example>:\n\n> x",
    "ru wrapped": "пн, 5 февр. 2024 г. в 13:29, Annemarie Sophie Lee <\nannemarie@verylonghost.example>:\n\n> x",
    "old en": "On Mon, Feb 5, 2024 at 1:29 PM, Annemarie Sophie Lee <\nannemarie@verylonghost.example> wrote:\n\n> x",
    "cs": "po 5. 2. 2024 v 13:29 odesílatel Annemarie Sophie Lee <\nannemarie@verylonghost.example> napsal:\n\n> x",
    "uk": "пн, 5 лют. 2024 р. о 13:29 Annemarie Sophie Lee <\nannemarie@verylonghost.example> пише:\n\n> x",
    "tr": (
        "Annemarie Sophie Lee <annemarie@verylonghost.example>, 5 Şub 2024 Pzt, 13:29\n"
        "tarihinde şunu yazdı:\n"
        "\n"
        "> x"
    ),
    "ko": "2024년 2월 5일 (월) 오후 1:29, Annemarie Sophie Lee <\nannemarie@verylonghost.example>님이 작성:\n\n> x",
    "zh": "Annemarie Sophie Lee <annemarie@verylonghost.example> 于2024年2月5日周一\n13:29写道：\n\n> x",
    "zh-tw": "Annemarie Sophie Lee <annemarie@verylonghost.example> 於 2024年2月5日 週一\n下午1:29寫道：\n\n> x",
    "no": "man. 5. feb. 2024 kl. 13:29 skrev Ann Lee <ann@x.example>:\n\n> x",
    "sv": "mån 5 feb. 2024 kl. 13:29 skrev Ann Lee <ann@x.example>:\n\n> x",
    "da": "man. 5. feb. 2024 kl. 13.29 skrev Ann Lee <ann@x.example>:\n\n> x",
    "da wrapped": "man. 5. feb. 2024 kl. 13.29 skrev Annemarie Sophie Lee <\nannemarie@x.example>:\n\n> x",
    "fi": "ma 5. helmik. 2024 klo 13.29 Ann Lee (ann@x.example) kirjoitti:\n\n> x",
    "hu": "Ann Lee <ann@x.example> ezt írta (időpont: 2024. febr. 5., H, 13:29):\n\n> x",
    "ro": "lun., 5 feb. 2024, 13:29 Ann Lee <ann@x.example> a scris:\n\n> x",
    "bg": "На пн, 5.02.2024 г. в 13:29 Ann Lee <ann@x.example> написа:\n\n> x",
    "hr": "pon, 5. velj 2024. u 13:29 Ann Lee <ann@x.example> napisao je:\n\n> x",
    "sr": "пон, 5. феб 2024. 13:29 Ann Lee <ann@x.example> је написао/ла:\n\n> x",
    "sl": "V pon., 5. feb. 2024 ob 13:29 je oseba Ann Lee <ann@x.example> napisala:\n\n> x",
    "lt": "2024-02-05, pr, 13:29 Ann Lee <ann@x.example> rašė:\n\n> x",
    "lv": "pirmd., 2024. g. 5. febr., plkst. 13:29 — lietotājs Ann Lee (<ann@x.example>)\nrakstīja:\n\n> x",
    "et": "Kuupäev E, 5. veebruar 2024 kell 13:29 kirjutas kasutaja Ann Lee\n<ann@x.example>:\n\n> x",
    "ca": "Missatge de Ann Lee <ann@x.example> del dia dl., 5 de febr. 2024 a les 13:29:\n\n> x",
    "th": "ในวันที่ จ. 5 ก.พ. 2024 เวลา 13:29 Ann Lee <ann@x.example> เขียนว่า:\n\n> x",
    "vi": "Vào Th 2, 5 thg 2, 2024 vào lúc 13:29 Ann Lee <ann@x.example> đã viết:\n\n> x",
    "id": "Pada tanggal Sen, 5 Feb 2024 pukul 13.29 Ann Lee <ann@x.example> menulis:\n\n> x",
    "ms": "Pada Isn, 5 Feb 2024 pada 1:29 PTG Ann Lee <ann@x.example> menulis:\n\n> x",
    "hi": "सोम, 5 फ़र॰ 2024 को 1:29 pm बजे को Ann Lee <ann@x.example> ने लिखा:\n\n> x",
    "fa": (
        "\u202bدر تاریخ دوشنبه ۵ فوریهٔ ۲۰۲۴ ساعت ۱۳:۲۹ \u202aAnn "
        "Lee\u202c\u200f <\u202aann@x.example\u202c\u200f> نوشت:\u202c\n"
        "\n"
        "> x"
    ),
    "he": (
        "\u202bבתאריך יום ב׳, 5 בפבר׳ 2024 ב-13:29 מאת \u202aAnn "
        "Lee\u202c\u200f <\u202aann@x.example\u202c\u200f>:\u202c\n"
        "\n"
        "> x"
    ),
    "ar": (
        "\u202bفي الاثنين، 5 فبراير 2024 في 1:29 م تمت كتابة ما يلي بواسطة "
        "\u202aAnn Lee\u202c\u200f <\u202aann@x.example\u202c\u200f>:\u202c\n"
        "\n"
        "> x"
    ),
    "apple pl": "Wiadomość napisana przez Ann Lee w dniu 05.02.2024, o godz. 13:29:\n\n> x",
    "apple fr": "> Le 5 févr. 2024 à 13:29, Ann Lee <ann@x.example> a écrit :\n> \n> x",
    "apple nl": "Op 5 feb 2024, om 13:29 heeft Ann Lee <ann@x.example> het volgende geschreven:\n\n> x",
    "mailru": "Понедельник, 5 февраля 2024, 13:29 +03:00 от Ann Lee <ann@x.example>:\n\n>x",
    "yandex": "05.02.2024, 13:29, \"Ann Lee\" <ann@x.example>:\n\n>  x",
    "el": "Στις Δευ 5 Φεβ 2024 στις 1:29 μ.μ., ο χρήστης Ann Lee <ann@x.example> έγραψε:\n\n> x",
    "zoho unq": "---- On Mon, 05 Feb 2024 13:29:00 +0000 Ann Lee <ann@x.example> wrote ----\n\nShall we?",
    "zoho fr": "---- Le lun., 05 févr. 2024 13:29:00 +0100 Ann Lee <ann@x.example> a écrit ----\n\n> x",
    "unq es": "El lunes, 5 de febrero de 2024, 13:29:00 CET, Ann Lee <ann@x.example> escribió:\n\nHola",
    "unq wrapped": (
        "On Mon, Feb 5, 2024 at 1:29 PM Annemarie Sophie Lee\n"
        "<annemarie@verylonghost.example> wrote:\n"
        "\n"
        "Hola"
    ),
    "spark": "On 5 Feb 2024 at 13:29 +0100, Ann Lee <ann@x.example>, wrote:\n> x",
    "k9": "Am 5. Februar 2024 13:29:00 MEZ schrieb Ann Lee <ann@x.example>:\n>x",
    "qq": "------------------ Original ------------------\nFrom: \"Ann\"<ann@x.example>;\nDate: Mon\n\nx",
    "netease": (
        "---- 回复的原邮件 ----\n"
        "| 发件人 | Ann Lee<ann@x.example> |\n"
        "| 日期 | 2024年02月05日 13:29 |\n"
        "| 收件人 | Bob |\n"
        "| 主题 | x |\n"
        "\n"
        "x"
    ),
    "netease en": (
        "| From | Ann Lee<ann@x.example> |\n"
        "| Date | 02/05/2024 13:29 |\n"
        "| To | Bob |\n"
        "| Subject | x |\n"
        "\n"
        "x"
    ),
    "gmx en": (
        "Sent: Monday, February 05, 2024 at 1:29 PM\n"
        "From: \"Ann Lee\" <ann@x.example>\n"
        "To: bob@x.example\n"
        "Subject: x\n"
        "\n"
        "x"
    ),
    "gmx fr": (
        "Envoyé: lundi 5 février 2024 à 13:29\n"
        "De: \"Ann Lee\" <ann@x.example>\n"
        "À: bob@x.example\n"
        "Objet: x\n"
        "\n"
        "x"
    ),
    "outlook he": "מאת: Ann Lee <ann@x.example>\nנשלח: יום שני 05 פברואר 2024 13:29\nאל: Bob\nנושא: x\n\nx",
    "outlook bg": (
        "От: Ann Lee <ann@x.example>\n"
        "Изпратено: понеделник, 5 февруари 2024 г. 13:29\n"
        "До: Bob\n"
        "Относно: x\n"
        "\n"
        "x"
    ),
    "outlook hr": (
        "Od: Ann Lee <ann@x.example>\n"
        "Poslano: ponedjeljak, 5. veljače 2024. 13:29\n"
        "Prima: Bob\n"
        "Predmet: x\n"
        "\n"
        "x"
    ),
    "outlook sl": "Od: Ann Lee <ann@x.example>\nPoslano: ponedeljek, 05. februar 2024 13:29\nZa: Bob\nZadeva: x\n\nx",
    "outlook el": (
        "Από: Ann Lee <ann@x.example>\n"
        "Στάλθηκε: Δευτέρα, 5 Φεβρουαρίου 2024 1:29 μμ\n"
        "Προς: Bob\n"
        "Θέμα: x\n"
        "\n"
        "x"
    ),
    "outlook et": (
        "Saatja: Ann Lee <ann@x.example>\n"
        "Saadetud: esmaspäev, 5. veebruar 2024 13:29\n"
        "Adressaat: Bob\n"
        "Teema: x\n"
        "\n"
        "x"
    ),
    "outlook et2": (
        "From: Ann Lee <ann@x.example>\n"
        "Saatmisaeg: esmaspäev, 5. veebruar 2024 13:29\n"
        "To: Bob\n"
        "Subject: x\n"
        "\n"
        "x"
    ),
    "outlook lv": (
        "No: Ann Lee <ann@x.example>\n"
        "Nosūtīts: pirmdiena, 2024. gada 5. februāris 13:29\n"
        "Kam: Bob\n"
        "Tēma: x\n"
        "\n"
        "x"
    ),
    "outlook lt": (
        "Nuo: Ann Lee <ann@x.example>\n"
        "Išsiųsta: 2024 m. vasario 5 d., pirmadienis 13:29\n"
        "Kam: Bob\n"
        "Tema: x\n"
        "\n"
        "x"
    ),
    "outlook ca": (
        "De: Ann Lee <ann@x.example>\n"
        "Enviat el: dilluns, 5 de febrer de 2024 13:29\n"
        "Per a: Bob\n"
        "Tema: x\n"
        "\n"
        "x"
    ),
    "outlook ar": "من: Ann Lee <ann@x.example>\nتم الإرسال: الاثنين, 5 فبراير 2024 13:29\nإلى: Bob\nالموضوع: x\n\nx",
    "outlook th": "จาก: Ann Lee <ann@x.example>\nส่ง: 5 กุมภาพันธ์ 2024 13:29\nถึง: Bob\nเรื่อง: x\n\nx",
    "outlook vi": "Từ: Ann Lee <ann@x.example>\nĐã gửi: 5 Tháng Hai 2024 13:29\nĐến: Bob\nChủ đề: x\n\nx",
    "outlook fi": (
        "Lähettäjä: Ann Lee <ann@x.example>\n"
        "Päivämäärä: maanantai 5. helmikuuta 2024 13.29\n"
        "Vastaanottaja: Bob\n"
        "Aihe: x\n"
        "\n"
        "x"
    ),
    "outlook ro": (
        "Expeditor: Ann Lee <ann@x.example>\n"
        "Data: luni, 5 februarie 2024, 13:29\n"
        "Către: Bob\n"
        "Subiect: x\n"
        "\n"
        "x"
    ),
    "outlook uk": "Від: Ann Lee <ann@x.example>\nНадіслано: 5 лютого 2024 р. 13:29\nКому: Bob\nТема: x\n\nx",
    "outlook id": (
        "Dari: Ann Lee <ann@x.example>\n"
        "Dikirim: Senin, 05 Februari 2024 13:29\n"
        "Kepada: Bob\n"
        "Subjek: x\n"
        "\n"
        "x"
    ),
    "outlook hu": (
        "Feladó: Ann Lee <ann@x.example>\n"
        "Elküldve: 2024. február 5., hétfő 13:29\n"
        "Címzett: Bob\n"
        "Tárgy: x\n"
        "\n"
        "x"
    ),
    "outlook is": "Frá: Ann Lee <ann@x.example>\nSent: mánudagur, 5. febrúar 2024 13:29\nTil: Bob\nEfni: x\n\nx",
    "orig sk": "-----Pôvodná správa-----\nx",
    "orig he": "-----הודעה מקורית-----\nx",
    "orig ca": "-----Missatge original-----\nx",
    "orig vi": "-----Thư gốc-----\nx",
    "yahoo ind": "   ----- Original Message -----\nx",
    "outlook rule": (
        "________________________________\n"
        "From: Ann Lee <ann@x.example>\n"
        "Sent: Monday\n"
        "To: Bob\n"
        "Subject: x\n"
        "\n"
        "x"
    ),
    "unknown lang": "Zz: Ann Lee <ann@x.example>\nYy: 5. qq 2024 13:29\nXx: Bob <bob@x.example>\nWw: x\n\nx",
    "gmx": (
        "Gesendet: Montag, 05. Februar 2024 um 13:29 Uhr\n"
        "Von: \"Ann Lee\" <ann@acme.com>\n"
        "An: bob@gmx.example\n"
        "Betreff: Treffen\n"
        "\n"
        "x"
    ),
    "outlook sk": (
        "Od: Ann Lee <ann@x.example>\n"
        "Odoslané: pondelok 5. februára 2024 13:29\n"
        "Komu: Bob\n"
        "Predmet: Stretnutie\n"
        "\n"
        "x"
    ),
    "gmail pl wrapped": (
        "pon., 5 lut 2024 o 13:29 Annemarie Sophie Lee <\n"
        "annemarie@verylonghost.example> napisał(a):\n"
        "\n"
        "> x"
    ),
    "apple pl with an address": (
        "Wiadomość napisana przez Ann Lee <ann@x.example> w dniu 05.02.2024, o godz. 13:29:\n"
        "\n"
        "> x"
    ),
    "proton": (
        "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\n"
        "On Monday, February 5th, 2024 at 13:29, Ann Lee <ann@x.example> wrote:\n"
        "\n"
        "> x"
    ),
    "alibaba": (
        "------------------------------------------------------------------\n"
        "发件人：Ann Lee <ann@x.example>\n"
        "日\u3000期：2024年02月05日 13:29:00\n"
        "收件人：Bob\n"
        "主\u3000题：会议\n"
        "\n"
        "x"
    ),
    "orig hr": "-----Izvorna poruka-----\nAnn Lee je napisala juče\n\nx",
    "zoho": "---- On Mon, 05 Feb 2024 13:29:00 +0000 Ann Lee <ann@x.example> wrote ----\n\n> x",
}  # fmt: skip
"""As mail programs write it in their languages."""


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_history_goes_however_a_program_introduces_it_in_its_language(history: str) -> None:
    assert ("Sounds good.", history) == split_reply(f"Sounds good.\n\n{history}\n")[::2]


OWN_WORDS = [
    "Section 1\n________________________________\n\nSection 2",
    "Agenda:\n--\nBudget\n--\nHiring\n--\nPlease confirm by Friday!",
    "Compare:\n\n** Original **\nold\n\n** New **\nnew",
    "Compare:\n\n--- Original ---\nold\n--- New ---\nnew",
    "Our offer:\n\n> 100 chairs at 5 EUR",
    "We offer\n\n> 100 chairs at 5 EUR",
    "Hi,\n\nDate: 5 January 2026\nFrom: Berlin\nTo: Munich\nSubject: train",
    "Dear Ann,\nplease write to ann@x.example by 5 Feb 2024, 13:29:\n\nthe report",
    "Note 2009: see <ann@x.example>:\nx",
    "Call list:\nAnn Lee <ann@x.example>:\nBob <bob@x.example>:\n",
    "Minutes of 5 Feb 2024, 13:00:\n- a\n- b",
    "On 5 Feb 2024 at 13:00 we meet:\nall",
    "As agreed on 5 Feb 2024 with ann@x.example:\n100 chairs",
    "Agenda\n--\nPlease confirm the date and the place.",
    "Date: 5 Feb 2024 13:00\nPlace: Berlin\nContact: Ann <ann@x.example>\nTopic: x",
    "From: 10:00\nDate: 5 Jan\nSubject: lunch room",
    "Total\n==========\n100 EUR",
    "Hello\n\n---- New prices ----\n5 EUR",
    "Question from 5 Feb 2024 at 13:29, Ann asks:\n\nis it ok?",
    "Section 1\n________________________________\n\nSection "
    "2\n________________________________\n\nSection 3: please pay by Friday.",
]


@pytest.mark.parametrize("text", OWN_WORDS)
def test_words_that_look_like_history_are_the_author_s_where_in_doubt(text: str) -> None:
    assert text.strip() == split_reply(text).text.strip()


def test_the_foot_of_a_list_is_cut_at_its_own_rule_and_not_at_the_author_s() -> None:
    own = f"Section 1\n{'_' * 32}\n\nSection 2"
    foot = f"{'_' * 47}\nTeam mailing list\nTeam@lists.example"

    assert Reply(own, foot) == split_reply(f"{own}\n{foot}")


def test_a_quotation_that_nothing_introduces_is_history_where_it_holds_some() -> None:
    assert "Yes." == split_reply("Yes.\n\n> Fine.\n>> Lunch?").text
    assert "Yes." == split_reply("Yes.\n\n> On 5 Jan 2009, Ann <ann@x.example> wrote:\n> > Lunch?").text
    assert "Yes." == split_reply("> Lunch?\n\nYes.").text


@pytest.mark.parametrize("line", [
    "Quoting Ann Doe <ann@x.example>:", "Zitat von Ann Doe <ann@x.example>:", "Citando Ann Doe <ann@x.example>:",
    "Citeren Ann Doe <ann@x.example>:", "Quoting Ann Doe (2009-01-05 10:00:00)",
    "Thus spake Ann Doe (ann@x.example):", "Excerpts from Ann Doe's message of Mon Jan 05 10:00:00 +0100 2009:",
])  # fmt: skip
def test_what_says_that_it_quotes_introduces_a_quotation(line: str) -> None:
    assert split_reply(f"Fine with me.\n\n{line}\n> Lunch?\n").text == "Fine with me."
    assert split_reply(f"{line}\n\nLunch?\n").text == f"{line}\n\nLunch?", "nothing is quoted here"


@pytest.mark.parametrize("heading", [
    "----- Mail original -----", "----- Ursprüngliche Message -----", "=== Mensagem anterior ===",
    "------------------&nbsp;原始邮件&nbsp;------------------", "--- In a language nobody listed ---",
])  # fmt: skip
def test_a_titled_rule_above_a_header_block_goes_with_it(heading: str) -> None:
    block = "From: Ann Doe <ann@x.example>\nSent: Monday, January 5, 2009 10:00\nTo: Bob\nSubject: Lunch"

    assert split_reply(f"Fine with me.\n\n{heading}\n{block}\n\nLunch?\n").text == "Fine with me."


@pytest.mark.parametrize("line", [
    "##- Please type your reply above this line -##", "-- Bitte oberhalb dieser Zeile antworten --",
    "##- Veuillez répondre au-dessus de cette ligne -##",
])  # fmt: skip
def test_below_the_line_that_a_help_desk_draws_all_is_history(line: str) -> None:
    assert split_reply(f"Fine with me.\n\n{line}\n\nYour request has been updated.\n").text == "Fine with me."


@pytest.mark.parametrize("attribution", [
    "On Mon, Jan 5 2009 at 10:00 AM, Ann Doe < ann@x.example > wrote:", "5 Jan 2009, 10:00 by ann@x.example:",
    "On Mon, Jan 5, 2009 at 10:00\u202fAM Ann Doe <ann@x.example> wrote:",
    '05.01.2009, 10:00, "Ann Doe" <ann@x.example>:',
    "Am Montag, dem 05.01.2009 um 10:00 +0100 schrieb Ann Doe:",
    "Ann Doe <ann@x.example> hat am 05.01.2009 10:00 CET geschrieben:",
    "On Monday, 5 January 2009 10:00:00 CET Ann Doe wrote:", "Citace od: Ann Doe <ann@x.example>, 5. 1. 2009 10:00:",
    "Понедельник, 5 января 2009, 10:00 +03:00 от Ann Doe <ann@x.example>:",
    "2009-01-05 10:00 GMT+01:00 Ann Doe <ann@x.example>:",
])  # fmt: skip
def test_programs_of_the_last_years_introduce_history_in_their_own_ways(attribution: str) -> None:
    assert split_reply(f"Fine with me.\n\n{attribution}\n> Lunch?\n").text == "Fine with me."


@pytest.mark.parametrize(
    "text",
    [
        "Agenda:\n--\nBudget\n--\nHiring",
        "I met ann@x.example on 5 Jan 2009.\nAnn wrote:\nLunch is fine, and so is dinner.",
    ],
)
def test_two_rules_of_hyphens_and_a_report_of_what_somebody_wrote_are_the_author_s(text: str) -> None:
    assert split_reply(text).text == text
