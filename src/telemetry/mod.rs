//! telemetry, see ARCHITECTURE.md.
