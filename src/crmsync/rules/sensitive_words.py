"""What mail with one-time codes, password resets and sign-in links says, in lower case, with straight apostrophes."""

CODE_WORDS = (
    "verification code", "security code", "confirmation code", "login code", "log-in code", "log in code",
    "sign-in code", "sign in code", "signin code", "authentication code", "activation code",
    "one-time code", "one time code", "one-time password", "one time password", "one-time pass", "single-use code",
    "steam guard code", "2fa code", "otp code", "your otp", "otp is", "otp for", "one-time pin", "temporary code",
    "code to sign in", "code to log in", "code to verify", "bestätigungscode", "sicherheitscode", "einmalpasswort",
    "einmalcode", "einmalkennwort", "anmeldecode", "verifizierungscode", "prüfcode", "aktivierungscode",
    "factor code", "step code", "code de vérification", "code de sécurité", "code de confirmation",
    "code à usage unique", "code d'authentification", "code de connexion", "code de validation",
    "código de verificación", "código de seguridad", "código de confirmación",
    "código de uso único", "código de inicio de sesión", "código de autenticación",
    "codi de verificació", "codice di verifica", "codice di sicurezza", "codice di conferma", "codice monouso",
    "codice otp", "codice di autenticazione", "código de verificação", "código de segurança",
    "código de confirmação", "código de acesso único", "código de autenticação", "verificatiecode",
    "beveiligingscode", "inlogcode", "bevestigingscode", "eenmalige code", "eenmalig wachtwoord",
    "kod weryfikacyjny", "kod bezpieczeństwa", "kod jednorazowy", "hasło jednorazowe", "kod potwierdzający",
    "ověřovací kód", "jednorázový kód", "bezpečnostní kód", "overovací kód", "jednorazový kód", "verifieringskod",
    "engångskod", "säkerhetskod", "bekräftelsekod", "bekræftelseskode", "engangskode", "sikkerhedskode",
    "bekreftelseskode", "sikkerhetskode", "verifiseringskode", "vahvistuskoodi", "kertakäyttökoodi", "turvakoodi",
    "ellenőrző kód", "megerősítő kód", "cod de verificare", "codul de verificare", "cod de securitate",
    "код подтверждения", "код безопасности", "код для входа", "одноразовый", "код проверки", "проверочный код",
    "код підтвердження", "одноразовий", "код за потвърждение", "verifikacioni kod", "kontrolni kod",
    "κωδικός επαλήθευσης", "κωδικός επιβεβαίωσης", "κωδικός μιας χρήσης", "doğrulama kodu", "onay kodu",
    "güvenlik kodu", "tek kullanımlık", "確認コード", "認証コード", "ワンタイム", "セキュリティコード",
    "検証コード", "验证码", "驗證碼", "校验码", "动态密码", "인증번호", "인증 번호", "인증 코드", "인증코드",
    "보안 코드", "확인 코드", "일회용", "קוד אימות", "קוד האימות", "קוד חד פעמי", "رمز التحقق", "رمز التأكيد",
    "رمز الدخول", "کد تأیید", "सत्यापन कोड", "ओटीपी", "mã xác minh", "mã xác nhận", "mã xác thực", "รหัสยืนยัน",
    "รหัส otp", "kode verifikasi", "kode otp", "kod pengesahan",
)  # fmt: skip
"""Beside a code these make it a one-time code, whoever writes."""

WEAK_CODE_WORDS = (
    "passcode", "access code", "zugangscode", "code d'accès", "código de acceso", "código de acesso",
    "codice di accesso", "toegangscode", " otp", "your code", "this code", "the code", "following code",
    "code below", "dein code", "ihr code", "votre code", "ton code", "tu código", "su código", "seu código",
    "tuo codice", "je code", "uw code", "twój kod", "din kod", "ваш код", "コード", "code pin",
)  # fmt: skip
"""These do so only where a machine writes: people send one another the passcodes of meetings."""

