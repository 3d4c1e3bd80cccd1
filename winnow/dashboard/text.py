"""Text as text: what Streamlit would take for Markdown is shown as it is written.

Captions, headings, boxes and the values of metrics are Markdown to Streamlit. A name
such as ``![](http://…)`` would fetch a picture in the reader's browser, and escaping is
not enough: addresses, ``->`` and ``:smile:`` are replaced after the escapes are gone.
What stands in a code span is never replaced. (``st.text``, the options of boxes to
choose from, cells and charts are text without this.)
"""

from __future__ import annotations

import re

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365.2425 * 86_400

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
# A word that no Markdown means anything by, with what may stand around it.
_WORD = re.compile(
    r"""[("'\u201c]*
    (?!www\.)
    (?:[^\W_]+(?:[-.,/+'\u2019][^\W_]+|:\d\d|@\d+)*
        | [^\x00-\x7f]+ | = | % | < | (?=[.,;:?!)"'\u201d]) )
    %?[)"'\u201d]*[.,;:?!]*[)]?""",
    re.VERBOSE | re.IGNORECASE,
)
_LIST_MARK = re.compile(r"\d+[.)]|=")
_END = re.compile(r"[.,;:?!]+$")


def code(value: object) -> str:
    """The value as a code span: exactly its characters, line ends as blanks."""
    text = " ".join(str(value).splitlines())
    if not text.strip(" "):
        return "(empty)"
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in (text[0], text[-1]) or text[0] == text[-1] == " " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(sentence: object) -> str:
    """A sentence in which data may stand, as Markdown that says just that, on one
    line: code spans stay, and every word that is more than a word becomes one.
    """
    text = " ".join(str(sentence).split())
    shown: list[str] = []
    end = 0
    for span in _CODE.finditer(text):
        shown += [_words(text[end : span.start()], not shown), code(span[2].strip(" "))]
        end = span.end()
    return "".join([*shown, _words(text[end:], not shown)])


def _words(text: str, first: bool) -> str:
    """The words of a text, blanks between them kept as they are."""
    parts = re.split(r"( +)", text)
    for number, part in enumerate(parts):
        if not part.strip(" "):
            continue
        is_mark = (
            first
            and not "".join(parts[:number]).strip()
            and bool(_LIST_MARK.fullmatch(part))
        )
        if is_mark or not _WORD.fullmatch(part):
            mark = _END.search(part)
            kept = mark[0] if mark and mark.start() else ""
            parts[number] = code(part.removesuffix(kept)) + kept
    return "".join(parts)


def age(seconds: float) -> str:
    """A length of time in the largest unit of which there are at least two."""
    size = abs(seconds)
    for name, length in (
        ("years", _YEAR),
        ("days", _DAY),
        ("hours", _HOUR),
        ("minutes", _MINUTE),
    ):
        if size >= 2 * length:
            return f"{seconds / length:,.1f} {name}"
    return f"{seconds:,.0f} seconds" if size >= 10 else f"{seconds:,.1f} seconds"
