"""The auditor's verifier: one file that stands alone. Nothing here imports anything of ours."""
