"""Words that everybody uses: no glossary's correction touches them."""

EVERYDAY = frozenset(
    """
    a able about above across act action actually add after afternoon again against age ago agree air all
    allow almost alone along already also although always am among an and animal another answer any
    anybody anyone anything appear are area argue around arrive art as ask at attack audience away back
    bad balance ball bank base be bear beat beautiful became because become bed been before began begin
    behind being believe below best better between beyond big bit black blood blue board body book born
    both bottom box boy break bring brother brought build business but buy by call came can car card care
    carry case catch cause center central certain chair chance change chapter character check child
    children choice choose church city class clear close cold college color come common community company
    compare complete computer concern condition consider contain continue control cost could count
    country couple course court cover create cut dark data daughter day days dead deal dear death decide
    deep degree describe design did die difference different difficult dinner direction discover discuss
    do doctor does dog done door down draw dream drive drop during each early earth easy eat economy edge
    effect eight either else end energy enjoy enough enter entire environment even evening event ever
    every everybody everyone everything evidence exactly example exercise expect experience explain eye
    face fact fall family far farm farmer fast father fear feel feet felt few field fight figure fill
    final finally find fine finger finish fire first fish five floor fly follow food foot for force
    foreign forget form former forward found four free friend from front full fun further furrier future
    game garden gave general get girl give glass go goal goes going gold gone good got government great
    green ground group grow had hair half hand hands hang happen happy hard has have he head hear heard
    heart heat heavy held help her here herself high hill him himself his history hit hold home hope
    horse hot hotel hour hours house how however human hundred i idea if image imagine impact important
    in include increase indeed industry inside instead interest into is issue it item its itself job join
    just keep kept key kid kill kind king knew know known land language large last late later laugh law
    lay lead leader learn least leave lecture led left leg less let letter level lie life light like
    likely line list listen little live local long look lord lose loss lost lot love low machine made
    main major make man many map mark market may maybe me mean means measure meet meeting member men
    mention message method middle might mile mind minute miss moment money month months more morning most
    mother mountain mouth move movement much music must my myself name nation nature near nearly
    necessary need never new news next nice night nine no noise none nor normal north not note nothing
    notice now number of off offer office often oh oil old on once one only onto open opportunity or
    order other others our out outside over own page pain paper parent part party pass past pay peace
    people per perhaps period person phone picture piece place plan plant play please point police policy
    political poor popular position possible power practice prepare present president pretty price
    private probably problem process produce program prove provide public pull purpose push put question
    questions quick quickly quiet quite radio rain raise ran range rate rather reach read ready real
    really reason receive recent record red remain remember report require rest result return rich right
    rise river road rock role room rule run safe said same sat save saw say scene school science sea
    season seat second section see seek seem seen sell send sense sent series serious serve set seven
    several shall she ship short should show side sign simple simply since sing single sister sit six
    size skin sky sleep slow slowly small smile so social society some somebody someone something
    sometimes son song soon sort sound source south space speak special spend spring stage stand star
    start state statement stay step still stood stop store story street strong student study stuff such
    sudden summer sun support sure system table take talk tax teach teacher team tell ten term test than
    thank that the their them themselves then theory there these they thing think third this those though
    thought thousand three through throughout throw thus time to today together told too took top total
    toward town trade tree trial trip true truth try turn twenty two type under understand unit until up
    upon us use used useful usually value various very view visit voice wait walk wall want war warm was
    watch water way we weather week weeks weight well went were west what whatever when where whether
    which while white who whole whom whose why wide wife will wind window wish with within without woman
    women wonder wood word words work worker world worry worst would write writer wrong wrote year years
    yes yesterday yet you young your yourself
    """.split()
)
