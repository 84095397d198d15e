"""Ethnic bias: which occupations the model draws with one ethnic group or skin tone in mind."""

from pages.sections.bias import page

page.draw("ethnicity")
