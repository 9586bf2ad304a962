"""How mail programs introduce history, in the languages they speak."""

from __future__ import annotations

import re

# The verb of an attribution ("On Monday, Ann wrote:"), by its last word.
WROTE = frozenset({
    "wrote", "writes", "said", "schrieb", "schreibt", "geschrieben", "écrit", "écrivait", "escribió", "escribio",
    "escrito", "scritto", "scrive", "escreveu", "escreveram", "schreef", "geschreven", "napisał", "napisała",
    "napisał(a)", "napisał/a", "napisał(-a)", "napisano", "pisze", "написал", "написала", "написал(а)", "писал",
    "писала", "писал(а)", "пишет", "пише", "написав", "skrev", "følgende", "följande", "napsal", "napsala",
    "napsal(a)", "napísal", "napísala", "napísal(a)", "kirjoitti", "írta", "írta/írja", "scris", "yazdı", "yazmış",
    "έγραψε", "napisana", "napisane", "napisao", "napisao/la", "napisala", "piše", "писао", "написао", "написао/ла",
    "написа", "пиша", "rašė", "parašė", "rakstīja", "raksta", "kirjutas", "escriu", "escrigué", "escriure", "escrit",
    "viết", "menulis", "tulis", "लिखा", "نوشت", "نوشته", "כתב", "כתבה", "כתב/ה", "كتب", "كتبت", "написав(-ла)",
    "написав(ла)", "skrifaði", "idatzi", "escribiu", "напиша", "жазды", "shkroi", "skryf", "geskryf", "sumulat",
    "isinulat", "লিখেছেন", "எழுதியது", "aliandika", "ysgrifennodd", "scríobh", "напісаў", "напісала", "დაწერა",
    "գրել", "schreiben", "escribe", "escreve", "skriver", "odpovedal", "odpověděl", "odpisał", "antwortete",
    "respondió",
})  # fmt: skip
WROTE_UNSPACED = (
    "書きました", "のメール", "のメッセージ", "写道", "寫道", "写到", "来信", "來信", "작성", "썼습니다", "쓴 글",
    "님의 말", "เขียน", "ได้เขียนว่า", "書いた", "さんは書", "تحریر کیا",
)  # fmt: skip
# What stands before a name where no verb stands behind it.
QUOTING = (
    "quoting ", "zitat von ", "zitiere ", "citando ", "citeren ", "citation de ", "cytowanie ", "cytat ", "citat från ",
    "citerar ", "citat fra ", "citace ", "citát ", "цитирую ", "quote from ", "excerpts from ", "thus spake ",
)  # fmt: skip
# Gmail in languages where it uses no verb: a date, a name, an address, a colon.
DATED_ADDRESS = re.compile(r"[^\d<>]{0,20}\d{1,4}[^<>]{3,200}<[^<>\s]+@[^<>\s]+>(?:\s?님이\s?작성)?\s?[:：]$")

