from __future__ import annotations

import pytest
from any_values import messages
from hypothesis import given
from hypothesis import strategies as st

from crmsync import Message, Participant, Role
from crmsync.rules import is_sensitive
from crmsync.rules.sensitive_words import CODE_STEMS, CODE_WORDS, RESET_STEMS, RESET_WORDS, WEAK_CODE_WORDS

LINK = "https://app.example/auth?token=9f8e7d6c5b4a39281706"


def mail(sender: str, subject: str, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Message:
    return Message(
        participants=[Participant(address=sender, role=Role.FROM)], subject=subject, text=text, headers=headers
    )


@pytest.mark.parametrize(("sender", "subject", "text"), [
    # Codes, as the big senders write them
    ("noreply@google.com", "Google verification code", "G-482913 is your Google verification code."),
    ("no-reply@accounts.google.com", "Verification code", "Use this code to finish: 482913\nIt expires in 24 hours."),
    ("appleid@id.apple.com", "Your Apple Account code", "Your code is: 482913. Do not share it."),
    ("account-security-noreply@accountprotection.microsoft.com", "Your single-use code",
     "We received your request for a single-use code.\n\nYour single-use code is: 4829137"),
    ("security@facebookmail.example", "FB-48291 is your confirmation code", "Enter it to confirm."),
    ("noreply@steampowered.example", "Your Steam account", "Here is the Steam Guard code you need to login:\n\nR2K4D"),
    ("feedback@slack.example", "Slack confirmation code: HJK-LMN", "Your confirmation code is below."),
    ("noreply@github.example", "[GitHub] Please verify your device", "Verification code: 482913"),
    ("verify@twitter.example", "Your X code is 48291374", "Enter this verification code: 48291374"),
    ("login@service.example", "Sign in", "Enter this code: 482 913"),
    ("otp@bank.example", "OTP", "4829 is your OTP for the payment. Never share it."),
    ("service@paypal.example", "Your security code", "4 8 2 9 1 3 is your security code."),
    ("noreply@shop.example", "Log in", "Your one-time password is AB3XK9."),
    ("hello@startup.example", "Your login code", "Your login code: 482913"),
    ("team@startup.example", "Sign in to Startup", "Your temporary code is AB12-CD34"),
    ("noreply@x.example", "Two-factor sign-in", "Your access code: 482913"),
    # In other languages
    ("noreply@bank.example", "Ihr Sicherheitscode", "Ihr Sicherheitscode lautet 482913."),
    ("service@bank.example", "Anmeldung", "Bitte geben Sie den Bestätigungscode 482913 ein."),
    ("noreply@x.example", "Einmalpasswort", "Ihr Einmalpasswort: 482913"),
    ("ne-pas-repondre@banque.example", "Connexion", "Votre code de vérification est 482 913."),
    ("noreply@x.example", "Code de sécurité", "482913 est votre code de sécurité"),
    ("noreply@banco.example", "Acceso", "Tu código de verificación es 482913"),
    ("noreply@x.example", "Código de seguridad", "Código de seguridad: 4829"),
    ("noreply@banca.example", "Accesso", "Il tuo codice di verifica è 482913."),
    ("noreply@banco.example", "Entrar", "Seu código de verificação é 482913"),
    ("noreply@bank.example", "Inloggen", "Je verificatiecode is 482913"),
    ("noreply@bank.example", "Logowanie", "Twój kod weryfikacyjny: 482913"),
    ("noreply@banka.example", "Přihlášení", "Váš ověřovací kód je 482913"),
    ("noreply@bank.example", "Logga in", "Din verifieringskod är 482913"),
    ("noreply@bank.example", "Log ind", "Din engangskode: 482913"),
    ("noreply@bank.example", "Kirjautuminen", "Vahvistuskoodi: 482913"),
    ("noreply@bank.example", "Belépés", "Ellenőrző kód: 482913"),
    ("noreply@bank.example", "Autentificare", "Codul de verificare este 482913"),
    ("noreply@bank.example", "Вход", "Ваш код подтверждения: 482913"),
    ("noreply@bank.example", "Вхід", "Код підтвердження: 4829"),
    ("noreply@bank.example", "Σύνδεση", "Ο κωδικός επαλήθευσης είναι 482913"),
    ("noreply@banka.example", "Giriş", "Doğrulama kodu: 482913"),
    ("noreply@bank.example", "ログイン", "認証コードは482913です。"),
    ("noreply@bank.example", "ログイン", "確認コード：４８２９１３"),
    ("noreply@bank.example", "登录", "您的验证码是482913，请勿泄露。"),
    ("noreply@bank.example", "登入", "您的驗證碼為 482913"),
    ("noreply@bank.example", "로그인", "인증번호 [482913]를 입력하세요."),
    ("noreply@bank.example", "כניסה", "קוד אימות: 482913"),
    ("noreply@bank.example", "تسجيل الدخول", "رمز التحقق: 482913"),
    ("noreply@bank.example", "लॉगिन", "आपका सत्यापन कोड 482913 है"),
    ("noreply@bank.example", "Đăng nhập", "Mã xác minh của bạn là 482913"),
    ("noreply@bank.example", "เข้าสู่ระบบ", "รหัสยืนยัน 482913"),
    ("noreply@bank.example", "Masuk", "Kode verifikasi: 482913"),
    # Resets and sign-in links
    ("noreply@app.example", "Reset your password", f"Click here: {LINK}"),
    ("noreply@app.example", "Password reset", "Somebody asked for a new password. Click the button."),
    ("noreply@app.example", "Welcome", f"Set a new password within 24 hours: {LINK}"),
    ("hello@startup.example", "Your magic link", f"Here is your magic link: {LINK}"),
    ("team@startup.example", "Log in", f"Sign in to your account: {LINK}"),
    ("noreply@app.example", "Passwort zurücksetzen", "Klicken Sie auf den Knopf."),
    ("noreply@app.example", "Réinitialisation de votre mot de passe", "Cliquez ici."),
    ("noreply@app.example", "Mot de passe oublié", "Vous n’avez qu’à cliquer."),
    ("noreply@app.example", "Restablecer tu contraseña", "Haz clic."),
    ("noreply@app.example", "Reimposta la password", "Clicca qui."),
    ("noreply@app.example", "Redefinição de senha", "Clique aqui."),
    ("noreply@app.example", "Wachtwoord vergeten", "Klik hier."),
    ("noreply@app.example", "Resetowanie hasła", "Kliknij."),
    ("noreply@app.example", "Сброс пароля", "Нажмите."),
    ("noreply@app.example", "Şifre sıfırlama", "Tıklayın."),
    ("noreply@app.example", "パスワードの再設定", "クリックしてください。"),
    ("noreply@app.example", "重置密码", "请点击。"),
    ("noreply@app.example", "비밀번호 재설정", "클릭하세요."),
    # A person passes the living thing on
    ("ann@client.example", "Fwd: code", "here you go, the verification code is 482913"),
    ("ann@client.example", "Fwd: Reset your password", f"can you do it? {LINK}"),
])  # fmt: skip
def test_codes_resets_and_sign_in_links_are_held(sender: str, subject: str, text: str) -> None:
    assert is_sensitive(mail(sender, subject, text))
    assert is_sensitive(mail(sender, subject.upper(), text))


@pytest.mark.parametrize(("sender", "subject", "text"), [
    # People talk about passwords and codes
    ("ann@client.example", "Password reset does not work", "The password reset fails. https://client.example"),
    ("ann@client.example", "Forgot your password?", "That is what your page says. I did not. Order 48291."),
    ("ann@client.example", "Re: login", "I want to change your password rules to 12 characters before 2026."),
    ("ann@client.example", "Support", "My colleague forgot her password, please call 030 123456."),
    ("ann@client.example", "Passwort", "Ich habe mein Passwort vergessen, Kundennummer 482913. https://client.example/"),
    ("ann@client.example", "Kennwort", "Können wir das Kennwort zurücksetzen? Ticket 48291"),
    ("ann@client.example", "Accès", "J'ai un mot de passe oublié, commande 482913."),
    ("ann@client.example", "Acceso", "No puedo restablecer la contraseña, pedido 482913."),
    ("ann@client.example", "Пароль", "Не работает восстановление пароля, заказ 482913."),
    ("ann@client.example", "パスワード", "パスワードの再設定ができません。注文番号 482913"),
    ("ann@client.example", "Security", "Two-factor login is planned for 2026, budget 25000 EUR."),
    ("ann@client.example", "Code review", "Your code is great, the review is in ticket 48291."),
    ("ann@client.example", "Re: Your code", "I read your code. See issue 48291."),
    ("ann@client.example", "Feature", "Users asked for a verification code; we plan it for 2026."),
    ("ann@client.example", "Two-step", "We roll out verification codes next week, all 1200 of us."),
    ("ann@client.example", "Confirmation code", "I never got the confirmation code. Could you resend it?"),
    ("ann@client.example", "Access", "The access code for the garage is on paper, room 4829."),
    # Numbers of other kinds
    ("ann@client.example", "Invoice 2026-00482", "Invoice no. 482913 over 4,829.13 EUR, due 2026-02-01."),
    ("billing@shop.example", "Your invoice 482913", "Amount: 4829.13 EUR. Order #482913."),
    ("noreply@shop.example", "Order 482913 has shipped", "Tracking number 48291374. Postal code 10115."),
    ("noreply@shop.example", "Ihre Bestellung 482913", "Sendungsnummer 48291374, Postleitzahl 10115."),
    ("noreply@shop.example", "10 % discount", "Use this code to save at checkout: SAVE2026. Your code: 482913"),
    ("newsletter@shop.example", "Gutschein", "Ihr Code für 10 % Rabatt: 482913"),
    ("noreply@bank.example", "Statement", "Sort code 123456, account 48291374."),
    ("noreply@airline.example", "Booking code 4X7K9P", "Flight 4829 on 5 January 2026, seat 12A."),
    ("noreply@dev.example", "Build failed", "Exit code 137, build 48291."),
    ("noreply@dev.example", "Error", "Error code 500123 in module 4829."),
    ("noreply@dev.example", "Code scanning", "Alert 48291: source code of release 2026."),
    ("ann@client.example", "Phone", "Call me at +49 30 482913 or 0171 4829137."),
    ("ann@client.example", "Address", "Hauptstr. 5, 10115 Berlin. QR code attached."),
    ("ann@client.example", "VAT", "Our VAT is DE123456789, tax code 482913."),
    ("ann@client.example", "Quote", "Product code 4829, 1200 pieces, 4829 EUR."),
    # Meetings
    ("no-reply@zoom.example", "Invitation", "Join Zoom Meeting\nMeeting ID: 812 3456 7890\nPasscode: 482913"),
    ("ann@client.example", "Call", "Meeting ID: 385 562 023 120\nPasscode: aB3xY9"),
    ("messenger@webex.example", "Webex", "Join the meeting. Access code: 2345 678 9012"),
    ("ann@client.example", "Dial-in", "Dial-in +49 30 1234567, access code 482913#"),
    ("noreply@teams.example", "Besprechung", "Besprechungs-ID: 385 562 023\nKennung: 482913, Zugangscode 482913"),
    # Machines that open nothing
    ("noreply@app.example", "Your password was changed", "If it was you, all is well."),
    ("noreply@app.example", "New sign-in", "A new device signed in on 5 January 2026 at 09:00."),
    ("noreply@app.example", "Weekly report", "1234 visits, 4829 pages."),
    ("info@client.example", "Angebot", "Wir haben das neue Passwort-System eingeführt, Angebot 48291."),
    ("ann@client.example", "", ""),
    ("noreply@app.example", "Security code of conduct", "Please read our new rules by Friday."),
    ("ann@client.example", "Besuch", "Der Türcode steht im Vertrag vom 2025."),
    ("ann@client.example", "会议", "会议号 482913, 明天见"),
    ("ann@client.example", "Заказ", "Номер заказа 482913"),
])  # fmt: skip
def test_what_people_and_shops_write_is_not_held(sender: str, subject: str, text: str) -> None:
    assert not is_sensitive(mail(sender, subject, text))


def test_headers_tell_a_machine_whatever_its_address() -> None:
    said = ("ann@app.example", "Reset your password", "Click the button.")

    assert is_sensitive(mail(*said, headers=(("auto-submitted", "auto-generated"),)))
    assert not is_sensitive(mail(*said))


def test_typographic_apostrophes_are_read() -> None:
    assert is_sensitive(mail("noreply@x.example", "Code d’accès", "Votre code d’authentification : 482913"))


def test_a_code_far_from_its_word_is_another_number() -> None:
    text = "Your verification code was used. " + "Thank you for it all. " * 20 + "Order 482913."

    assert not is_sensitive(mail("noreply@x.example", "Hello", text))


def test_only_the_beginning_is_read() -> None:
    text = "x " * 1_000 + "Your verification code is 482913"

    assert not is_sensitive(mail("noreply@x.example", "Hello", text))
    assert is_sensitive(mail("noreply@x.example", "Hello", text[1_000:]))


def test_a_message_without_anything_is_not_held() -> None:
    assert not is_sensitive(Message())


@pytest.mark.parametrize(("words", "stems"), [
    (CODE_WORDS, CODE_STEMS), (WEAK_CODE_WORDS, CODE_STEMS), (RESET_WORDS, RESET_STEMS),
])  # fmt: skip
def test_every_phrase_is_found_by_a_stem_and_written_as_it_is_compared(
    words: tuple[str, ...], stems: tuple[str, ...]
) -> None:
    assert [] == [word for word in words if not any(stem in word for stem in stems)]
    assert [] == [word for word in words if word != word.lower() or "’" in word]
    assert len(words) == len(set(words))


@given(st.sampled_from(CODE_WORDS))
def test_every_phrase_about_codes_holds_a_machine_s_mail(phrase: str) -> None:
    assert is_sensitive(mail("noreply@x.example", "", f"{phrase}: 482913"))
    assert not is_sensitive(mail("noreply@x.example", "", f"{phrase}."))


@given(messages)
def test_any_message_gets_an_answer_and_always_the_same(message: Message) -> None:
    assert is_sensitive(message) is is_sensitive(message.model_copy())


def test_a_hostile_text_is_read_in_bounded_time() -> None:
    for hostile in (
        "http://" * 300,
        "verification code " * 90,
        "https://" + "token" * 300,
        "1 " * 900,
        "A1-" * 700,
        "\n" * 40_000,
        "code " * 9_000,
        "482913\n" * 6_000,
        "https://x.example/a1b2c3d4e5f6 " * 2_000,
    ):
        assert is_sensitive(mail("ann@x.example", "", hostile)) in (True, False)


OPAQUE = "https://app.example/x/9f8e7d6c5b4a39281706"


@pytest.mark.parametrize(("sender", "subject", "text"), [
    ("noreply@x.example", "Your Acme code is 482913", ""),
    ("noreply@x.example", "482913 is your Acme code", "x"),
    ("hello@x.example", "482913 is your Acme code", "x"),
    ("noreply@x.example", "Verify your email", "Enter this 6-digit code: 482913"),
    ("noreply@x.example", "Sign in", "Use 482913 to sign in"),
    ("noreply@x.example", "Sign in to Acme", "Hi,\n\n482913\n\nThis expires in 10 minutes."),
    ("noreply@x.example", "Sign in to Acme", "Hi,\n\n4  8  2  9  1  3\n\nThis expires in 10 minutes."),
    ("noreply@x.example", "Your code", "4\n8\n2\n9\n1\n3\n"),
    ("noreply@x.example", "Your Acme Inc. code", "482-913"),
    ("noreply@x.example", "Ihr Acme-Code lautet 482913", "x"),
    ("noreply@x.example", "Dein Code für Acme: 482913", "x"),
    ("noreply@x.example", "482913 ist dein Acme-Code", "x"),
    ("noreply@x.example", "Acme", "Ihre TAN lautet 482913"),
    ("noreply@x.example", "Votre code Acme est 482913", "x"),
    ("noreply@x.example", "Connexion à Acme", "Saisissez 482913 pour vous connecter"),
    ("noreply@x.example", "Tu código de Acme es 482913", ""),
    ("noreply@x.example", "Il tuo codice Acme è 482913", ""),
    ("noreply@x.example", "Seu código Acme é 482913", ""),
    ("noreply@x.example", "Je Acme-code is 482913", ""),
    ("noreply@x.example", "Twój kod Acme: 482913", ""),
    ("noreply@x.example", "Din Acme-kod är 482913", ""),
    ("noreply@x.example", "Din kode er 482913", ""),
    ("noreply@x.example", "Koodisi on 482913", ""),
    ("noreply@x.example", "Váš kód: 482913", ""),
    ("noreply@x.example", "A kódod: 482913", ""),
    ("noreply@x.example", "Codul tău este 482913", ""),
    ("noreply@x.example", "Ваш код Acme: 482913", ""),
    ("noreply@x.example", "482913 — ваш код", ""),
    ("noreply@x.example", "Ваш код 482913 для входа", ""),
    ("noreply@x.example", "Ο κωδικός σας Acme είναι 482913", ""),
    ("noreply@x.example", "Acme kodunuz: 482913", ""),
    ("noreply@x.example", "【Acme】認証コード", "482913"),
    ("noreply@x.example", "Acmeのコードは482913です", ""),
    ("noreply@x.example", "【Acme】验证码：482913", ""),
    ("noreply@x.example", "您的 Acme 代码", "您的登录代码是 482913"),
    ("noreply@x.example", "Acme 코드: 482913", ""),
    ("noreply@x.example", "הקוד שלך הוא 482913", ""),
    ("noreply@x.example", "رمزك هو 482913", ""),
    ("noreply@x.example", "रمز", "आपका कोड 482913 है"),
    ("noreply@x.example", "Mã của bạn là 482913", ""),
    ("noreply@x.example", "รหัสของคุณคือ 482913", ""),
    ("noreply@x.example", "Kode Anda 482913", ""),
    ("noreply@x.example", "Váš kód", "Kód na prihlásenie: 482913"),
    ("noreply@x.example", "Tvoj kod", "Tvoj kod za prijavu je 482913"),
    ("noreply@x.example", "PIN", "Your PIN: 4829"),
    ("noreply@x.example", "Acme", "Enter 482913 in the app to confirm it's you"),
    ("noreply@x.example", "Acme", "Passcode: ABC-123"),
    ("ann@startup.example", "482913 is your login code", ""),
    ("noreply@x.example", "Réinitialisez votre mot de passe", f"Cliquez ici : {OPAQUE}"),
    ("noreply@x.example", "Passwort-Reset", f"Klicken: {OPAQUE}"),
    ("noreply@x.example", "Acme", "Um ein neues Passwort zu vergeben, klicken Sie hier: " + OPAQUE),
    ("noreply@x.example", "Recupera tu contraseña", f"Haz clic {OPAQUE}"),
    ("noreply@x.example", "¿Has olvidado tu contraseña?", f"Haz clic {OPAQUE}"),
    ("noreply@x.example", "Recupera la tua password", f"Clicca {OPAQUE}"),
    ("noreply@x.example", "Recuperação de senha", f"Clique {OPAQUE}"),
    ("noreply@x.example", "Nieuw wachtwoord instellen", f"Klik {OPAQUE}"),
    ("noreply@x.example", "Zmiana hasła", f"Kliknij {OPAQUE}"),
    ("noreply@x.example", "Glemt adgangskode?", f"Klik {OPAQUE}"),
    ("noreply@x.example", "Nytt lösenord", f"Klicka {OPAQUE}"),
    ("noreply@x.example", "Unohditko salasanasi?", f"{OPAQUE}"),
    ("noreply@x.example", "Elfelejtett jelszó", f"{OPAQUE}"),
    ("noreply@x.example", "Zapomenuté heslo", f"{OPAQUE}"),
    ("noreply@x.example", "Zabudnuté heslo", f"{OPAQUE}"),
    ("noreply@x.example", "Ponastavitev gesla", f"{OPAQUE}"),
    ("noreply@x.example", "Zaboravljena lozinka", f"{OPAQUE}"),
    ("noreply@x.example", "Забыли пароль?", f"{OPAQUE}"),
    ("noreply@x.example", "Забули пароль", f"{OPAQUE}"),
    ("noreply@x.example", "Şifrenizi mi unuttunuz", f"{OPAQUE}"),
    ("noreply@x.example", "パスワード変更のご案内", f"{OPAQUE}"),
    ("noreply@x.example", "找回密码", f"{OPAQUE}"),
    ("noreply@x.example", "비밀번호 찾기", f"{OPAQUE}"),
    ("noreply@x.example", "שכחת סיסמה?", f"{OPAQUE}"),
    ("noreply@x.example", "نسيت كلمة المرور", f"{OPAQUE}"),
    ("noreply@x.example", "Quên mật khẩu", f"{OPAQUE}"),
    ("noreply@x.example", "ลืมรหัสผ่าน", f"{OPAQUE}"),
    ("noreply@x.example", "Log in to Acme", "Click the link below to log in to Acme:\nhttps://login.example/magic/9f8e7d6c5b4a39281706"),
    ("noreply@x.example", "Your sign-in link for Acme", f"Sign in <{OPAQUE}>"),
    ("noreply@x.example", "Sign in to Acme", "Hello,\n\nSign in <https://click.x.example/ls/click?upn=u001.ABCdef123456789>\n"),
    ("noreply@x.example", "Bei Acme anmelden", f"Jetzt anmelden <{OPAQUE}>"),
    ("noreply@x.example", "Connectez-vous à Acme", f"Se connecter <{OPAQUE}>"),
    ("noreply@x.example", "Inicia sesión en Acme", f"Iniciar sesión <{OPAQUE}>"),
    ("noreply@x.example", "Accedi ad Acme", f"Accedi <{OPAQUE}>"),
    ("noreply@x.example", "Entre no Acme", f"Entrar <{OPAQUE}>"),
    ("noreply@x.example", "Zaloguj się do Acme", f"Zaloguj się <{OPAQUE}>"),
    ("noreply@x.example", "Вход в Acme", f"Войти <{OPAQUE}>"),
    ("noreply@x.example", "Acmeにログイン", f"ログイン <{OPAQUE}>"),
    ("noreply@x.example", "登录 Acme", f"登录 <{OPAQUE}>"),
    ("noreply@x.example", "Confirm your email address", f"Confirm your email <{OPAQUE}>"),
    ("noreply@x.example", "Secure link to log in to Claude.ai", "Sign in to Acme <https://acme.example/magic-link#abc123def456:YW5uQHguZXhhbXBsZQ==>"),
])  # fmt: skip
def test_a_machine_s_codes_and_links_are_known_by_their_structure(sender: str, subject: str, text: str) -> None:
    assert is_sensitive(mail(sender, subject, text))


@pytest.mark.parametrize(("sender", "subject", "text"), [
    ("noreply@x.example", "New sign-in to your account", "We noticed a new sign-in to your account.\n"
     "If this was you, you do not need to do anything. "
     "If not, we will help you to secure it.\nCheck activity\nhttps://accounts.example/Chooser?continue=x1234567890ab"),
    ("noreply@shop.example", "Your order 482913 is confirmed", f"Track it <{OPAQUE}>"),
    ("noreply@github.example", "[acme/api] Fix code path (#48291)", "Merged #48291 into main.\n" + OPAQUE),
    ("newsletter@x.example", "News in January", f"Read on <{OPAQUE}>. 4829 readers."),
    ("noreply@bank.example", "Your statement is ready", "Log in to online banking to see it. Account ending in 4829."),
    ("noreply@x.example", "Ann shared a document with you", f"Open <{OPAQUE}>"),
    ("no-reply@calendly.example", "New event: Ann Lee", "Event date 10:00 - Monday 5 January 2026. Call 482913"),
    ("noreply@shop.example", "Sign in to see your order", "Your order:\n\n482913\n"),
    ("noreply@x.example", "Invoice 482913", "Invoice 482913 over 4829 EUR"),
    ("ann@x.example", "The gate", "The gate code is 4829, see you"),
    ("ann@x.example", "login", "Please use 482913 to sign in as a test user"),
    ("noreply@air.example", "Your boarding pass", "Confirmation of flight LH4829, seat 12A, gate 48"),
    ("support@x.example", "Re: ticket 48291", "Could you confirm your email address and that invoice 482913 arrived?"),
])  # fmt: skip
def test_a_machine_s_other_numbers_and_links_are_not_held(sender: str, subject: str, text: str) -> None:
    assert not is_sensitive(mail(sender, subject, text))


def test_long_links_do_not_hide_what_follows_them() -> None:
    tracked = f"Logo <https://click.login.example/{'Zk3x' * 200}>\n" * 3

    assert is_sensitive(mail("noreply@x.example", "Acme", f"{tracked}Your verification code is 482913"))


@pytest.mark.parametrize(("headers", "held"), [
    ((("return-path", "<bounces+1-ann=acme.com@em.x.example>"),), True),
    ((("feedback-id", "1:2:3:x"),), True),
    ((("list-id", "<dev.x.example>"), ("list-post", "<mailto:dev@x.example>"), ("feedback-id", "1")), False),
])  # fmt: skip
def test_mass_mailers_are_machines_and_discussion_lists_are_people(
    headers: tuple[tuple[str, str], ...], held: bool
) -> None:
    assert held is is_sensitive(mail("ann@x.example", "Sign in", "Use 482913 to sign in", headers))


def test_an_answer_is_a_person_s() -> None:
    asked = mail("ann@x.example", "Sign in", "Use 482913 to sign in", (("feedback-id", "1"),))

    assert is_sensitive(asked)
    assert not is_sensitive(asked.model_copy(update={"in_reply_to": "1@x.example"}))


PAGE = "https://x.example/l/8f3a9c2b7d6e4f1a0b9c8d7e6f5a4b3c"


@pytest.mark.parametrize(("subject", "text"), [
    # Nothing but a code, a code of letters, a password in clear
    ("482913", "Use it to finish."),
    ("Device login", "Enter the following on your device:\n\n  WDJB-MJHT\n"),
    ("Account unlock", "Unlock your account with 482913"),
    ("Welcome to Acme", "Username: ann\nPassword: Xk9!pL2q"),
    ("Ihre Zugangsdaten", "Benutzername: ann\nPasswort: Xk9!pL2q"),
    ("Vos identifiants", "Identifiant : ann\nMot de passe : Xk9pL2q7"),
    ("Acme", "Use this temporary password: Xk9!pL2q to log in, then change it."),
    # A link that is said to be short-lived
    ("Log in to Acme", f"Here is your link: {PAGE}\nIt works once."),
    ("Bei Acme anmelden", f"Hier: {PAGE}\nDer Link ist 15 Minuten gültig."),
    ("Acme : connexion", f"Cliquez : {PAGE}\nCe lien expire dans 15 minutes."),
    # New passwords in more languages
    *((subject, f"> {PAGE}") for subject in (
        "Jelszó emlékeztető", "Restabliu la contrasenya", "Lozinka - promjena", "Slaptažodžio atkūrimas",
        "Mot de passe perdu", "Contraseña perdida", "Password smarrita", "Wachtwoord kwijt", "Salasanan palautus",
    )),
])  # fmt: skip
def test_credentials_and_links_for_once_are_held(subject: str, text: str) -> None:
    assert is_sensitive(mail("no-reply@acme.example", subject, text))


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Newsletter", "Save 20% with code SUMMER20"),
        ("Your receipt", "Authorization code 482913, total $12.00"),
        ("Account", "Username: ann\nPassword: (unchanged)"),
        ("Account", "Your password was changed on 5.3.2026"),
        ("Log in to see your offer", f"The sale ends and the offer expires tomorrow: {PAGE}"),
    ],
)
def test_coupons_receipts_and_talk_of_passwords_are_not_held(subject: str, text: str) -> None:
    assert not is_sensitive(mail("no-reply@shop.example", subject, text))


def test_a_colleague_may_write_a_password() -> None:
    assert not is_sensitive(mail("bob@client.example", "Wi-Fi", "Password: Guest2026!"))


def test_a_number_alone_that_nothing_calls_a_code_is_none() -> None:
    assert not is_sensitive(mail("no-reply@shop.example", "Your order", "Thanks for your order\n\n482913\n\nSee you"))


def test_letters_that_grow_when_they_are_folded_move_nothing() -> None:
    """Turkish capital İ is two letters in lower case: what is found must still stand where it was found."""
    assert is_sensitive(mail("noreply@bank.example", "İ" * 40, "İ" * 40 + "\nYour verification code is 482913."))


def test_a_link_beyond_what_is_read_counts_for_nothing() -> None:
    assert not is_sensitive(mail("noreply@shop.example", "News", f"{'word ' * 400}\nSign in: {LINK}\nmore"))
