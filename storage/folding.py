"""How texts are compared where people search or type a name: without what makes no difference to a reader.

Case, compositions and compatible forms make none (Unicode's NFKC_Casefold,
https://www.unicode.org/reports/tr31/#NFKC_Casefold), nor do characters that are not shown and repeated spaces.
Accents do: "Cafe" is not "Café". For names that must not be taken for each other see `storage.organization_names`.
"""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_SHOWN = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Default_Ignorable_Code_Point of Unicode 17.0.0 (DerivedCoreProperties.txt), as ranges."""
_DROPPED = {code: None for first, last in NOT_SHOWN for code in range(first, last + 1)}


def fold(text: str) -> str:
    """Return what two texts have in common that read the same, in lower case and with single spaces."""
    shown = unicodedata.normalize("NFD", text.translate(_DROPPED)).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", shown).casefold())
    return " ".join(folded.translate(_DROPPED).split())


CLOSE = 0.75
"""How similar two names are of which one is probably a typo of the other, from 0 to 1."""
BEGINNING = 3
"""The first so many letters of a name, or more, are enough to find it."""


def near(typed: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Return the names that a person probably meant who typed something else, the most similar first."""
    wanted, folded = fold(typed), {fold(name): name for name in names}
    begun = [name for name in folded if len(wanted) >= BEGINNING and name.startswith(wanted)]
    close = difflib.get_close_matches(wanted, folded, n=most, cutoff=CLOSE)
    return [folded[each] for each in dict.fromkeys([*begun, *close])][:most]
