//! supervisor, see ARCHITECTURE.md.
