"""Roots of the words around codes and sign-in links, as regular expressions in lower case.

A machine's mail is read by its structure; these only say what a number or a link in it is for, in many languages.
"""

CODE_ROOTS = (
    # Latin letters: code, Zugangscode, kode, kod, kód, koodi, código …
    r"\b\w*(?:code[snr]?|kode[nrt]?|koden|kod(?:u\w{0,5}|em|a|y|i|as|ą|s|ni|om)?|kód(?:u|om|em|ot|od|ja|dal|i"
    r"|ið)?|kóði|koodi\w{0,3}"
    r"|kood\w?)\b"
    r"|\bc[óo]digos?\b|\bcodis?\b|\bcodic[ei]\b|\bcod(?:ul|ului)?\b|msimbo\b"
    r"|\bm[ãa]\s(?:pin|otp|x[áa]c|bảo|đăng|truy)|\bmã\b"
    r"|\b(?:pin|tan|m-?tan|otp|passcode|pincode|token)s?\b|one[- ]time pass\w+|temporary pass\w+|einmal\w+|clave\b"
    r"|jednorazow\w+|jednorázov\w+|engångs\w+|engangs\w+|kertakäytt\w+|egyszer\s?használ\w+|tek kullan\w+"
    # Other scripts
    r"|код\w{0,3}|парол\w{0,2}\s(?:для|на)\s|одноразов\w+|пин\b|κωδικ\w{0,3}|კოდი|կոդ"
    r"|コード|認証番号|確認番号|暗証番号|ワンタイム"
    r"|[验驗]证?[证證]?[码碼]|校[验驗][码碼]|[动動][态態](?:密)?[码碼]"
    r"|(?:安全|登[录錄入]|确认|確認|一次性|授权|授權)(?:代|密)?[码碼]"
    r"|口令|인증\s?번호|인증\s?코드|코드|승인\s?번호|보안\s?번호|일회용|קוד|סיסמה חד|رمز|الرمز|كود|کد|कोड|ओटीपी|কোড"
    r"|รหัส"
)

NO_CODES = (
    r"(?:zip|postal|post|error|exit|status|source|qr|bar|product|item|order|tracking|country|area|dress|gift|booking"
    r"|reservation|rebate|sort|swift|tax|vat|dial|fiscal|colou?r|class|response|http|ledger|cost|project|referral"
    r"|invite|invitation|discussion|open)[- ]?codes?\b|codes? of conduct|(?:uni|en|de|geo|trans|sub)code\w*|code review"
    r"|code scanning|postleitzahl|plz\b|code postal|código postal|codice (?:fiscale|postale)|cod po[sș]tal|postcode"
    r"|kod pocztowy|код города|почтов\w+|(?:二维|二維|邮政编|郵遞|条形|號|号)[码碼]|郵便番号|우편번호|バーコード"
    r"|qrコード"
)
"""Codes of other kinds."""

OTHER_NUMBERS = (
    r"\b(?:orders?|invoice|ticket|issue|case|build|alert|release|flight|booking|reservation|tracking|shipment|parcel"
    r"|reference|customer|account number|phone|tel|fax|amount|total|room|version|pull request|commit|visits|pages"
    r"|bestell\w*|rechnung\w*|auftrag\w*|sendung\w*|kunden\w*|buchung\w*|vorgang\w*|commande|facture|r[ée]servation"
    r"|dossier|pedido|factura|reserva|env[íi]o|ordine|fattura|prenotazione|spedizione|fatura|encomenda|bestelling"
    r"|factuur|boeking|zam[óo]wieni\w*|faktur\w*|rezerwacj\w*|objedn[áa]vk\w*|beställning\w*|bestilling\w*|tilaus\w*"
    r"|lasku\w*|rendelés\w*|számla\w*|comand[ăa]|sipariş\w*|rezervasyon\w*)\b"
    r"|заказ|сч[её]т|замовлен|рахун|бронир|поръчк|фактур|παραγγελ|τιμολόγ|注文|予約|請求|订单|訂單|发票|發票|快递"
    r"|会议号|會議"
    r"|주문|예약|송장|הזמנה|חשבונית|طلب(?:ك|ية)|فاتورة|سفارش|đơn hàng|hóa đơn|คำสั่งซื้อ|pesanan"
)
"""Words for numbers that open nothing."""

SHORT_LIVED = (
    r"\bexpires?\b|expir[aey]\w*|valid for|works? (?:only )?once|\bonly (?:be used )?once\b|one[- ]time|single[- ]use"
    r"|einmalig|nur einmal|gültig|läuft .{0,40}\bab\b|usage unique|valable|valide pendant|caduca|válid[oa]|scade"
    r"|vervalt|verloopt|geldig|wygaśnie|wygasa|ważn[yae]\b|platn[ýáé]|lejárati?\b|érvényes|valabil|giltig|gyldig|udløber"
    r"|utløper|voimassa|geçerli|истек|действит|дійсн|валид|ισχύει|λήγει|有効|有效|유효|만료|בתוקף|صالح|ينتهي|hết hạn"
    r"|hiệu lực|berlaku|kedaluwarsa|หมดอายุ|समाप्त"
)
"""What is said of links and codes that soon open nothing any more."""

