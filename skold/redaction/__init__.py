"""Private parts of audit records taken out: asked, approved by a second person, carried out."""
