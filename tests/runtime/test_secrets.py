from __future__ import annotations

import base64
import json
import os
import pickle
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from crmsync.errors import StorageError
from crmsync.providers.network.access import Security, Server
from crmsync.runtime import (
    Account,
    AccountFile,
    Key,
    Keys,
    Kind,
    Service,
    key_file,
    keys_from,
    read_key_file,
    service_of,
)  # fmt: skip

SECRET = "hunter2-öäü"
SERVER = Server(host="imap.client.example", port=993, username="ann@client.example")
KEY = Key.new()


@pytest.fixture
def keys() -> Keys:
    return Keys(KEY)


def account(keys: Keys, secret: str = SECRET) -> Account:
    return Account(name="ann", address="ann@client.example").with_login(Service.IMAP, secret, keys, server=SERVER)


# -- sealed secrets


@settings(max_examples=examples(60))
@given(st.text(max_size=50), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_secret_comes_back_in_its_place(secret: str, place: str) -> None:
    keys = Keys(KEY)
    sealed = keys.seal(secret, place)
    assert secret == keys.unseal(sealed, place)
    assert sealed.isascii()
    assert sealed != keys.seal(secret, place)


def test_a_sealed_secret_shows_nothing_of_it(keys: Keys) -> None:
    sealed = keys.seal(SECRET, "a")
    octets = base64.urlsafe_b64decode(sealed.rpartition(":")[2])
    for clear in (SECRET.encode(), KEY.text.encode(), base64.urlsafe_b64decode(KEY.text)):
        assert clear not in octets
        assert clear not in sealed.encode()


def test_in_another_place_it_does_not_open(keys: Keys) -> None:
    sealed = keys.seal(SECRET, "ann/imap")
    with pytest.raises(StorageError, match="moved from another account") as caught:
        keys.unseal(sealed, "bob/imap")
    assert SECRET not in str(caught.value)


@settings(max_examples=examples(80))
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_one_does_not_open(at: int, by: int) -> None:
    keys = Keys(KEY)
    scheme, name, data = keys.seal(SECRET, "a").split(":")
    octets = bytearray(base64.urlsafe_b64decode(data))
    octets[at % len(octets)] ^= by
    with pytest.raises(StorageError):
        keys.unseal(f"{scheme}:{name}:{base64.urlsafe_b64encode(octets).decode()}", "a")


@pytest.mark.parametrize(
    "text", ["", "x", "crmsync1:", "crmsync1::", "crmsync1:x:", "crmsync2:aaaaaaaa:AAAA", "crmsync1:NAME:é"]
)
def test_what_is_no_sealed_secret_is_told(keys: Keys, text: str) -> None:
    with pytest.raises(StorageError):
        keys.unseal(text.replace("NAME", KEY.name), "a")
    for data in ("A", "AAAA", "====", "é", "\0"):
        with pytest.raises(StorageError, match="does not open"):
            keys.unseal(f"crmsync1:{KEY.name}:{data}", "a")


def test_a_key_shows_nowhere(keys: Keys) -> None:
    for shown in (repr(KEY), str(KEY), repr(keys), KEY.name, f"{vars(keys)}"):
        assert KEY.text not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(KEY)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(keys)


@pytest.mark.parametrize(
    "text",
    ["", "short", KEY.text[:-5], KEY.text + "AAAA", "é" * 44, "!" * 44],
    ids=["nothing", "short", "cut", "too long", "letters", "signs"],
)
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="this is no key") as caught:
        Key(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_may_be_in_either_alphabet_of_base64() -> None:
    octets = bytes([0xFB, 0xFF] * 16)
    sealed = Keys(Key(base64.b64encode(octets).decode())).seal(SECRET, "a")
    assert SECRET == Keys(Key(base64.urlsafe_b64encode(octets).decode())).unseal(sealed, "a")


# -- another key


def test_after_a_change_of_keys_everything_opens_and_ends_under_the_new_one() -> None:
    old, new = Key.new(), Key.new()
    before = account(Keys(old))
    both = Keys(new, old)
    assert SECRET == before.secret(Service.IMAP, both)()
    after = before.sealed_again(both)
    assert all(both.is_current(login.sealed) for login in after.logins)
    assert not any(both.is_current(login.sealed) for login in before.logins)
    assert SECRET == after.secret(Service.IMAP, Keys(new))()
    assert after == after.sealed_again(both)
    with pytest.raises(StorageError, match=f"sealed with the key {old.name}, which is not here"):
        before.secret(Service.IMAP, Keys(new))()


# -- accounts


def test_an_account_yields_access_whose_secret_opens_at_the_login(keys: Keys) -> None:
    access = account(keys).access(Service.IMAP, keys)
    assert "imap.client.example" == access.host
    assert SECRET == (access.password or str)()
    assert SECRET not in repr(access) + repr(account(keys)) + account(keys).model_dump_json()


def test_an_account_may_be_pickled_because_its_secrets_are_sealed(keys: Keys) -> None:
    made = account(keys)
    assert made == pickle.loads(pickle.dumps(made))
    assert SECRET.encode() not in pickle.dumps(made)
    assert "crmsync1:" not in repr(made)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "evil.example"}, {"port": 143}, {"security": Security.UNENCRYPTED}, {"accept_any_certificate": True},
        {"ca": "PEM"}, {"username": "bob"}, {"allow_internal": True}, {"path": "/~mallory/"},
    ],
)  # fmt: skip
def test_a_stored_secret_is_never_shown_to_another_server(keys: Keys, change: dict[str, Any]) -> None:
    # Whoever can write to the table, but has no key, must not get at the password by naming a server of theirs.
    (login,) = account(keys).logins
    assert login.server is not None
    moved = login.model_copy(update={"server": login.server.model_copy(update=change)})
    tampered = account(keys).model_copy(update={"logins": (moved,)})
    with pytest.raises(StorageError, match="does not open"):
        (tampered.access(Service.IMAP, keys).password or str)()