SIGN_IN_ROOTS = (
    r"\b(?:sign(?:ing)?[- ]?in|log(?:ging)?[- ]?(?:in|on)|verif(?:y|ication|ying)|authenticat\w+|authori[sz]\w+"
    r"|confirm your (?:e-?mail|account|identity|address|login|sign)\w*|confirm (?:it'?s|that it'?s|this is) you"
    r"|access your account|(?:activate|unlock) your account|finish (?:signing|logging)|two[- ]?(?:factor|step)|2fa|mfa"
    r"|anmeld\w*|einlogg?\w*|login|bestätig\w*|verifizier\w*|zwei-?faktor\w*|freischalt\w*"
    r"|entsperr\w*|d[ée]bloque\w*|desbloque\w*|sblocc\w*|odblok\w*|deblok\w*"
    r"|connexion|connecter|connectez|s'identifier|identifi\w+|vérifi\w+|authentifi\w+|confirmez|activer votre compte"
    r"|iniciar sesión|inicia sesión|inicio de sesión|acceder|verific\w+|confirma\w* tu|autentic\w+|autentific\w+"
    r"|acced\w+|accesso|conferma\w* (?:il|la|l')|entrar|entre n[oa]\b|iniciar sessão|aceder|aanmeld\w*|inlogg\w*"
    r"|bevestig\w*|verifieer\w*"
    r"|za?logow\w*|zaloguj\w*|logowani\w*|potwierdz\w*|zweryfikuj\w*|weryfikac\w*|logga in|inloggning\w*|bekräft\w*"
    r"|log ind"
    r"|logg inn|innlogging\w*|bekræft\w*|bekreft\w*|kirjau\w*|vahvist\w*|todenn\w*|bejelentkez\w*|belép\w*|ellenőrz\w*"
    r"|megerős\w*|conecta\w*|přihl[áa]\w*|ověř\w*|potvr[dďz]\w*|prihlás\w*|overeni\w*|prijav\w*|provjer\w*|potvrd\w*"
    r"|giriş\w*|oturum\w*|doğrula\w*|onayla\w*|masuk\b|log masuk|verifikasi\w*|ki[ểe]m tra đăng|đăng nhập"
    r"|xác (?:minh|thực|nhận)"
    r"|prisijung\w*|patvirtin\w*|pieteik\w*|apstiprin\w*|logi sisse|sisselogi\w*|kinnita\w*|ingia\b|skrá\w* inn"
    r"|innskrá\w*)"
    r"|войти|войд|вход[аеу]?\b|авториз|подтверд|подтвержд|увійти|вхід|підтверд|влез|потвърд|пријав|потврд"
    r"|σύνδεσ|συνδεθ|επαλήθευ|επιβεβα|είσοδο|ログイン|サインイン|認証|本人確認|登[录錄入]|[验驗]证|驗證|认证|身份"
    r"|로그인|인증|본인\s?확인|התחבר|כניסה|אימות|تسجيل الدخول|الدخول|التحقق|تأكيد|ورود|تأیید|लॉग\s?इन|साइन इन|सत्याप"
    r"|เข้าสู่ระบบ|ยืนยัน|শনাক্ত|লগইন"
)
WORDS_FOR_PASSWORDS = (
    r"passw[oö]r[dt]|kennwort|mot de passe|contraseña|contrasenya|senha|palavra-?passe|wachtwoord|hasł|hesl"
    r"|lösenord|adgangskode"
    r"|kodeord|passord|salasan|jelszó|jelszav|parol|lozink|geslo|gesl[ao]|slaptažod|paroole?|parool|şifre|lykilor"
    r"|парол|лозинк|κωδικ\w+ πρόσβασης|κωδικ|パスワード|密[码碼]|비밀번호|암호|סיסמ|كلمة (?:المرور|السر)|رمز عبور"
    r"|گذرواژه"
    r"|पासवर्ड|รหัสผ่าน|mật khẩu|kata (?:sandi|laluan)|fjalëkalim|nenosiri|পাসওয়ার্ড"
)
NEW_ROOTS = (
    r"reset|forg[eo]t|recover|chang|new\b|\bset\b|choose|create|zurück|vergess|neue|änder|festleg|vergeb|réinitial"
    r"|oubli"
    r"|nouveau|modifi|choisi|créer|perdue?\b|perdid|smarrit|kwijt|verloren|restabl"
    r"|olvid|recuper|cambi|nuev|crear|redefin|esquec|alter|nova\b|repor|reimpost"
    r"|ripristin|dimentic|nuova|impost|opnieuw|vergeten|herstel|wijzig|nieuw|resetow|zresetuj|odzysk|zmia|zmień|przypom"
    r"|now[ey]|ustaw|obnov|zapom|zabudn|změ[nň]|zme[nň]|nastav|återställ|glömt|ändra|nytt|nulstil|glemt|skift|tilbakestill"
    r"|endre|nollaa|nollau|palaut"
    r"|unohd|unohtu|vaihd|vaihto|uusi|uude|visszaáll|emlékeztet"
    r"|elfelejt|módos|\búj\b|uitat|schimb|nou[aă]?\b|сброс|восстанов"
    r"|забы|смен|измен"
    r"|нов|скин|віднов|забул|зміни|смяна|забрав|нулир|заборав|промен|επαναφορ|ξεχάσ|αλλαγ|νέο|sıfırla|sifirla|unut"
    r"|yenile"
    r"|değiştir|再設定|再発行|リセット|変更|忘れ|重置|重[设設]|找回|忘[记記]|修改|更改|재설정|변경|찾기|초기화|잊"
    r"|איפוס|אפס|שכח|שינוי"
    r"|חדשה|إعادة|نسيت|استعادة|تغيير|جديدة|بازنشانی|بازیابی|فراموش|تغییر|रीसेट|भूल|बदल|รีเซ็ต|ลืม|เปลี่ยน|ตั้ง"
    r"|đặt lại|quên"
    r"|khôi phục|đổi|atur ulang|lupa|ubah|tetap semula|ponastav|pozab|resetir|zaborav|promijen|promjen|promen|atk[uū]r"
    r"|pamirš"
    r"|keist|atstat|atjaun"
    r"|aizmirs|lähtest|unusta|muut|endurstill|gleym"
)
