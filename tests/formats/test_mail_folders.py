from __future__ import annotations

import pytest

from crmsync.formats import role_of
from crmsync.model import CollectionRole


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (CollectionRole.INBOX, "INBOX | Posteingang | Boîte de réception | Bandeja de entrada"),
        (CollectionRole.INBOX, "Posta in arrivo | Входящие | 受信トレイ"),
        (CollectionRole.SENT, "Sent | Sent Items | Gesendet | Gesendete Objekte | Éléments envoyés"),
        (CollectionRole.SENT, "Enviados | Posta inviata | Itens Enviados"),
        (CollectionRole.SENT, "Verzonden items | Wysłane | Odeslaná pošta | Skickat | Sendt post"),
        (CollectionRole.SENT, "Lähetetyt | Отправленные | Надіслані"),
        (CollectionRole.SENT, "Gönderilmiş Öğeler | Απεσταλμένα | Elküldött elemek | Elemente trimise"),
        (CollectionRole.SENT, "送信済み | 已发送 | 寄件備份 | 보낸편지함"),
        (CollectionRole.SENT, "العناصر المرسلة | דואר שנשלח | [Gmail]/Sent Mail"),
        (CollectionRole.DRAFTS, "Drafts | Entwürfe | Brouillons | Borradores | Bozze | Rascunhos"),
        (CollectionRole.DRAFTS, "Concepten | Kopie robocze | Черновики | 下書き"),
        (CollectionRole.JUNK, "Junk | Junk E-Mail | Spam | Courrier indésirable | Correo no deseado"),
        (CollectionRole.JUNK, "Lixo Eletrônico | Ongewenste e-mail | 迷惑メール"),
        (CollectionRole.TRASH, "Trash | Deleted Items | Papierkorb | Corbeille | Papelera | Cestino"),
        (CollectionRole.TRASH, "Prullenbak | Kosz | Корзина | ごみ箱 | 휴지통"),
        (CollectionRole.ARCHIVE, "Archive | Archiv | Archives | Archivio | Arkiv | Архив | アーカイブ"),
        (CollectionRole.ALL, "All Mail | [Gmail]/Alle Nachrichten | [Gmail]/Todos"),
        (CollectionRole.ALL, "Tous les messages | Вся почта | すべてのメール"),
        (CollectionRole.NONE, "Projects | Sent to Ann | Clients 2009 | Todos | Archivos"),
        (CollectionRole.NONE, "Presentations | . | /"),
    ],
)
def test_the_role_of_a_folder_is_read_from_its_name(role: CollectionRole, names: str) -> None:
    assert [role] * len(names.split(" | ")) == [role_of(name) for name in names.split(" | ")]


@pytest.mark.parametrize(
    "name",
    [
        "SENT",
        "sent",
        " Sent ",
        "INBOX.Sent",
        "INBOX/Sent",
        "Inbox.Sent Items",
        "INBOX.Old.Sent",
        "[Gmail]/Gesendet",
        "[Google Mail]/Sent Mail",
        "Mail\\Sent Items",
        "envoyes",
        "ENVOYÉS",
        "Envoye\u0301s",
        "Sent-Items",
        "sent_items",
        "GÖNDERİLMİŞ ÖĞELER",
        "WYSLANE",
        "Ｓｅｎｔ",
    ],
)
def test_case_accents_and_the_way_to_the_folder_do_not_matter(name: str) -> None:
    assert CollectionRole.SENT is role_of(name)


def test_a_name_without_letters_has_no_role() -> None:
    assert [CollectionRole.NONE] * 3 == [role_of(name) for name in ("", "/", "\u0301")]


def test_a_name_of_a_megabyte_has_no_role() -> None:
    assert CollectionRole.NONE is role_of("é" * 1_000_000)
