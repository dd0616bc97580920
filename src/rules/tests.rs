//! What rules promise, as claims: on a rule set with a clock moved by hand, and once on the whole thread.

mod faults;
mod files;
mod fixture;
mod pack;
mod verbs;
