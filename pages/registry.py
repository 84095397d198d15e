"""The pages: one entry each. `shell.py` draws them, and everything that a page shares with others looks here."""

from dataclasses import dataclass

from pages import address
from pages.address import View


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: where it is found, its script in this folder, its title, and the kind of its views.

    Which studies it shows is said where their kind is: `store.studies.KINDS`.
    """

    address: str  # the path in the address bar; empty for the first page
    script: str
    title: str
    view: type[View] = View


PAGES = {
    page.address: page
    for page in (
        Page(address="", script="overview.py", title="Overview", view=address.OverviewView),
        Page(address="gender", script="gender.py", title="Gender bias", view=address.BiasTableView),
        Page(address="ethnicity", script="ethnicity.py", title="Ethnic bias", view=address.BiasTableView),
        Page(address="homonyms", script="homonyms.py", title="Homonyms", view=address.HomonymsView),
        Page(address="synonyms", script="synonyms.py", title="Synonyms", view=address.SynonymsView),
        Page(address="intervention", script="intervention.py", title="Intervention", view=address.InterventionView),
        Page(address="explorer", script="explorer.py", title="Explorer", view=address.ExplorerView),
        Page(address="compare", script="compare.py", title="Compare", view=address.CompareView),
        Page(address="jobs", script="jobs.py", title="Jobs"),
        Page(address="method", script="method.py", title="Method"),
    )
}
