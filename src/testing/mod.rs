//! Stand-ins for the outside world, shared by tests, the demo and rehearsals of a site.

pub mod site;
