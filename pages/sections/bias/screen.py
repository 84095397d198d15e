"""What a bias page has on screen: a table of one study, at one guidance."""

from dataclasses import dataclass
from functools import cached_property

from pages.address import TABLES, BiasTableView
from pages.data import bias_tables, results
from pages.sections.bias.attributes import AttributeTable
from pages.sections.bias.grid import BiasTable
from pages.sections.bias.guidance import GuidanceTable
from pages.sections.bias.neutral import NeutralTable
from store.studies import NEUTRAL, Published, Study


@dataclass(frozen=True)
class BiasScreen:
    """What is on screen: a table of `asked` at the address `page`, at one guidance of those that are there."""

    page: str
    view: BiasTableView  # its mode and table are among those that there are
    listing: results.Listing
    asked: Study
    guidance: float
    guidances: list[float]
    printed: Published | None

    @cached_property
    def table(self) -> BiasTable:
        """The table; raises InputError where nothing of it is there."""
        under = {name: getattr(self.view, name) for name in ("mode", "measure", "level")}
        about = {"model": self.view.model, "revision": self.view.revision, "failed": self.view.failed}
        if self.view.table == "neutral":
            return NeutralTable(bias_tables.neutral(self.listing, self.asked, guidance=self.guidance, **about))
        if self.view.table == "guidance":
            return GuidanceTable(bias_tables.by_guidance(self.listing, self.asked, self.guidances, **about, **under))
        about |= {"guidance": self.guidance, **under}
        return AttributeTable(bias_tables.bias(self.listing, self.asked, self.printed, **about))

    @property
    def filed(self) -> str:
        """The study under whose name the images are filed."""
        return self.asked.name + (NEUTRAL if self.view.table == "neutral" else "")

    @property
    def tables(self) -> list[str]:
        """Which tables there are."""
        there = {"neutral": bool(self.asked.content.neutral), "guidance": len(self.guidances) > 1}
        return [name for name in TABLES if there.get(name, True)]

    @property
    def order(self) -> str:
        """The order of the rows."""
        return self.view.order(self.table.orders, self.table.usual)

    @property
    def command(self) -> str:
        """What computes the rest of the study."""
        return bias_tables.command(self.asked, self.view, self.listing.root, self.guidance)
