"""Human preference: two-alternative forced-choice studies, made, answered in a browser, and evaluated.

A study is a folder: ``study.json`` (which picture is whose: for the researcher alone), ``pictures/`` under
names that say nothing, and ``answers.sqlite``. The page gets pictures by the place of a trial, and no more.
"""
