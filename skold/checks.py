"""System checks of Sköld."""
