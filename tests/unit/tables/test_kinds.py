"""What a kind of study needs to have tables: each test says what is missing."""

import pytest

from store import settings
from store.__main__ import parser
from store.studies import KINDS
from store.tables.kinds import TABLES
from tests.conftest import ROOT

NAMED = [(kind, table) for kind, tables in TABLES.items() for table in tables if table.name]


def test_every_kind_has_tables_the_usual_one_first():
    assert TABLES.keys() == KINDS.keys(), "a kind of store.studies.kinds.KINDS needs an entry in store.tables.kinds"
    for kind, tables in TABLES.items():
        assert [table.name for table in tables].count("") == 1 and not tables[0].name, f"{kind}: no usual table"


def test_no_two_tables_share_a_name_or_an_option():
    different = {id(table): table for _, table in NAMED}.values()  # some are of all kinds
    assert len({table.name for table in different}) == len(different)
    options = [table.option for table in different if table.option]
    assert len({*options}) == len(options)


@pytest.mark.parametrize(("kind", "table"), NAMED, ids=[table.name for _, table in NAMED])
def test_every_other_table_is_explained_documented_and_chosen_by_its_option(kind, table):
    assert table.help
    option = table.option or "--guidance 1 3"
    assert option in (ROOT / "docs" / "tables.md").read_text(), f"docs/tables.md does not have {option}"
    line = ["table", "a study", *option.split()]
    given = parser(line, settings.Settings()).parse_args(line)
    assert given.table == (table.name if table.option else "")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_documented(kind):
    assert f'kind = "{kind}"' in (ROOT / "docs" / "studies.md").read_text()
