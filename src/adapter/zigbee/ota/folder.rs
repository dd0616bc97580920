//! The folder that firmware is in: what is there, and which of it a device may be given.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{
    frames::Query,
    image::{Header, Image, ImageError, MAX_BYTES, Model},
};
use crate::adapter::zigbee::address::Ieee;

/// Most files that are looked at, in the order of their names.
const MAX_FILES: usize = 256;

/// A file in the folder.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its name.
    pub file: String,
    /// What it is, if it is an image.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// Why it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A device that is to be updated.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which.
    pub ieee: Ieee,
    /// What it says of itself.
    pub query: Query,
    /// Whether the same or an older version will do. Another maker's or type's never does.
    pub is_forced: bool,
}

/// Everything in the folder.
pub async fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let folder = folder.to_owned();
    let listed = spawn_blocking(move || {
        let entry = |path: &PathBuf| {
            let (header, why) = match read(path) {
                Ok(image) => (Some(image.header), None),
                Err(why) => (None, Some(why)),
            };
            Entry { file: name(path), header, why }
        };
        Ok(files(&folder)?.iter().map(entry).collect())
    });
    listed.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The newest image for a device, with the name of its file; or why there is none, file by file.
pub async fn choose(folder: &Path, wanted: Wanted) -> Result<(String, Image), String> {
    let own = folder.to_owned();
    let chosen = spawn_blocking(move || best(&own, &wanted)).await;
    chosen.unwrap_or_else(|error| Err(error.to_string()))
}

/// The image that a device has begun to load, with the name of its file; `None` when it is not in the folder any more.
pub async fn find(folder: &Path, ieee: Ieee, model: Model, version: u32) -> Option<(String, Image)> {
    let own = folder.to_owned();
    let is_it = move |header: &Header| {
        (header.model, header.version) == (model, version) && header.destination.is_none_or(|only| only == ieee)
    };
    let found = spawn_blocking(move || {
        let mut images = files(&own).ok()?.into_iter().filter_map(|path| Some((name(&path), read(&path).ok()?)));
        images.find(|(_, image)| is_it(&image.header))
    });
    // It ends early only when the program does.
    found.await.unwrap_or_default()
}

/// As [`choose`], and blocking. At most two images are in memory at a time.
fn best(folder: &Path, wanted: &Wanted) -> Result<(String, Image), String> {
    let place = folder.display();
    let mut best: Option<(String, Image)> = None;
    let mut reasons = Vec::new();
    for path in files(folder).map_err(|error| format!("{place}: {error}"))? {
        let fit = read(&path).and_then(|image| match objection(&image.header, wanted) {
            Some(why) => Err(why),
            None => Ok(image),
        });
        match fit {
            Ok(image) if best.as_ref().is_none_or(|(_, other)| other.header.version < image.header.version) => {
                best = Some((name(&path), image));
            }
            Ok(_) => {}
            Err(why) => reasons.push(format!("{}: {why}", name(&path))),
        }
    }
    best.ok_or_else(|| match reasons.as_slice() {
        [] => format!("{place} holds no images"),
        reasons => reasons.join("; "),
    })
}

/// What speaks against giving an image to a device.
fn objection(header: &Header, wanted: &Wanted) -> Option<String> {
    let (own, its, query) = (wanted.query.model, header.model, &wanted.query);
    if its.manufacturer != own.manufacturer {
        return Some(format!("is for manufacturer {}, not {}", its.manufacturer, own.manufacturer));
    }
    if its.image_type != own.image_type {
        return Some(format!("is of type {:#06x}, not {:#06x}", its.image_type, own.image_type));
    }
    if header.destination.is_some_and(|ieee| ieee != wanted.ieee) {
        return Some("is for one other device alone".to_owned());
    }
    if let (Some((least, most)), Some(hardware)) = (header.hardware, query.hardware)
        && !(least..=most).contains(&hardware)
    {
        return Some(format!("is for hardware {least} to {most}, not {hardware}"));
    }
    let is_newer = header.version > query.version;
    (!is_newer && !wanted.is_forced).then(|| {
        format!("version {:#010x} is not newer than {:#010x} (help: --force)", header.version, query.version)
    })
}

