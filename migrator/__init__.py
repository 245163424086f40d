"""Draining of legacy databases into the content server. Imports contentserver and skold; neither
imports it. Empty so far, so that this border is kept from the beginning: the sources come with a
later release.
"""
