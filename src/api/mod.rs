//! api, see ARCHITECTURE.md.