ORIGINAL = frozenset({
    "original message", "original email", "original appointment", "reply message", "ursprüngliche nachricht",
    "originalnachricht", "original-nachricht", "ursprünglicher termin", "message d'origine", "message d’origine",
    "message original", "message initial", "courriel original", "mensaje original", "correo original",
    "messaggio originale", "messaggio originario", "mensagem original", "oorspronkelijk bericht", "origineel bericht",
    "oryginalna wiadomość", "wiadomość oryginalna", "исходное сообщение", "оригинальное сообщение",
    "первоначальное сообщение", "исходное письмо", "ursprungligt meddelande", "originalmeddelande",
    "oprindelig meddelelse", "original meddelelse", "opprinnelig melding", "original melding", "alkuperäinen viesti",
    "původní zpráva", "původní e-mail", "eredeti üzenet", "mesaj original", "özgün ileti", "orijinal mesaj",
    "αρχικό μήνυμα", "元のメッセージ", "オリジナルメッセージ", "原始邮件", "邮件原件", "原邮件", "原始信息",
    "原始郵件", "原郵件", "原始訊息", "원본 메시지", "원본 메일", "원본메시지", "izvorna poruka", "originalna poruka",
    "izvorno sporočilo", "prvotno sporočilo", "pôvodná správa", "pôvodná pošta", "оригінальне повідомлення",
    "вихідне повідомлення", "початкове повідомлення", "оригинално съобщение", "първоначално съобщение",
    "изворна порука", "оригинална порука", "оригинална порака", "арыгінальнае паведамленне", "missatge original",
    "mensaxe orixinal", "jatorrizko mezua", "originalus pranešimas", "pirminis laiškas", "originalus laiškas",
    "sākotnējais ziņojums", "oriģinālais ziņojums", "algne kiri", "algne sõnum", "originaalkiri",
    "upprunaleg skilaboð", "upphafleg skilaboð", "הודעה מקורית", "ההודעה המקורית", "הודעה ראשונית", "الرسالة الأصلية",
    "رسالة أصلية", "النص الأصلي", "پیام اصلی", "اصل پیام", "pesan asli", "pesan asal", "mesej asal", "tin nhắn gốc",
    "thư gốc", "bản gốc", "ข้อความต้นฉบับ", "ข้อความเดิม", "मूल संदेश", "orijinal ileti", "özgün e-posta",
    "mesajul original", "mesajul iniţial", "mesajul inițial", "eredeti levél", "eredeti email", "původní email",
    "oryginalny e-mail", "oorspronkelijke e-mail", "oorspronkelijk e-mailbericht", "oorspronkelike boodskap",
    "ursprungligt e-postmeddelande", "ursprungsmeddelande", "oprindelig e-mail", "opprinnelig e-post",
    "alkuperäinen sähköposti", "πρωτότυπο μήνυμα", "αρχικό email", "replied message", "original mail",
    "ursprüngliche e-mail", "ursprüngliche mail", "originale nachricht", "e-mail d'origine", "email original",
    "email originale", "e-mail original", "e-mail originale", "original-mail", "回复的原邮件", "回复的邮件",
    "回覆的原郵件", "元のメール", "原メッセージ", "元メッセージ", "isang orihinal na mensahe", "mesazhi origjinal",
    "please type your reply above this line", "please reply above this line", "reply above this line",
    "write above this line to reply", "bitte antworten sie oberhalb dieser linie",
    "bitte oberhalb dieser zeile antworten", "veuillez répondre au-dessus de cette ligne",
    "escriba su respuesta por encima de esta línea", "por favor, escriba su respuesta sobre esta línea",
    "digite sua resposta acima desta linha", "typ uw antwoord boven deze regel",
    "scrivi la tua risposta sopra questa riga", "ujumbe asili", "ორიგინალი შეტყობინება", "orijinal məktub",
    "бастапқы хабарлама",
})  # fmt: skip
ORIGINAL_IN_LONG_RULES = frozenset({"original", "originál", "oryginał", "оригинал", "原文", "元の文"})
"""So QQ writes; between short rules it is a heading of the author's."""
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
    "gönderen", "από", "差出人", "送信者", "发件人", "发送者", "寄件者", "寄件人", "發件人", "보낸 사람", "보낸사람",
    "보낸이", "발신", "expeditor", "nuo", "no", "kellelt", "saatja", "frá", "nork", "remitente", "mittente",
    "remetente", "absender", "afzender", "expéditeur", "odosielateľ", "odesílatel", "nadawca", "отправитель",
    "відправник", "подател", "изпращач", "pošiljatelj", "pošiljalec", "šalje", "шаље", "од", "ад", "αποστολέας",
    "מאת", "من", "از", "จาก", "từ", "người gửi", "dari", "daripada", "प्रेषक", "से", "mula sa", "nga", "kutoka",
    "prej", "გამგზავნი", "kimdən", "кімнен", "ஆல்", "প্রেরক", "avsändare", "afsender", "avsender", "inviato da",
    "enviado por",
)  # fmt: skip
SENT_LABELS = (
    "sent", "date", "gesendet", "datum", "envoyé", "envoyé le", "date d'envoi", "enviado", "enviado el", "enviado em",
    "enviada em", "enviada", "fecha", "data", "inviato", "verzonden", "wysłano", "wysłane", "отправлено", "дата",
    "надіслано", "skickat", "sendt", "dato", "lähetetty", "päivämäärä", "päiväys", "odesláno", "elküldve", "küldve",
    "dátum", "trimis", "trimisă", "gönderildi", "gönderilme tarihi", "tarih", "εστάλη", "στάλθηκε", "απεσταλμένο",
    "ημερομηνία", "送信日時", "日時", "送信日", "日付", "发送时间", "发送日期", "日期", "时间", "寄件日期",
    "傳送日期", "傳送時間", "時間", "發送日期", "보낸 날짜", "보낸 시간", "보낸날짜", "보낸시간", "날짜", "일시",
    "odoslané", "odoslaná", "poslano", "poslato", "послато", "датум", "изпратено", "изпратен", "дасланa", "išsiųsta",
    "siųsta", "nosūtīts", "sūtīts", "datums", "saadetud", "saatmisaeg", "kuupäev", "sent þann", "send", "dagsetning",
    "bidalita", "enviat", "enviat el", "נשלח", "תאריך", "בתאריך", "تاريخ الإرسال", "تم الإرسال", "أرسل", "أُرسلت",
    "التاريخ", "تاريخ", "ارسال شده", "ارسال", "تاریخ", "ส่ง", "ส่งเมื่อ", "วันที่", "ngày", "đã gửi", "ngày gửi",
    "gửi", "gửi lúc", "terkirim", "dikirim", "tanggal", "dihantar", "tarikh", "भेजा गया", "दिनांक", "dërguar",
    "dërguar më", "tarehe", "გაგზავნილია", "göndərilib", "ipinadala", "gestuur", "versendet", "versandt", "verstuurd",
    "sendt den",
)  # fmt: skip
TO_LABELS = (
    "to", "an", "à", "para", "a", "aan", "do", "кому", "till", "til", "vastaanottaja", "kenelle", "címzett", "către",
    "kime", "alıcı", "προς", "宛先", "收件人", "收件者", "받는 사람", "받는사람", "수신", "komu", "za", "prima",
    "прима", "до", "kam", "kellele", "adressaat", "saaja", "gavėjas", "per", "nori", "אל", "إلى", "الى", "به", "ถึง",
    "tới", "đến", "kepada", "untuk", "प्रति", "kwa", "за", "til:", "destinatario", "destinataire", "empfänger",
    "ontvanger",
)  # fmt: skip
SUBJECT_LABELS = (
    "subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "temat", "тема", "ämne", "emne",
    "aihe", "předmět", "predmet", "tárgy", "subiect", "konu", "θέμα", "件名", "主题", "主旨", "主題", "标题", "標題",
    "제목", "zadeva", "предмет", "относно", "naslov", "тэма", "наслов", "tema", "temats", "teema", "efni", "gaia",
    "assumpte", "נושא", "הנושא", "الموضوع", "موضوع", "เรื่อง", "หัวเรื่อง", "chủ đề", "tiêu đề", "subjek", "perihal",
    "judul", "hal", "subyek", "perkara", "tajuk", "विषय", "subjekti", "lënda", "mada", "საგანი", "mövzu", "тақырып",
    "paksa", "sujet", "ärende", "vedrørende",
)  # fmt: skip

