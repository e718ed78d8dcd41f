"""Kinds of tools: what a tool does, by which names and descriptions others offer the same, and which texts need it.
Contract file: replaced by updates.

Beside a client's tool `search`, a model likes to take our `web_search`, and the benchmark counts only calls of the
client's tools. So a tool of a kind that the client offers is not offered. And since every schema costs prompt tokens,
a tool can be offered only where the conversation can need it. A missing tool costs more than a needless one, so the
rules for texts are generous. They know English; for a text in another language, all tools are needed.
"""

import re
from collections.abc import Iterable

from ..limits import MAX_COMPARED_CHARACTERS

_SHORTLY = "[^.]{0,40}"


class Kind:
    """One kind of tool, described by lists of words in lower case.

    A tool is of this kind by its name if all words of the name are listed, and one is in `alone`, or one is in `verbs`
    and one in `objects`; `others` may be there as well. It is of this kind by its description if a word that begins
    like one of `does` stands in a sentence shortly before one of `what`. A text can need it if it has a word of
    `needs`, where `*` stands for any ending and `_` for a space, or if the pattern `forms` matches.
    """

    def __init__(
        self, *, verbs: str, objects: str, alone: str, others: str, does: str, what: str, needs: str, forms: str
    ):
        self._verbs, self._objects, self._alone = set(verbs.split()), set(objects.split()), set(alone.split())
        self._words = self._verbs | self._objects | self._alone | set(others.split())
        begins, ends = "|".join(does.split()), "|".join(what.split()).replace("_", "[ -]?")
        self._description = re.compile(rf"\b(?:{begins})\w*\b{_SHORTLY}\b(?:{ends})s?\b")
        words = "|".join(needs.split()).replace("_", r"\s+").replace("*", r"\w*")
        self._need = re.compile(rf"\b(?:{words})\b|{forms}" if forms else rf"\b(?:{words})\b", re.IGNORECASE)

    def has_name(self, words: set[str]) -> bool:
        known = bool(words) and words <= self._words
        return known and bool(words & self._alone or (words & self._verbs and words & self._objects))

    def has_description(self, text: str) -> bool:
        return self._description.search(text) is not None

    def is_needed(self, text: str) -> bool:
        return self._need.search(text) is not None


