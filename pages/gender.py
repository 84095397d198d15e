"""Gender bias: which occupations the model draws with one gender in mind."""

from pages.sections.bias import page

page.draw("gender")
