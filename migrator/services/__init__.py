"""Acts on sources. Each says who: `actor` first, as the audit shall name them."""
