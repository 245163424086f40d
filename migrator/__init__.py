"""Draining of legacy databases into the content server. Imports contentserver and skold; neither
imports it.
"""
