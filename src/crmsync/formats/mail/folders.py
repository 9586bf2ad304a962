"""What a mail folder is for, by its name, in the languages people use."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from crmsync.model import CollectionRole

# Names as mail programs and providers write them, in lower case; accents do not matter.
_NAMES: dict[CollectionRole, str] = {
    CollectionRole.INBOX: """
        inbox | in-box | posteingang | eingang | boîte de réception | réception | courrier entrant
        bandeja de entrada | recibidos | entrada | posta in arrivo | in arrivo | caixa de entrada | recebidos
        postvak in | inkomend | inkorg | inkorgen | indbakke | innboks | saapuneet | saapuneet viestit
        skrzynka odbiorcza | odebrane | odebrane wiadomości | doručená pošta | doručené | přijatá pošta
        prijaté | beérkező levelek | bejövő | bejövő levelek | mesaje primite | primite | входящие | вхідні
        входящи | εισερχόμενα | gelen kutusu | gelen | 受信トレイ | 受信箱 | 收件箱 | 收件匣 | 받은편지함
        받은 편지함 | 받은메일함 | البريد الوارد | الوارد | علبة الوارد | דואר נכנס | hộp thư đến | kotak masuk
        กล่องจดหมาย
    """,
    CollectionRole.SENT: """
        sent | sent items | sent mail | sent messages | sent email | sent e-mail | sentmail | gesendet
        gesendete | gesendete objekte | gesendete elemente | gesendete nachrichten | gesendete e-mails
        gesendete mails | envoyé | envoyés | éléments envoyés | messages envoyés | objets envoyés
        courrier envoyé | courriers envoyés | enviado | enviados | elementos enviados | mensajes enviados
        correo enviado | correos enviados | itens enviados | mensagens enviadas | e-mails enviados
        email enviados | enviadas | inviato | inviata | inviati | posta inviata | messaggi inviati
        elementi inviati | verzonden | verzonden items | verzonden berichten | verstuurd | verstuurde berichten
        wysłane | elementy wysłane | wysłane wiadomości | wysłane elementy | poczta wysłana | odeslané
        odeslaná pošta | odeslané položky | odeslané zprávy | odoslané | odoslaná pošta | odoslané položky
        skickat | skickade | skickade objekt | skickade meddelanden | skickad e-post | sendt | sendte
        sendte elementer | sendt post | sendte meddelelser | sendte e-mails | sendte meldinger | sendt e-post
        lähetetyt | lähetetyt viestit | lähetetyt kohteet | отправленные | отправлено | отправленные элементы
        отправленные сообщения | надіслані | відправлені | надіслані елементи | изпратени | gönderilmiş öğeler
        gönderilen | gönderilenler | gönderilmiş postalar | gönderilmiş | gönderilen postalar | απεσταλμένα
        σταλμένα | elküldött | elküldött elemek | elküldött levelek | elküldött üzenetek | trimise
        mesaje trimise | elemente trimise | poslano | poslane poruke | poslata pošta | saadetud | išsiųsta
        nosūtītās | 送信済み | 送信済みアイテム | 送信済みメール | 送信済みメッセージ | 送信箱 | 送信控え
        已发送 | 已发送邮件 | 已发邮件 | 已发送的邮件 | 已傳送 | 寄件備份 | 寄件備份匣 | 已寄出 | 已傳送的郵件
        已寄送的郵件 | 送出的郵件 | 보낸편지함 | 보낸 편지함 | 보낸메일함 | 보낸 메일 | 보낸 메시지 | 보낸 항목
        البريد المرسل | المرسل | العناصر المرسلة | الرسائل المرسلة | بريد مرسل | דואר שנשלח | נשלחו
        פריטים שנשלחו | דואר יוצא | đã gửi | thư đã gửi | terkirim | item terkirim | จดหมายที่ส่ง
        จดหมายที่ส่งแล้ว | enviats | elements enviats | bidalitakoak
    """,
    CollectionRole.DRAFTS: """
        draft | drafts | draft messages | entwurf | entwürfe | brouillon | brouillons | borrador | borradores
        bozza | bozze | rascunho | rascunhos | concept | concepten | kladblok | szkic | szkice | kopie robocze
        wersje robocze | robocze | koncept | koncepty | rozepsané | rozpracované | utkast | kladde | kladder
        luonnos | luonnokset | черновик | черновики | чернетка | чернетки | чернови | taslak | taslaklar
        πρόχειρα | πρόχειρο | piszkozat | piszkozatok | vázlatok | ciorne | schițe | skice | nacrti | 下書き
        下書きトレイ | 下書き箱 | 草稿 | 草稿箱 | 草稿匣 | 임시보관함 | 임시 보관함 | 임시보관 | المسودات
        مسودات | مسودة | טיוטות | טיוטה | thư nháp | bản nháp | draf | จดหมายร่าง | ร่างจดหมาย | esborranys
    """,
    CollectionRole.JUNK: """
        junk | spam | junk mail | junk e-mail | junk email | bulk | bulk mail | bulkmail | spamverdacht
        junk-e-mail | unerwünscht | unerwünschte werbung | spam-verdacht | courrier indésirable | indésirable
        indésirables | pourriel | pourriels | correo no deseado | no deseado | correo basura
        posta indesiderata | indesiderata | lixo eletrônico | lixo electrónico | lixo eletrónico
        lixo electronico | correio não solicitado | correio eletrônico não solicitado | ongewenst
        ongewenste e-mail | ongewenste mail | wiadomości-śmieci | wiadomości śmieci | niechciane | śmieci
        nevyžádaná pošta | nevyžádané | nevyžiadaná pošta | skräppost | skräp | uønsket mail | uønsket e-mail
        uønsket post | søppelpost | søppel-e-post | roskaposti | roskapostit | спам | нежелательная почта
        нежелательные | небажана пошта | önemsiz | istenmeyen | istenmeyen e-posta | önemsiz e-posta | gereksiz
        ανεπιθύμητα | ανεπιθύμητη αλληλογραφία | levélszemét | kéretlen levelek | nedorite | mesaje nedorite
        e-mail nedorit | neželjena pošta | 迷惑メール | 迷惑メールフォルダー | 迷惑メールフォルダ | 垃圾邮件
        垃圾箱 | 垃圾郵件 | 垃圾信件 | 垃圾信件匣 | 스팸함 | 스팸 | 스팸메일함 | 스팸 메일 | 정크 메일
        정크메일 | البريد العشوائي | بريد إلكتروني غير هام | غير مرغوب فيه | البريد غير الهام | רפש | דואר זבל
        ספאם | thư rác | จดหมายขยะ
    """,
    CollectionRole.TRASH: """
        trash | deleted | deleted items | deleted messages | deleted mail | bin | rubbish | wastebasket
        papierkorb | gelöscht | gelöschte objekte | gelöschte elemente | gelöschte nachrichten | gelöschte mails
        gelöschte e-mails | corbeille | poubelle | éléments supprimés | messages supprimés | papelera
        elementos eliminados | eliminados | papelera de reciclaje | mensajes eliminados | correo eliminado
        cestino | posta eliminata | elementi eliminati | eliminata | messaggi eliminati | lixo | lixeira
        itens excluídos | itens eliminados | excluídos | apagados | mensagens eliminadas | prullenbak
        prullenmand | verwijderd | verwijderde items | verwijderde berichten | kosz | elementy usunięte
        usunięte | usunięte wiadomości | koš | odstraněná pošta | odstraněné | odstraněné položky | kôš
        odstránené položky | odstránená pošta | papperskorg | papperskorgen | borttaget | borttagna
        borttagna objekt | papirkurv | papirkurven | slettet post | slettede | slettede elementer
        slettede meldinger | slettet | slettede meddelelser | roskakori | poistetut | poistetut viestit
        poistetut kohteet | корзина | удаленные | удалённые | удаленные элементы | удалённые элементы
        удаленные сообщения | кошик | видалені | видалені елементи | кошче | çöp | çöp kutusu | çöp sepeti
        silinmiş öğeler | silinen | silinenler | silinmiş | κάδος | κάδος απορριμμάτων | απορρίμματα
        διαγραμμένα | διαγραμμένα στοιχεία | kuka | törölt | törölt elemek | lomtár | coș | coș de gunoi
        coșul de gunoi | elemente șterse | gunoi | șterse | smeće | otpad | ごみ箱 | ゴミ箱 | 削除済み
        削除済みアイテム | 削除済みメール | 已删除 | 已删除邮件 | 已删除的邮件 | 废件箱 | 回收站 | 垃圾桶
        已刪除 | 刪除的郵件 | 已刪除的郵件 | 휴지통 | 지운편지함 | 지운 편지함 | 삭제된 항목 | 지운 항목
        삭제된 메시지 | سلة المهملات | المهملات | المحذوفات | العناصر المحذوفة | אשפה | פריטים שנמחקו | נמחקו
        thùng rác | sampah | ถังขยะ | paperera
    """,
    CollectionRole.ARCHIVE: """
        archive | archives | archived | archiv | archiviert | archivée | archivés | archivo | archivados
        archivio | archiviata | archiviati | arquivo | arquivo morto | arquivados | archief | gearchiveerd
        archiwum | zarchiwizowane | archív | arkiv | arkiverat | arkiveret | arkivert | arkiivi | arkisto
        arkistoidut | архив | архів | архивы | arşiv | arşivlenmiş | αρχείο | αρχειοθέτηση | archívum
        archivált | arhivă | arhiva | アーカイブ | アーカイヴ | 保管 | 归档 | 存档 | 封存 | 歸檔 | 封存的郵件
        보관함 | 보관 | 보관된 메일 | الأرشيف | أرشيف | ארכיון | lưu trữ | arsip | ที่เก็บถาวร | arxiu
    """,
    CollectionRole.ALL: """
        all mail | all messages | all email | alle nachrichten | alle e-mails | alle mails | tous les messages
        tous les mails | todos los correos | todos los mensajes | todos os e-mails | todo o correio
        todas as mensagens | tutti i messaggi | tutta la posta | tutti i messaggi di posta | alle berichten
        alle e-mailberichten | wszystkie wiadomości | cała poczta | všechny zprávy | všechna pošta
        všetky správy | alla mail | all e-post | alla meddelanden | all post | alle mail | alle meddelelser
        alle meldinger | kaikki viestit | kaikki sähköpostit | вся почта | все письма | уся пошта | вся пошта
        усі листи | tüm postalar | tüm e-postalar | όλα τα μηνύματα | όλη η αλληλογραφία | összes levél
        az összes levél | toate mesajele | toate e-mailurile | すべてのメール | すべてのメッセージ | 所有邮件
        全部邮件 | 所有郵件 | 全部郵件 | 전체보관함 | 전체 보관함 | 전체 메일 | 전체메일 | كل البريد
        جميع البريد | כל הדואר | tất cả thư | semua email | จดหมายทั้งหมด | tots els missatges
    """,
}

# Elsewhere a folder of one's own may well be called so.
_IN_GMAIL = frozenset({"all", "todos", "wszystkie"})

_LAST = re.compile(r"[/\\]")
_PREFIX = re.compile(r"(?:inbox|\[gmail\]|\[google mail\])(?=[.|])", re.IGNORECASE)


def _fold(name: str) -> str:
    """Make one of what differs in case, accents, width and dashes only."""
    decomposed = unicodedata.normalize("NFKD", name.replace("ı", "i").replace("İ", "i").replace("ł", "l").casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(letters.replace("ø", "o").replace("-", " ").replace("_", " ").split())


@cache
def _roles() -> dict[str, CollectionRole]:
    return {_fold(name): role for role, names in _NAMES.items() for name in re.split(r"[|\n]", names)}


def role_of(name: str) -> CollectionRole:
    """Tell what a folder is for by the last component of its name; case and accents do not matter.

    For servers that do not tell it (RFC 6154). A folder within the inbox is named `INBOX.Sent` on many of them.

    >>> [str(role_of(name)) for name in ("[Gmail]/Gesendet", "INBOX.Sent", "ELEMENTOS ELIMINADOS", "Projects")]
    ['sent', 'sent', 'trash', 'none']
    """
    last = _LAST.split(name[-200:].strip())[-1]
    if prefix := _PREFIX.match(last):
        last = re.split(r"[.|]", last[prefix.end() :])[-1]
    word = _fold(last)
    if word in _IN_GMAIL and name.lower().startswith("[g"):
        return CollectionRole.ALL
    return _roles().get(word, CollectionRole.NONE) if word else CollectionRole.NONE
