"""Mail that opens accounts: one-time codes and password resets."""

from __future__ import annotations

import re

from ..model import Message
from .group import is_automatic, is_group_address

_CODE = re.compile(r"(?<![\w.,-])(?:\d{3}[ -]?\d{3}|\d{4,8}|(?=[A-Z0-9-]*\d)[A-Z0-9]{3,5}-[A-Z0-9]{3,5})(?![\w-])")

_CODE_WORDS = (
    "verification code", "security code", "confirmation code", "one-time", "one time pass", "login code", "log-in code",
    "sign-in code", "access code", "passcode", "authentication code", "2-step", "two-factor", "your code", " otp",
    "otp ", "bestätigungscode", "sicherheitscode", "einmalpasswort", "einmalcode", "anmeldecode", "prüfcode",
    "zugangscode", "code de vérification", "code de sécurité", "code de confirmation", "code à usage unique",
    "code d'accès", "código de verificación", "código de seguridad", "código de acceso", "código de confirmación",
    "código de uso único", "codice di verifica", "codice di sicurezza", "codice di accesso", "código de verificação",
    "código de segurança", "verificatiecode", "beveiligingscode", "inlogcode", "kod weryfikacyjny",
    "kod bezpieczeństwa", "ověřovací kód", "verifieringskod", "bekræftelseskode", "vahvistuskoodi", "код подтверждения",
    "код безопасности", "одноразовый", "код підтвердження", "doğrulama kodu", "確認コード", "認証コード",
    "ワンタイム", "验证码", "驗證碼",
    "인증번호", "인증 코드",
)  # fmt: skip
"""Words that, beside a code, make it a one-time code."""

_RESET_WORDS = (
    "reset your password", "password reset", "reset password", "forgot your password", "forgotten password",
    "recover your account", "account recovery", "set a new password", "change your password", "magic link",
    "sign-in link", "login link", "sign in to your account", "passwort zurücksetzen", "kennwort zurücksetzen",
    "passwort vergessen", "neues passwort", "réinitialiser votre mot de passe",
    "réinitialisation de votre mot de passe", "réinitialisation du mot de passe", "mot de passe oublié",
    "restablecer tu contraseña", "restablecer su contraseña", "restablecer la contraseña",
    "restablecimiento de contraseña", "reimposta la password", "reimpostare la password", "ripristino password",
    "redefinir sua senha", "redefinir a senha", "redefinição de senha", "wachtwoord opnieuw instellen",
    "wachtwoord vergeten", "zresetuj hasło", "resetowanie hasła", "obnovení hesla", "återställ ditt lösenord",
    "nulstil din adgangskode", "сброс пароля", "восстановление пароля", "відновлення пароля", "şifre sıfırlama",
    "パスワードの再設定", "パスワードをリセット", "重置密码", "重設密碼", "비밀번호 재설정",
)  # fmt: skip
"""Words of a password reset or a sign-in link."""

_READ = 1_500


def is_sensitive(message: Message) -> bool:
    """Tell whether a message carries a one-time code, a password reset or a sign-in link.

    A code counts beside words that call it one; a reset counts when a machine sent it or when it holds a
    link, so that people may talk about passwords. Only the subject and the beginning of the text are read.
    """
    subject = message.subject or ""
    text = (message.text or "")[:_READ]
    said = f"{subject}\n{text}".casefold().replace("’", "'")
    if any(word in said for word in _CODE_WORDS) and (_CODE.search(text) or _CODE.search(subject)):
        return True
    if not any(word in said for word in _RESET_WORDS):
        return False
    sender = message.sender
    by_machine = is_automatic(message.headers) or (sender is not None and is_group_address(sender.address))
    in_subject = any(word in subject.casefold().replace("’", "'") for word in _RESET_WORDS)
    return by_machine or (in_subject and ("http://" in said or "https://" in said))
