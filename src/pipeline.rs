//! pipeline, see ARCHITECTURE.md.
