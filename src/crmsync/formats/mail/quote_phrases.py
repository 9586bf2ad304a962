"""How mail programs introduce history, in the languages they speak."""

from __future__ import annotations

import re

# The verb of an attribution ("On Monday, Ann wrote:"), by its last word.
WROTE = frozenset({
    "wrote", "writes", "said", "schrieb", "schreibt", "geschrieben", "écrit", "écrivait", "escribió", "escribio",
    "escrito", "scritto", "scrive", "escreveu", "escreveram", "schreef", "geschreven", "napisał", "napisała",
    "napisał(a)", "napisał/a", "napisał(-a)", "napisano", "pisze", "написал", "написала", "написал(а)", "писал",
    "писала", "писал(а)", "пишет", "пише", "написав", "skrev", "følgende", "följande", "napsal", "napsala",
    "napsal(a)", "napísal", "napísal(a)", "kirjoitti", "írta", "scris", "yazdı", "έγραψε",
})  # fmt: skip
WROTE_UNSPACED = (
    "書きました", "のメール", "のメッセージ", "写道", "寫道", "写到", "来信", "來信", "작성", "썼습니다",
    "쓴 글", "님의 말",
)  # fmt: skip
# Gmail in languages where it uses no verb: a date, a name, an address, a colon.
DATED_ADDRESS = re.compile(r"[^\d<>]{0,20}\d{1,4}[^<>]{3,200}<[^<>\s]+@[^<>\s]+>(?:\s?님이\s?작성)?\s?[:：]$")

ORIGINAL = frozenset({
    "original", "original message", "original email", "original appointment", "reply message",
    "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "ursprünglicher termin",
    "message d'origine", "message d’origine", "message original", "message initial", "courriel original",
    "mensaje original", "correo original", "messaggio originale", "messaggio originario", "mensagem original",
    "oorspronkelijk bericht", "origineel bericht", "oryginalna wiadomość", "wiadomość oryginalna",
    "исходное сообщение", "оригинальное сообщение", "первоначальное сообщение", "исходное письмо",
    "ursprungligt meddelande", "originalmeddelande", "oprindelig meddelelse", "original meddelelse",
    "opprinnelig melding", "original melding", "alkuperäinen viesti", "původní zpráva", "původní e-mail",
    "eredeti üzenet", "mesaj original", "özgün ileti", "orijinal mesaj", "αρχικό μήνυμα", "元のメッセージ",
    "オリジナルメッセージ", "原始邮件", "邮件原件", "原邮件", "原始信息", "原始郵件", "原郵件", "原始訊息",
    "원본 메시지", "원본 메일", "원본메시지",
})  # fmt: skip
FORWARDED = frozenset({
    "forwarded message", "forwarded by", "begin forwarded message", "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht", "message transféré", "message réexpédié", "début du message réexpédié",
    "début du message transféré", "mensaje reenviado", "inicio del mensaje reenviado", "messaggio inoltrato",
    "inizio messaggio inoltrato", "mensagem encaminhada", "mensagem reencaminhada", "início da mensagem encaminhada",
    "início da mensagem reencaminhada", "doorgestuurd bericht", "begin doorgestuurd bericht",
    "begin van doorgestuurd bericht", "przekazana wiadomość", "wiadomość przekazana",
    "początek przekazywanej wiadomości", "пересылаемое сообщение", "пересланное сообщение",
    "начало переадресованного сообщения", "пересылаемое письмо", "vidarebefordrat meddelande", "vidarebefordrat brev",
    "påbörja vidarebefordrat meddelande", "videresendt meddelelse", "videresendt besked",
    "start på videresendt besked", "videresendt melding", "välitetty viesti", "přeposlaná zpráva",
    "začátek přeposlané zprávy", "転送されたメッセージ", "転送メッセージ", "转发的邮件", "转发邮件", "转发的消息",
    "轉寄的郵件", "轉寄郵件", "轉寄的訊息", "전달된 메시지", "전달된 메일",
})  # fmt: skip

# Outlook's header block: From, then Sent or Date, and Subject.
FROM_LABELS = (
    "from", "von", "de", "da", "van", "od", "от", "від", "från", "fra", "lähettäjä", "feladó", "de la", "kimden",
    "gönderen", "από", "差出人", "送信者", "发件人", "寄件者", "寄件人", "보낸 사람", "보낸사람",
)  # fmt: skip
SENT_LABELS = (
    "sent", "date", "gesendet", "datum", "envoyé", "date d'envoi", "enviado", "enviado el", "enviado em",
    "enviada em", "fecha", "data", "inviato", "verzonden", "wysłano", "wysłane", "отправлено", "дата", "надіслано",
    "skickat", "sendt", "dato", "lähetetty", "odesláno", "datum", "elküldve", "trimis", "gönderildi", "tarih",
    "εστάλη", "送信日時", "日時", "日付", "发送时间", "日期", "时间", "寄件日期", "傳送日期", "時間", "보낸 날짜",
    "보낸 시간", "날짜",
)  # fmt: skip
SUBJECT_LABELS = (
    "subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "temat", "тема", "ämne", "emne",
    "aihe", "předmět", "tárgy", "subiect", "konu", "θέμα", "件名", "主题", "主旨", "主題", "제목",
)  # fmt: skip

MOBILE_OPENERS = (
    "sent from", "sent via", "sent using", "get outlook for", "von meinem", "von meiner", "gesendet von",
    "gesendet mit", "diese nachricht wurde von meinem", "envoyé de", "envoyé depuis", "envoyé à partir",
    "télécharger outlook", "enviado desde", "enviado do", "enviado de", "enviado a partir", "obtener outlook",
    "inviato da", "scarica outlook", "verstuurd vanaf", "verstuurd vanuit", "verzonden vanaf", "verzonden met",
    "wysłane z", "wysłano z", "отправлено с", "отправлено из", "надіслано з", "skickat från", "hämta outlook",
    "sendt fra", "lähetetty", "odesláno z", "küldve", "trimis de pe", "发自", "發自", "来自",
    "從我的", "从我的", "取得 outlook",
)  # fmt: skip
MOBILE_ENDINGS = ("から送信", "에서 보냄", "傳送", "发送", "gönderildi")
DEVICES = (
    "iphon", "ipad", "ios", "android", "samsung", "galaxy", "huawei", "xiaomi", "redmi", "oneplus", "pixel", "nokia",
    "blackberry", "outlook", "mail", "yahoo", "aol", "windows", "proton", "thunderbird", "spark", "mobil", "phone",
    "handy", "tablet", "móvil", "movil", "celular", "téléphone", "telefon",
    "手机", "手機", "携帯", "휴대폰", "스마트폰",
)  # fmt: skip
