//! Units of device profiles, as a configuration that names the profiles would have them.

use std::{fmt::Write as _, path::Path};

use crate::{
    adapter::modbus::{config::Config, section},
    config::{self, Report, report::Problem},
    model::DeviceId,
    profile::{self, Library, ProfileName},
};

/// The id of the device at an index.
pub fn device(index: usize) -> DeviceId {
    DeviceId::new(&format!("unit-{}", index + 1)).expect("a slug")
}

/// The units of these profiles behind one link, read by the adapter's own kind. [`device`] tells their ids; a unit
/// without a number has its profile's.
pub fn units(library: &mut Library, link: &str, profiles: &[(&ProfileName, Option<u8>)]) -> Result<Config, Report> {
    units_with_warnings(library, link, profiles).map(|(config, _)| config)
}

/// The same with what a configuration would be warned of.
pub fn units_with_warnings(
    library: &mut Library,
    link: &str,
    profiles: &[(&ProfileName, Option<u8>)],
) -> Result<(Config, Vec<Problem>), Report> {
    let mut text = format!("[[adapter]]\nname = \"simulated\"\nkind = \"modbus\"\nlink = \"{link}\"\n");
    for (index, (name, unit)) in profiles.iter().enumerate() {
        let id = device(index);
        let address = unit.map_or_else(String::new, |unit| format!("address = {{ unit = {unit} }}\n"));
        let written =
            write!(text, "[[device]]\nid = \"{id}\"\nadapter = \"simulated\"\nprofile = \"{name}\"\n{address}");
        written.expect("a String takes any text");
    }
    let mut draft = config::read_text(Path::new("simulated"), &text);
    let mut adapter = draft.adapters.remove(0);
    profile::fill(&mut adapter, library, &mut draft);
    let units = section::plan(adapter, &mut draft);
    let warnings = draft.finish()?.warnings;
    Ok((units.expect("a draft without problems has a link"), warnings))
}
