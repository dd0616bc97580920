//! `tidegate ble add`: a device into the configuration, in a file of its own.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::key;
use crate::{
    adapter::ble::{decode::Address, heard::hex},
    cli::{context::Context, error::CliError, seams},
    config,
    model::DeviceId,
};

/// Add a device to the configuration.
///
/// Writes conf.d/ble-ID.toml beside the configuration, and the key, if one is given, into keys/ID.key, which only the
/// gateway's user can read. Files that are there already are left alone. The whole configuration is checked then; when
/// it is wrong, what was written is taken away again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The device's address, such as CB:B8:33:4C:88:4F.
    #[arg(value_parser = super::address)]
    address: Address,
    /// Its id in the configuration; by default ble- and its address.
    #[arg(long, value_name = "ID", value_parser = |text: &str| DeviceId::new(text).map_err(|error| error.to_string()))]
    id: Option<DeviceId>,
    /// The adapter; needed where several are of kind ble.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// A file with its key as the device's application shows it; - for standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// A file that is there only if all goes well.
struct NewFile {
    path: PathBuf,
    is_kept: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let key = args.key_file.as_deref().map(key::read).transpose()?;
    let adapter = adapter(args.adapter.as_deref(), context.config())?;
    let id = args
        .id
        .clone()
        .unwrap_or_else(|| DeviceId::new(&format!("ble-{}", hex(&args.address.0))).expect("hex is a slug"));
    let folder = context.config().parent().unwrap_or(Path::new("")).to_owned();
    let mut files = Vec::new();
    if let Some(key) = &key {
        let file = folder.join("keys").join(format!("{id}.key"));
        let owner = owner(context.config());
        files.push(write_new(&file, 0o600, owner, &format!("{}\n", hex(key)))?);
    }
    let path = folder.join("conf.d").join(format!("ble-{id}.toml"));
    files.push(write_new(&path, 0o640, None, &device(args.address, &id, &adapter, key.is_some()))?);
    let report = seams::check(context.config());
    if report.errors > 0 {
        let why = format!("{}nothing was added: with {id} the configuration is wrong", report.text);
        return Err(CliError::Report(why));
    }
    let written: Vec<_> = files.iter().map(|file| file.path.display().to_string()).collect();
    for file in &mut files {
        file.is_kept = true;
    }
    context.print(&format!("{id} added: {}; tidegate reload takes it in\n", written.join(", ")))
}

/// The adapter that is meant.
fn adapter(wanted: Option<&str>, path: &Path) -> Result<String, CliError> {
    let draft = config::read(path);
    let names: Vec<String> =
        draft.adapters.into_iter().filter(|adapter| adapter.kind == "ble").map(|adapter| adapter.name).collect();
    let there = names.join(", ");
    match (wanted, names.as_slice()) {
        (_, []) => {
            let help = "add one: [[adapter]] name = \"ble\" kind = \"ble\"";
            Err(CliError::Usage(format!("{} has no adapter of kind ble (help: {help})", path.display())))
        }
        (Some(name), names) if names.iter().any(|known| known == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(CliError::Usage(format!("no Bluetooth adapter {name:?} (help: there is {there})"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            Err(CliError::Usage(format!("there are several Bluetooth adapters (help: give --adapter, {there})")))
        }
    }
}

/// The device as it is written down.
fn device(address: Address, id: &DeviceId, adapter: &str, has_key: bool) -> String {
    let mut text = format!("[[device]]\nid = \"{id}\"\nadapter = {}\n", serde_json::Value::from(adapter));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "address = {{ mac = \"{address}\" }}");
    if has_key {
        // From the file the key is named in.
        let _ = writeln!(text, "key = {{ file = \"../keys/{id}.key\" }}");
    }
    text
}

/// Whose the key is to be: the gateway's user, whose folder the buffer is in; nobody else's when we may not give files
/// away or the gateway never ran.
fn owner(path: &Path) -> Option<u32> {
    let buffer = config::read(path).buffer().path.clone();
    let folder = fs::metadata(buffer.parent()?).ok()?;
    rustix::process::geteuid().is_root().then(|| folder.uid())
}

/// Makes a file that was not there.
fn write_new(path: &Path, mode: u32, owner: Option<u32>, text: &str) -> Result<NewFile, CliError> {
    let failed = |error: io::Error| CliError::Failed(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    let new = NewFile { path: path.to_owned(), is_kept: false };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    // The gateway reads its configuration by its group, which the folder has.
    let group = path.parent().and_then(|folder| fs::metadata(folder).ok()).map(|folder| folder.gid());
    if rustix::process::geteuid().is_root() {
        chown(path, owner, group).map_err(failed)?;
    }
    Ok(new)
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            crate::cli::error::complain(&format!("cannot remove {}: {error}", self.path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::tests::Sink;

    /// A folder with a configuration.
    fn site(adapters: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tidegate.toml"), adapters).unwrap();
        fs::write(folder.path().join("key"), "231d39c1d7cc1ab1aee224cd096db932\n").unwrap();
        folder
    }

    /// Adds a device, with a key or without.
    fn add(folder: &Path, id: &str, with_key: bool) -> Result<String, String> {
        let sink = Sink::default();
        let mut context = Context::writing_to(folder.join("tidegate.toml"), Box::new(sink.clone()));
        let args = Args {
            address: Address([0xC0, 0, 0, 0, 0, 1]),
            id: Some(DeviceId::new(id).unwrap()),
            adapter: None,
            key_file: with_key.then(|| folder.join("key")),
        };
        run(&args, &mut context).map(|()| sink.text()).map_err(|error| error.to_string())
    }

    const BLE: &str = "[[adapter]]\nname = 'b'\nkind = 'ble'\n";

    #[test]
    fn a_device_is_written_with_its_key_for_the_gateway_alone() {
        let folder = site(BLE);

        let told = add(folder.path(), "cold-1", true).unwrap();

        assert!(told.starts_with("cold-1 added: ") && told.ends_with("tidegate reload takes it in\n"), "{told}");
        let key = folder.path().join("keys/cold-1.key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(key).unwrap(), "231d39c1d7cc1ab1aee224cd096db932\n");
        let (_, adapters, warnings) = crate::adapter::registry::load(&folder.path().join("tidegate.toml")).unwrap();
        assert_eq!((adapters[0].devices()[0].id.as_str(), warnings.len()), ("cold-1", 0));
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_wrong_stays() {
        let folder = site(BLE);
        add(folder.path(), "cold-1", false).unwrap();

        let again = add(folder.path(), "cold-1", false).unwrap_err();
        let same_address = add(folder.path(), "cold-2", true).unwrap_err();

        assert!(again.contains("File exists"), "{again}");
        assert!(same_address.contains("is there twice"), "{same_address}");
        assert!(!folder.path().join("conf.d/ble-cold-2.toml").exists());
        assert!(!folder.path().join("keys/cold-2.key").exists());
        assert!(folder.path().join("conf.d/ble-cold-1.toml").exists());
    }

    #[test]
    fn it_needs_one_adapter_that_listens() {
        let none = add(site("").path(), "cold-1", false).unwrap_err();
        let two = add(site(&format!("{BLE}{}", BLE.replace("'b'", "'c'"))).path(), "cold-1", false).unwrap_err();

        assert!(none.contains("has no adapter of kind ble"), "{none}");
        assert!(two.contains("give --adapter, b, c"), "{two}");
    }
}
