"""The months in the languages of mail programs: by whole words, or by how they begin."""

_BY_MONTH = (
    "jan ian ene gen jän янв яну січ ιαν jaan tammi janv sty oca led sau 1월 ינו يناير ม.ค มกราคม",
    "feb fév fev febr févr fevr фев лют φεβ helmi veebr lut şub úno únor vas febrero פבר فبراير กุมภาพันธ์",
    "mar mär mrz maa mrt márc мар бер μαρ μάρ maalis märts bře mac kov mac מרץ مارس มีนาคม",
    "apr abr avr ápr апр кві απρ huhti kwi nis dub bal אפר أبريل ابريل เมษายน",
    "may mai maj mei mag máj мая май тра μαι μαϊ μάι μάϊ touko kvě geg מאי مايو พฤษภาคม",
    "jun juin giu iun jún juny junio июн чер юни юн ιουν ιούν kesä cze haz čvn červen birž jūn juuni יונ يونيو มิถุนายน",
    "jul juil lug iul júl июл лип юли юл ιουλ ιούλ heinä lip tem čvc červenc liep jūl juuli יול يوليو กรกฎาคม",
    "aug août aou aoû ago авг сер αυγ αύγ elo sie ağu srp rgp rugp agu ogo agt אוג أغسطس اغسطس สิงหาคม",
    "sep set sept szept сен вер септ σεπ syys wrz eyl zář rgs rugs ספט سبتمبر กันยายน",
    "oct okt ott out окт жов οκτ loka paź eki říj spa אוק أكتوبر اكتوبر ตุลาคม",
    "nov noi ноя лис ное νοε νοέ marras lis kas lap נוב نوفمبر พฤศจิกายน",
    "dec dez dic dez déc des dic дек гру δεκ joulu gru ara pro dets grd gruo דצמ ديسمبر ธันวาคม",
)
MONTHS = {name: number for number, names in enumerate(_BY_MONTH, 1) for name in names.split()}