def test_a_stored_secret_is_never_sent_to_other_addresses_that_a_provider_found(keys: Keys) -> None:
    details = {"account": '{"homes": ["https://dav.acme.example/cal/ann/"]}'}
    made = Account(name="ann", address="ann@client.example").with_login(
        Service.CALDAV, SECRET, keys, server=SERVER, details=details
    )
    (login,) = made.logins
    moved = login.model_copy(update={"details": {"account": details["account"].replace("dav.", "mallory.")}})

    assert SECRET == made.secret(Service.CALDAV, keys)()
    for changed in (moved, login.model_copy(update={"details": {}})):
        with pytest.raises(StorageError, match="does not open"):
            made.model_copy(update={"logins": (changed,)}).secret(Service.CALDAV, keys)()


def test_timeouts_may_change_without_the_secret(keys: Keys) -> None:
    (login,) = account(keys).logins
    assert login.server is not None
    slower = login.model_copy(update={"server": login.server.model_copy(update={"timeout": 5.0})})
    assert SECRET == account(keys).model_copy(update={"logins": (slower,)}).secret(Service.IMAP, keys)()


def test_a_new_password_leaves_all_else_as_it_was(keys: Keys) -> None:
    made = account(keys).with_login(Service.SMTP, "other", keys, server=SERVER, details={"a": "b"})
    changed = made.with_login(Service.IMAP, "new", keys, server=SERVER)
    assert "new" == changed.secret(Service.IMAP, keys)()
    assert made.login(Service.SMTP) == changed.login(Service.SMTP)
    assert (made.name, made.address) == (changed.name, changed.address)
    assert Service.IMAP not in changed.without(Service.IMAP)
    assert Service.SMTP in changed.without(Service.IMAP)


def offers(account: Account, kind: Kind) -> bool:
    return service_of(account, kind) is not None


def test_an_account_says_what_it_offers(keys: Keys) -> None:
    made = account(keys)
    assert (True, False) == (offers(made, Kind.MAIL), offers(made, Kind.CALENDAR))
    google = Account(name="g", address="g@gmail.com").with_login(Service.GOOGLE, "refresh", keys, kind="oauth")
    assert (True, True) == (offers(google, Kind.MAIL), offers(google, Kind.CALENDAR))
    assert "refresh" == google.secret(Service.GOOGLE, keys)()
    for missing in (Service.GOOGLE, Service.IMAP):
        with pytest.raises(KeyError):
            google.access(missing, keys)
    with pytest.raises(KeyError):
        google.secret(Service.IMAP, keys)


def test_an_account_has_one_login_for_each_service(keys: Keys) -> None:
    (login,) = account(keys).logins
    with pytest.raises(ValidationError, match="one login"):
        Account(name="a", address="ann@client.example", logins=(login, login))


# -- the file