KINDS = {
    "search": Kind(
        verbs="search searcher lookup look up find get query results result run perform do",
        objects="web internet online google bing brave tavily duckduckgo ddg serp serper searx searxng exa kagi yahoo",
        alone="search websearch google bing tavily duckduckgo ddg serpapi",
        others="live engine global",
        does="search google bing quer look find",
        what="the_web the_internet internet online web_search search_engine google bing web_result",
        needs="""
            search* google look_up looked_up looking_up web internet online news headline* latest newest current
            currently recent recently now today tonight tomorrow yesterday nowadays still yet lately weekend *day
            weather rain forecast price* cost* stock* buy cheap* best review* recall* available open opening hours
            schedule source* cite citation* reference* find_out check is_it_true release* version score who_is who_won
            who_are winner* champion* election* president minister ceo event* concert* rate* population statistic*
            this_week this_month this_year this_season these_days come_out came_out
        """,
        # A year, a product's number, a question in which something has a name.
        forms=r"\b20[2-9]\d\b|\bup[- ]to[- ]date|(?-i:\b(?=[A-Z]*\d)[A-Z\d]{3,}\b)|(?-i:(?<=[a-z,] )[A-Z]\w+)(?s:.)*\?",
    ),
    "browse": Kind(
        verbs="fetch fetcher get read reader open browse visit load loader scrape crawl download extract retrieve view"
        " navigate",
        objects="page pages webpage url urls site website link html",
        alone="browse browser fetch scrape scraper crawl crawler",
        others="web content contents text markdown http",
        does="fetch open visit navigat scrap crawl brows download retriev load read get extract return",
        what="url web_page web_site",
        needs="web_page* webpage* website* web_site* url* link* fetch browse visit",
        forms=r"https?://|\bwww\.|\b[a-z0-9-]+\.(?:com|org|net|io|dev|gov|edu|ai|co|info|app)\b",
    ),
    "calculate": Kind(
        verbs="calculate compute evaluate eval solve do add subtract multiply divide sum",
        objects="math maths mathematical arithmetic expression expressions equation numbers number formula",
        alone="calculator calc calculate calculation calculations math maths arithmetic wolfram wolframalpha",
        others="scientific alpha query two evaluator solver engine operation",
        does="evaluat comput calculat solv do perform math arithmetic add subtract multipl divid sum",
        what="expression arithmetic math maths calculation arithmetic_operation mathematical_operation number",
        needs="sqrt calculat* comput* arithmetic factorial rechn*",
        # Two numbers, or a number and a word for an operation.
        forms=r"\d\s*[%!]|\d(?s:.)*[^\d.,'](?s:.)*?\d"
        r"|\A(?=(?s:.)*(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half"
        r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million)\b))"
        r"(?s:.)*\b(?:plus|minus|times|divide[ds]?|multipl\w*|subtract\w*|add|sum|total|product|average|mean|median"
        r"|percent\w*|root|power|squared|cubed|how (?:much|many|long|far|old)|interest|discount|convert\w*|ratio)\b",
    ),
    "run_code": Kind(
        verbs="run execute exec eval evaluate interpret execution executor runner interpreter repl sandbox",
        objects="python python3 code script scripts program javascript js node typescript bash shell sh command"
        " commands cmd snippet cell notebook terminal",
        alone="python python3 interpreter bash shell terminal repl sandbox jupyter",
        others="safe secure remote local sandboxed in environment block",
        does="run execut evaluat interpret",
        what="python javascript typescript bash shell code program script",
        needs="""
            run runs execut* code coding python javascript bash script* program* function* algorithm* simulat* debug*
            regex output_of print* sort sorted prime* fibonacci monte_carlo comput* solution* sequence* permutation*
            combination* all_the_ways all_ways how_many_ways puzzle* solve* iterat* probabilit* digit* longest
            shortest smallest largest_number matrix data dataset* data_set* pandas numpy scipy scikit* csv json parse*
            anagram* palindrome* lambda comprehension benchmark* faster time_it time_both md5 hash* encrypt* encode*
            decode* base64 regression classifier accuracy outlier* significan* random* find_every list_every count*
            find_all
        """,
        forms=r"```|\bsha-?\d",
    ),
    "create_file": Kind(
        verbs="create creator write writer save saver make maker generate generator export produce output",
        objects="file files document doc pdf csv docx xlsx artifact attachment",
        alone="filewriter",
        others="text txt md markdown html as into out local download downloadable",
        does="creat writ sav generat produc mak export",
        what="file document attachment",
        needs="""
            file* document* download* attach* export* import* spreadsheet* excel save csv tsv markdown pdf readme
            template* format* separated printable print_out hand_out checklist* calendar* flashcard* docx word_doc* cv
            resume invoice* zip
        """,
        forms=r"\b[\w-]+\.(?:txt|md|csv|json|html?|xml|ya?ml|py|js|ts|svg|tex|sql|toml|ini|log)\b",
    ),
    "draw": Kind(
        verbs="plot draw create make render generate generator maker show display build drawer",
        objects="chart charts graph graphs plot plots histogram figure",
        alone="plot plotter plotting chart charts charting graph graphs matplotlib visualize visualise visualization"
        " visualisation",
        others="bar line pie scatter data interactive image",
        does="plot draw creat render generat mak show display visuali",
        what="chart graph plot histogram visualization visualisation",
        needs="""
            chart* plot* graph* diagram* histogram* visuali* draw* pie scatter bars curve* trend* side_by_side see
            show
        """,
        forms="",
    ),
    "image": Kind(
        verbs="generate create make draw paint render generator maker creator",
        objects="image images picture pictures photo photos illustration artwork art",
        alone="dalle dall midjourney flux sdxl txt2img text2image imagen",
        others="ai from text prompt to new e",
        does="generat creat draw paint mak render",
        what="image picture photo illustration artwork",
        needs="""
            image* picture* photo* draw* paint* sketch* illustrat* logo* icon* poster* wallpaper* avatar* portrait*
            cartoon* artwork render* cover_art landscape_of
        """,
        forms="",
    ),
    "speech": Kind(
        verbs="speak say read generate create make synthesize synthesise convert",
        objects="speech audio voice aloud sound",
        alone="tts speak text2speech",
        others="text to into out generator the a",
        does="speak say read generat creat synthesi convert",
        what="speech aloud audio voice",
        needs="""
            speak* spoken say_it say_this say_that read_aloud read_it_aloud read_this aloud audio voice* narrat*
            pronounc* listen* hear speech podcast* mp3 wav
        """,
        forms="",
    ),
    "retrieve": Kind(
        verbs="search query lookup retrieve ask retrieval retriever",
        objects="vector vectors knowledge kb embeddings docs documents corpus passages semantic similarity",
        alone="retrieve retriever retrieval rag kb",
        others="base store index db database context",
        does="search quer find retriev look return",
        what="vector_store vector_database knowledge_base embedding",
        needs="*",
        forms="",
    ),
}
# Words that say nothing about what a tool does.
_FILLERS = frozenset(
    "a an the to of for from with my your and tool tools api function functions mcp server json".split()  # noqa: SIM905
)


def kinds_of(name: str, description: str = "") -> set[str]:
    """The kinds of a tool with this name and description. `searchWeb` and `search-web` have the same words."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = set(re.split(r"[^a-z0-9]+", parted.lower())) - _FILLERS - {""}
    text = description[:MAX_COMPARED_CHARACTERS].lower()
    return {name for name, kind in KINDS.items() if kind.has_name(words) or kind.has_description(text)}


def needed(kind: str, texts: Iterable[str]) -> bool:
    """Whether one of these texts of a user can need a tool of this kind. A tool without a kind is always needed."""
    known = KINDS.get(kind)
    return known is None or any(
        known.is_needed(text) or _is_foreign(text) for text in (given[-MAX_COMPARED_CHARACTERS:] for given in texts)
    )


# Letters that no language with Latin script has, and frequent words that are not English.
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u2c00-\udfff\uf900-\ufdff\ufe70-\uffef]")
_FOREIGN_WORDS = frozenset(
    """
    der und ist nicht ein eine einen ich mir wir bitte wie für mit auf von zu den dem des im sich wer wann warum wo
    el los las que qué por una del con es está cómo cuánto cuál quién dónde mi tu
    le la les est une pour avec dans je vous quel quelle quels où combien sur au du
    il che di per non sono come quanto
    het een van niet voor wat ik
    o os uma não para quanto
    """.split()  # noqa: SIM905
)


def _is_foreign(text: str) -> bool:
    return bool(_OTHER_SCRIPT.search(text)) or len(_FOREIGN_WORDS & set(re.findall(r"\w+", text.lower()))) >= 2