RESET_WORDS = (
    "reset your password", "password reset", "reset password", "reset the password", "resetting your password",
    "forgot your password", "forgotten your password", "forgotten password", "recover your account",
    "account recovery", "set a new password", "choose a new password", "create a new password",
    "change your password", "set your password", "magic link", "sign-in link", "sign in link", "login link",
    "log-in link", "sign in to your account", "passwort zurücksetzen", "passworts zurücksetzen",
    "kennwort zurücksetzen", "kennworts zurücksetzen", "zurücksetzen ihres passworts",
    "zurücksetzen deines passworts", "passwort vergessen", "kennwort vergessen", "neues passwort festlegen",
    "neues passwort vergeben", "anmeldelink", "anmelde-link", "réinitialiser votre mot de passe",
    "réinitialisation de votre mot de passe", "réinitialiser ton mot de passe", "réinitialisation du mot de passe",
    "réinitialiser le mot de passe", "mot de passe oublié", "lien de connexion", "restablecer tu contraseña",
    "restablecer su contraseña", "restablecer la contraseña", "restablecimiento de contraseña",
    "restablece tu contraseña", "restablezca su contraseña", "reimposta la password", "reimposta la tua password",
    "reimpostare la password", "reimpostazione della password", "ripristino password", "redefinir sua senha",
    "redefinir a senha", "redefinir a sua senha", "redefina sua senha", "redefinição de senha",
    "redefinir palavra-passe", "wachtwoord opnieuw instellen", "wachtwoord vergeten", "wachtwoord resetten",
    "zresetuj hasło", "resetowanie hasła", "resetowania hasła", "obnovení hesla", "obnovenie hesla",
    "återställ ditt lösenord", "återställa ditt lösenord", "nulstil din adgangskode", "nulstilling af adgangskode",
    "tilbakestill passordet", "nollaa salasana", "salasanan vaihto", "salasanan nollaus", "jelszó visszaállítás",
    "resetarea parolei", "resetați parola", "сброс пароля", "сбросить пароль", "восстановление пароля",
    "восстановления пароля", "відновлення пароля", "скидання пароля", "смяна на парола", "επαναφορά κωδικού",
    "şifre sıfırlama", "şifrenizi sıfırla", "parola sıfırlama", "パスワードの再設定", "パスワードを再設定",
    "パスワードをリセット", "パスワード再設定", "重置密码", "重设密码", "重設密碼", "重置您的密码",
    "비밀번호 재설정", "비밀번호를 재설정", "איפוס סיסמה", "לאפס את הסיסמה", "إعادة تعيين كلمة المرور",
    "पासवर्ड रीसेट", "đặt lại mật khẩu", "รีเซ็ตรหัสผ่าน", "atur ulang kata sandi",
)  # fmt: skip
"""Words of a password reset or a sign-in link."""

CODE_STEMS = (
    "cod", "kod", "kood", "otp", "time p", "nmal", "kód", "cód", "hasło", "tek kullan", "mã x",
    "код", "однораз", "κωδικ", "コード", "ワンタイム", "码", "碼", "인증", "보안", "확인", "일회용",
    "קוד", "رمز", "کد", "कोड", "ओटीपी", "รหัส",
)  # fmt: skip
"""One of these is in each phrase about codes: cheap to look for."""

RESET_STEMS = (
    "passw", "passe", "passord", "kennwort", "contrase", "senha", "wachtwoord", "hasł", "hesl", "lösenord",
    "adgang", "salasan", "jelsz", "parol", "recover", "magic link", "in link", "sign in to", "anmelde", "connexion",
    "şifre", "mật kh", "sandi", "парол", "κωδικ", "パスワード", "密", "비밀번호", "סיסמ", "كلمة", "पासवर्ड", "รหัส",
)  # fmt: skip
"""One of these is in each phrase about resets."""
