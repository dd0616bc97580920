//! `tidegate restore`: everything is written beside its place and proved before anything is moved there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf, absolute},
};

use flate2::read::GzDecoder;
use tar::{Entry, EntryType};

use super::{
    super::{
        context::Context,
        error::{CliError, complain},
        format::count,
        seams,
    },
    Scratch,
    manifest::{BUFFER, Digest, Listed, MANIFEST, MAX_BYTES, Manifest},
    place::{Site, own},
};
use crate::config;

/// Most bytes behind the last file: the end of a tar is filled up to a block.
const MAX_TAIL: u64 = 1 << 20;
/// What is set aside is named so.
const ASIDE: &str = "before-restore";

/// Put back what `tidegate backup` has written. The daemon must not run. Nothing is replaced without --force, and
/// nothing at all is changed when the file is not whole.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The file.
    pub(super) file: PathBuf,
    /// The folder of the state, which the configuration in the backup has to name; the present one by default.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    pub(super) force: bool,
}

/// The archive as it is read.
type Reader = tar::Archive<GzDecoder<File>>;

pub(in super::super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let site = site(args, context)?;
    let lock = refuse_while_running(&site, context)?;
    let refused = |why: String| CliError::Failed(format!("{}: {why}", args.file.display()));
    let file = File::open(&args.file).map_err(|error| refused(error.to_string()))?;
    let mut reader = tar::Archive::new(GzDecoder::new(file));

    let staged = Staged::read(&mut reader, &site, args.force).map_err(refused)?;
    finish(reader).map_err(|error| refused(error.to_string()))?;
    staged.check_state(&site).map_err(refused)?;
    let done = staged.place(&site).map_err(|error| refused(format!("cannot be put back: {error}")))?;
    drop(lock);

    rebuild(&staged, &site);
    warn_of_others(&staged.manifest, &site);
    let Manifest { gateway, created, .. } = &staged.manifest;
    context.print(&format!(
        "{} of {gateway} from {created} put back; see tidegate check, then systemctl start tidegate\n",
        count(&done, "file")
    ))
}

/// Where things are on this machine.
fn site(args: &Args, context: &Context) -> Result<Site, CliError> {
    let config = absolute(context.config())?;
    let buffer = match &args.state {
        Some(folder) => absolute(folder)?.join("buffer.db"),
        None => config::read(&config).buffer().path.clone(),
    };
    Ok(Site { config, buffer })
}

/// Keeps a daemon from starting meanwhile; its lock is beside the buffer.
fn refuse_while_running(site: &Site, context: &Context) -> Result<Option<File>, CliError> {
    let runs = || CliError::Unavailable("the daemon runs (help: systemctl stop tidegate)".to_owned());
    if site.config.exists() && context.get("/api/v1/status").is_ok() {
        return Err(runs());
    }
    let Ok(lock) = File::open(with_suffix(&site.buffer, "lock")) else { return Ok(None) };
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(runs()),
        Err(TryLockError::Error(error)) => Err(CliError::Failed(format!("cannot lock the state: {error}"))),
    }
}

/// Files that are proved and wait for their move.
struct Staged {
    /// What they are.
    manifest: Manifest,
    /// Where those of the configuration are.
    config: Scratch,
    /// Where those of the state are.
    state: Scratch,
    /// Whether files that are there are replaced.
    force: bool,
}

impl Staged {
    /// Reads the whole archive; the first thing that is not as the manifest says ends it.
    fn read(reader: &mut Reader, site: &Site, force: bool) -> Result<Self, String> {
        let foreign = |error: io::Error| format!("it is no backup of tidegate: {error}");
        let mut entries = reader.entries().map_err(foreign)?;
        let first = entries.next().ok_or("it is empty")?.map_err(foreign)?;
        let manifest = read_manifest(first)?;
        if !force {
            refuse_to_replace(&manifest, site)?;
        }
        let staged = Self::begin(manifest, site, force).map_err(|error| format!("no room to put it: {error}"))?;
        for listed in &staged.manifest.files {
            let place = |why: String| format!("{}: {why}", listed.name);
            let entry = entries.next().ok_or_else(|| place("it is missing".to_owned()))?;
            let entry = entry.map_err(|error| place(error.to_string()))?;
            take(entry, listed, &staged.path(site, &listed.name)).map_err(place)?;
        }
        match entries.next() {
            None => Ok(staged),
            Some(_) => Err("there is more in it than its manifest lists".to_owned()),
        }
    }