/// The files of the folder in the order of their names; those that begin with a dot are left out.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file() && !name(path).starts_with('.')).collect();
    files.sort();
    files.truncate(MAX_FILES);
    Ok(files)
}

/// Reads an image.
fn read(path: &Path) -> Result<Image, String> {
    let told = |error: io::Error| error.to_string();
    let length = fs::metadata(path).map_err(told)?.len();
    if length > MAX_BYTES {
        return Err(ImageError::TooLarge(length).to_string());
    }
    Image::read(fs::read(path).map_err(told)?).map_err(|error| error.to_string())
}

/// The name of a file.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::image::make, *};
    use crate::adapter::zigbee::address::Manufacturer;

    const MODEL: Model = Model { manufacturer: Manufacturer(0x1234), image_type: 7 };

    /// A folder with these images.
    fn folder(images: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in images {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    /// What a device that runs a version is given.
    async fn given(folder: &tempfile::TempDir, version: u32, is_forced: bool) -> Result<u32, String> {
        let query = Query { model: MODEL, version, hardware: Some(1) };
        let chosen = choose(folder.path(), Wanted { ieee: Ieee(1), query, is_forced }).await;
        chosen.map(|(_, image)| image.header.version)
    }

    #[tokio::test]
    async fn the_newest_image_of_the_devices_own_kind_is_chosen() {
        let other = Model { manufacturer: Manufacturer(0x4321), ..MODEL };
        let of_type = Model { image_type: 8, ..MODEL };
        let folder = folder(&[
            ("a.ota", make(MODEL, 3, &[1])),
            ("b.ota", make(MODEL, 5, &[1])),
            ("c.ota", make(other, 9, &[1])),
            ("d.ota", make(of_type, 9, &[1])),
            ("e.ota", make(MODEL, 7, &[1])[..50].to_vec()),
        ]);

        assert_eq!(given(&folder, 2, false).await, Ok(5));
        let none = given(&folder, 5, false).await.unwrap_err();
        assert_eq!(
            none,
            "a.ota: version 0x00000003 is not newer than 0x00000005 (help: --force); \
             b.ota: version 0x00000005 is not newer than 0x00000005 (help: --force); \
             c.ota: is for manufacturer 0x4321, not 0x1234; d.ota: is of type 0x0008, not 0x0007; \
             e.ota: header: 32 bytes are announced at byte 20, 30 are left"
        );
        assert_eq!(given(&folder, 9, true).await, Ok(5));
    }

    #[tokio::test]
    async fn what_a_device_has_begun_to_load_is_found_again() {
        let folder = folder(&[("a.ota", make(MODEL, 3, &[1])), ("b.ota", make(MODEL, 5, &[1]))]);
        let found = async |version| find(folder.path(), Ieee(1), MODEL, version).await.map(|(file, _)| file);

        assert_eq!(found(3).await.as_deref(), Some("a.ota"));
        assert_eq!(found(4).await, None);
    }

    #[tokio::test]
    async fn force_lifts_the_version_and_nothing_else() {
        let other = Model { manufacturer: Manufacturer(0x4321), ..MODEL };
        let folder = folder(&[("c.ota", make(other, 9, &[1]))]);

        assert!(given(&folder, 1, true).await.unwrap_err().contains("is for manufacturer 0x4321"));
    }

    #[tokio::test]
    async fn what_is_in_the_folder_is_listed_with_reasons() {
        let folder =
            folder(&[("a.ota", make(MODEL, 3, &[1])), ("readme.txt", b"read me".to_vec()), (".x", Vec::new())]);

        let all = list(folder.path()).await.unwrap();

        let told: Vec<_> = all.iter().map(|entry| (entry.file.as_str(), entry.why.as_deref())).collect();
        let no_image = "no image: it begins with 0x64616572, not 0x0beef11e";
        assert_eq!(told, [("a.ota", None), ("readme.txt", Some(no_image))]);
        assert!(list(&folder.path().join("none")).await.is_err());
    }
}
