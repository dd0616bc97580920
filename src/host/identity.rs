//! Names of the host and its users.

use std::fs;

/// The kernel's word for this host.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// The local users. Users of a directory service are not in it; they are known by number.
const PASSWD: &str = "/etc/passwd";
/// What a host without a usable name is called.
const NAMELESS: &str = "gateway";
/// Longest name that is taken, as for every slug.
const MAX_LEN: usize = 64;

/// The host name as a slug, fit for topics and ids.
pub fn host_slug() -> String {
    slug(&fs::read_to_string(HOST_NAME).unwrap_or_default())
}

/// The login name of a user, or `uid-<number>` when `/etc/passwd` has none.
pub fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string(PASSWD).unwrap_or_default();
    find_user(&passwd, uid).map_or_else(|| format!("uid-{uid}"), str::to_owned)
}

/// Lower case, with `-` for every run of other characters; the part before the first dot.
fn slug(host: &str) -> String {
    let name = host.trim().split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: Vec<&str> = name.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").trim_start_matches(['_', '-']).chars().take(MAX_LEN).collect();
    if slug.is_empty() { NAMELESS.to_owned() } else { slug }
}

/// Finds a user's line (`name:password:uid:…`, passwd(5)) by number.
fn find_user(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::DeviceId;

    #[test]
    fn host_names_become_slugs() {
        assert_eq!(slug("Plant-7.example.com\n"), "plant-7");
        assert_eq!(slug("--my  host--"), "my-host");
        assert_eq!(slug("_ A"), "a");
        assert_eq!(slug("\u{df}"), NAMELESS);
        assert_eq!(slug(""), NAMELESS);
    }

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# broken\nada:x:1000:1000::/home/ada:/bin/sh\n";

        assert_eq!(find_user(passwd, 0), Some("root"));
        assert_eq!(find_user(passwd, 1000), Some("ada"));
        assert_eq!(find_user(passwd, 7), None);
    }

    proptest! {
        #[test]
        fn any_host_name_gives_a_slug(host in any::<String>()) {
            prop_assert!(DeviceId::new(&slug(&host)).is_ok());
        }

        #[test]
        fn any_passwd_is_read_without_a_panic(text in any::<String>(), uid in any::<u32>()) {
            let _ = find_user(&text, uid);
        }
    }
}