    /// Makes the folders in which things wait.
    fn begin(manifest: Manifest, site: &Site, force: bool) -> io::Result<Self> {
        let state = site.buffer.parent().unwrap_or(Path::new("/"));
        make_folder(site.folder(), false)?;
        make_folder(state, true)?;
        let config = Scratch::make(site.folder().join(".restoring-config"))?;
        let state = Scratch::make(state.join(".restoring-state"))?;
        Ok(Self { manifest, config, state, force })
    }

    /// Where a file waits: as far below its folder as it will be.
    fn path(&self, site: &Site, name: &str) -> PathBuf {
        let target = self.target(site, name);
        let state = site.buffer.parent().unwrap_or(Path::new("/"));
        let (folder, base) = if is_state(name) { (&self.state.0, state) } else { (&self.config.0, site.folder()) };
        folder.join(target.strip_prefix(base).expect("it was made of the folder"))
    }

    /// Where a file goes.
    fn target(&self, site: &Site, name: &str) -> PathBuf {
        site.target(&self.manifest, name).expect("every name of a manifest has a place")
    }

    /// The configuration that is put back must look for its state where that goes.
    fn check_state(&self, site: &Site) -> Result<(), String> {
        let staged = self.path(site, &format!("config/{}", self.manifest.main));
        let found = config::read(&staged).buffer().path.clone();
        let found = found.strip_prefix(&self.config.0).map_or(found.clone(), |path| site.folder().join(path));
        if is_same_file(&found, &site.buffer) {
            return Ok(());
        }
        let folder = found.parent().unwrap_or(Path::new("/")).display();
        Err(format!(
            "its [buffer] path is {}, not {} (help: --state {folder})",
            found.display(),
            site.buffer.display()
        ))
    }

    /// Moves everything to its place and gives how many files that were. The buffer waits beside its place: it has to
    /// become a new store first.
    fn place(&self, site: &Site) -> io::Result<usize> {
        for listed in &self.manifest.files {
            let (staged, mut target) = (self.path(site, &listed.name), self.target(site, &listed.name));
            let is_state = is_state(&listed.name);
            make_folder(target.parent().unwrap_or(Path::new("/")), is_state)?;
            if self.force && is_state {
                set_aside(&target)?;
            }
            if listed.name == BUFFER {
                target = with_suffix(&target, "restored");
            }
            own(&staged, listed.mode, is_state)?;
            fs::rename(&staged, &target)?;
        }
        Ok(self.manifest.files.len())
    }
}

/// Whether two paths lead to one place, whatever links and `..` are in them; the files need not be there.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    one == other || (one.file_name() == other.file_name() && folder(one).is_some() && folder(one) == folder(other))
}

/// Whether a file belongs to the state, and so to the service.
fn is_state(name: &str) -> bool {
    name.starts_with("state/")
}

/// The first file, which says what all others are.
fn read_manifest(first: Entry<'_, GzDecoder<File>>) -> Result<Manifest, String> {
    if &*first.path_bytes() != MANIFEST.as_bytes() {
        return Err("it is no backup of tidegate: it does not begin with a manifest".to_owned());
    }
    let mut bytes = Vec::new();
    first.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{MANIFEST}: it has more than {MAX_BYTES} bytes"));
    }
    Manifest::parse(&bytes).map_err(|why| format!("{MANIFEST}: {why}"))
}

/// Names every file that is in the way. A configuration without a single key, as the package brings it, is in nobody's.
fn refuse_to_replace(manifest: &Manifest, site: &Site) -> Result<(), String> {
    let targets = manifest.files.iter().filter_map(|listed| site.target(manifest, &listed.name));
    let in_the_way: Vec<_> = targets.filter(|path| path.exists() && !says_nothing(path, site)).collect();
    let Some(first) = in_the_way.first() else { return Ok(()) };
    let what = count(&in_the_way.len(), "file");
    Err(format!("{what} would be replaced, {} the first (help: --force replaces them)", first.display()))
}