MOBILE_OPENERS = (
    "sent from", "sent via", "sent using", "get outlook for", "von meinem", "von meiner", "gesendet von",
    "gesendet mit", "diese nachricht wurde von meinem", "envoyé de", "envoyé depuis", "envoyé à partir",
    "télécharger outlook", "enviado desde", "enviado do", "enviado de", "enviado a partir", "obtener outlook",
    "inviato da", "scarica outlook", "verstuurd vanaf", "verstuurd vanuit", "verzonden vanaf", "verzonden met",
    "wysłane z", "wysłano z", "отправлено с", "отправлено из", "надіслано з", "skickat från", "hämta outlook",
    "sendt fra", "lähetetty", "odesláno z", "küldve", "trimis de pe", "发自", "發自", "来自", "從我的", "从我的",
    "取得 outlook",
)  # fmt: skip
MOBILE_ENDINGS = ("から送信", "에서 보냄", "傳送", "发送", "gönderildi")
DEVICES = (
    "iphon", "ipad", "ios", "android", "samsung", "galaxy", "huawei", "xiaomi", "redmi", "oneplus", "pixel", "nokia",
    "blackberry", "outlook", "mail", "yahoo", "aol", "windows", "proton", "thunderbird", "spark", "mobil", "phone",
    "handy", "tablet", "móvil", "movil", "celular", "téléphone", "telefon", "手机", "手機", "携帯", "휴대폰",
    "스마트폰",
)  # fmt: skip