def test_accounts_come_back_from_their_file_which_only_the_owner_reads(tmp_path: Path, keys: Keys) -> None:
    file = AccountFile(tmp_path / "new" / "crmsync.accounts")
    assert {} == file.load()
    file.save(account(keys))
    assert {"ann": account(keys).address} == {name: one.address for name, one in file.load().items()}
    assert SECRET == file.load()["ann"].secret(Service.IMAP, keys)()
    assert 0o600 == stat.S_IMODE(file.path.stat().st_mode)
    octets = b"".join(one.read_bytes() for one in file.path.parent.iterdir())
    assert SECRET.encode() not in octets
    assert KEY.text.encode() not in octets
    file.remove("ann")
    assert {} == file.load()
    file.remove("nobody")


def test_a_crash_while_saving_leaves_the_old_file(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AccountFile(tmp_path / "crmsync.accounts")
    file.save(account(keys))
    before = file.path.read_bytes()

    def crash(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space"):
        file.save(Account(name="bob", address="bob@client.example"))
    assert before == file.path.read_bytes()
    assert [] == [one.name for one in tmp_path.iterdir() if one.name not in (file.path.name, f".{file.path.name}.lock")]


def test_two_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    file = AccountFile(tmp_path / "crmsync.accounts")
    people = [Account(name=f"p{n}", address=f"p{n}@client.example") for n in range(12)]
    threads = [threading.Thread(target=file.save, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.name for one in people} == file.load().keys()


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "damaged"), (b"{", "damaged"), (b"[]", "version"), (b'{"version": 2}', "version"),
        (b'{"version": 1}', "damaged"), (b'{"version": 1, "accounts": [{}]}', "damaged"), (b"\xff", "damaged"),
        (b'{"version": 1, "accounts": [{"name": "a", "address": "nobody"}]}', "damaged"), (b"[" * 100_000, "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_and_never_overwritten(tmp_path: Path, octets: bytes, said: str) -> None:
    file = AccountFile(tmp_path / "crmsync.accounts")
    file.path.write_bytes(octets)
    with pytest.raises(StorageError, match=said):
        file.save(Account(name="a", address="ann@client.example"))
    assert octets == file.path.read_bytes()


def test_a_file_may_grow_fields_only_with_its_version(tmp_path: Path, keys: Keys) -> None:
    file = AccountFile(tmp_path / "crmsync.accounts")
    file.save(account(keys))
    data = json.loads(file.path.read_bytes())
    assert 1 == data["version"]
    assert ["name", "address", "aliases", "logins"] == list(data["accounts"][0])


# -- where the key comes from


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    environ = {"CRMSYNC_KEY": f"{KEY.text} {Key.new().text}", "CRMSYNC_KEY_FILE": str(tmp_path / "key")}
    assert KEY.name == keys_from(environ, create=True).current.name
    assert [] == list(tmp_path.iterdir())


def test_a_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    first = keys_from(environ, create=True)
    file = tmp_path / "crmsync" / "key"
    assert file == key_file(environ)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)
    assert first.current.name == keys_from(environ).current.name == keys_from(environ, create=True).current.name


def test_the_key_file_lies_in_the_home_directory_unless_said_otherwise(tmp_path: Path) -> None:
    assert tmp_path / ".config" / "crmsync" / "key" == key_file({"HOME": str(tmp_path)})
    assert Path("/run/key") == key_file({"HOME": "/", "CRMSYNC_KEY_FILE": "/run/key"})


def test_without_a_key_it_says_how_to_bring_it_back(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"set CRMSYNC_KEY, or bring .* back"):
        keys_from({"XDG_CONFIG_HOME": str(tmp_path)})
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.text)
    file.chmod(mode)
    with pytest.raises(StorageError, match="chmod 600") as caught:
        read_key_file(file)
    assert KEY.text not in str(caught.value)
    file.chmod(0o600)
    assert KEY.name == read_key_file(file).current.name


@pytest.mark.parametrize("text", ["", "nonsense", "\xff"])
def test_a_key_file_without_a_key_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(StorageError, match=r"key: (this|there) is no key"):
        read_key_file(file)


def test_a_key_that_cannot_be_read_or_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be read: Not a directory"):
        keys_from({"CRMSYNC_KEY_FILE": str(tmp_path / "file" / "key")}, create=True)
    with pytest.raises(StorageError, match="cannot be read"):
        keys_from({"CRMSYNC_KEY_FILE": str(tmp_path)})
    with pytest.raises(StorageError, match="CRMSYNC_KEY: this is no key"):
        keys_from({"CRMSYNC_KEY": "nonsense"})


def test_a_link_to_nowhere_is_not_followed_to_make_a_key(tmp_path: Path) -> None:
    link = tmp_path / "key"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot be read"):
        keys_from({"CRMSYNC_KEY_FILE": str(link)}, create=True)
    assert not (tmp_path / "elsewhere").exists()