/// Whether it is the main file and has nothing but comments.
fn says_nothing(path: &Path, site: &Site) -> bool {
    let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    path == site.config && fs::read_to_string(path).is_ok_and(|text| text.lines().all(is_comment))
}

/// Writes one file and proves it.
fn take(mut entry: Entry<'_, GzDecoder<File>>, listed: &Listed, path: &Path) -> Result<(), String> {
    if &*entry.path_bytes() != listed.name.as_bytes() {
        return Err(format!("{:?} is in its place", String::from_utf8_lossy(&entry.path_bytes())));
    }
    if entry.header().entry_type() != EntryType::Regular {
        return Err("it is no plain file".to_owned());
    }
    let (size, sha256) = write(&mut entry, listed.size, path).map_err(|error| error.to_string())?;
    if size != listed.size {
        return Err(format!("it has {size} bytes, the manifest says {}", listed.size));
    }
    if sha256 != listed.sha256 {
        return Err(format!("its checksum is {sha256}, the manifest says {}", listed.sha256));
    }
    Ok(())
}

/// Writes at most one byte more than is wanted, and gives size and checksum.
fn write(entry: &mut impl Read, wanted: u64, path: &Path) -> io::Result<(u64, String)> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(path))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let (mut digest, mut buffer) = (Digest::default(), vec![0; 64 * 1024]);
    let mut from = entry.take(wanted.saturating_add(1));
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            got => {
                file.write_all(&buffer[..got])?;
                digest.write_all(&buffer[..got])?;
            }
        }
    }
    file.sync_all()?;
    Ok(digest.finish())
}

/// Reads what is behind the last file: the checksum of the compression is there.
fn finish(reader: Reader) -> io::Result<()> {
    let read = io::copy(&mut reader.into_inner().take(MAX_TAIL + 1), &mut io::sink())?;
    if read > MAX_TAIL { Err(io::Error::other("there is more behind its end")) } else { Ok(()) }
}

/// Makes a folder that is not there, as the package would.
fn make_folder(folder: &Path, is_state: bool) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folder(folder.parent().unwrap_or(Path::new("/")), false)?;
    fs::create_dir(folder)?;
    own(folder, if is_state { 0o700 } else { 0o750 }, is_state)
}

/// Renames a database and what belongs to it: what is left of the old one must not meet the new one.
fn set_aside(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut old = path.as_os_str().to_owned();
        old.push(suffix);
        match fs::rename(&old, with_suffix(Path::new(&old), ASIDE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes a new store of the stored readings: numbers that the old one has given since must not be given again.
fn rebuild(staged: &Staged, site: &Site) {
    if !staged.manifest.files.iter().any(|listed| listed.name == BUFFER) {
        return;
    }
    let restored = with_suffix(&site.buffer, "restored");
    match seams::rebuild(&site.config, &restored) {
        Ok(()) => {
            let made = ["", "-wal", "-shm", ".lock"].map(|suffix| format!("{}{suffix}", site.buffer.display()));
            for file in made.iter().filter(|file| Path::new(file).exists()) {
                if let Err(error) = own(Path::new(file), 0o600, true) {
                    complain(&format!("{file} stays root's: {error} (help: chown tidegate: {file})"));
                }
            }
            if let Err(error) = fs::remove_file(&restored) {
                complain(&format!("{} is left: {error}", restored.display()));
            }
        }
        Err(error) => complain(&format!(
            "the stored readings wait in {0}: {error} (help: tidegate buffer salvage {0} --into {1})",
            restored.display(),
            site.buffer.display()
        )),
    }
}

/// Files of `conf.d` that the backup does not know still count.
fn warn_of_others(manifest: &Manifest, site: &Site) {
    let folder = site.folder().join("conf.d");
    let known: Vec<_> = manifest.files.iter().filter_map(|listed| site.target(manifest, &listed.name)).collect();
    let others = crate::host::Root::system().names(&folder).into_iter().map(|name| folder.join(name));
    for other in
        others.filter(|file| file.extension().is_some_and(|ending| ending == "toml") && !known.contains(file))
    {
        complain(&format!("{} is not of the backup and still counts", other.display()));
    }
}

/// `buffer.db.lock`
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
