"""One simple sentence in each of twelve scripts: the girl or child drinks cold water in the garden.

Among them are letters that normalisers take apart or compose (accents, Cyrillic ё and й, Thai am,
voiced kana), marks that they remove, and scripts that are written without spaces.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """A sentence as a treebank has it, in words, and as it is written."""

    script: str
    language: str
    words: tuple[str, ...]
    has_spaces: bool = True

    @property
    def text(self) -> str:
        """As it is written, but for the space before a full stop that keeps words apart."""
        return (" " if self.has_spaces else "").join(self.words)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First character and the one behind the last of each word in `text`."""
        found, start = [], 0
        for word in self.words:
            found.append((start, start + len(word)))
            start += len(word) + self.has_spaces
        return found


def _spaced(script: str, language: str, text: str) -> Sentence:
    return Sentence(script, language, tuple(text.split(" ")))


def _unspaced(script: str, language: str, text: str) -> Sentence:
    return Sentence(script, language, tuple(text.split(" ")), has_spaces=False)


SENTENCES = (
    _spaced("Latin", "de", "Das Mädchen trinkt kühles Wasser im Garten ."),
    _spaced("Cyrillic", "ru", "Мой ребёнок пьёт холодную воду в саду ."),
    _spaced("Greek", "el", "Το παιδί πίνει κρύο νερό στον κήπο ."),
    _spaced("Arabic", "ar", "يشرب الطفل ماءً باردًا في الحديقة ."),
    _spaced("Hebrew", "he", "הילד שותה מים קרים בגינה ."),
    _spaced("Devanagari", "hi", "बच्चा बगीचे में ठंडा पानी पीता है ।"),
    _spaced("Bengali", "bn", "শিশুটি বাগানে ঠান্ডা জল পান করছে ।"),
    _spaced("Tamil", "ta", "குழந்தை தோட்டத்தில் குளிர்ந்த நீர் குடிக்கிறது ."),
    _unspaced("Thai", "th", "เด็ก ดื่ม น้ำ เย็น ใน สวน"),
    _unspaced("Han", "zh", "孩子 在 花园 里 喝 冷水 。"),
    _unspaced("Japanese", "ja", "子ども が 庭 で 冷たい 水 を 飲む 。"),
    _spaced("Hangul", "ko", "아이가 정원에서 차가운 물을 마신다 ."),
)
