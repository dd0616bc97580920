//! The host's users: their names, and what files let them do.

use std::{collections::BTreeSet, fs};

use super::root::Root;

/// The local users. Users of a directory service are not in it; they are known by number.
const PASSWD: &str = "/etc/passwd";

/// The login name of a user, or `uid-<number>` when `/etc/passwd` has none.
pub fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string(PASSWD).unwrap_or_default();
    find_user(&passwd, uid).map_or_else(|| format!("uid-{uid}"), str::to_owned)
}

/// A user with all groups that it acts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The login name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
    /// The numbers of all its groups.
    pub groups: BTreeSet<u32>,
}

impl Identity {
    /// Whether a file of this owner, group and mode lets it do what these bits of one octal digit say.
    pub fn may(&self, uid: u32, gid: u32, mode: u32, bits: u32) -> bool {
        let digit = match () {
            () if self.uid == 0 => return true,
            () if self.uid == uid => mode >> 6,
            () if self.groups.contains(&gid) => mode >> 3,
            () => mode,
        };
        digit & bits == bits
    }
}

/// The user of a service, with one group more that its unit gives it; the user of this process where there is no such
/// user, as on a machine without the package.
pub fn service(root: &Root, name: &str, more: &str) -> Identity {
    let passwd = root.text("/etc/passwd").unwrap_or_default();
    let groups = root.text("/etc/group").unwrap_or_default();
    let Some((uid, gid)) = find_numbers(&passwd, name) else { return this_process() };
    let is_in = |line: &str| {
        let mut fields = line.split(':');
        let is_more = fields.next() == Some(more);
        is_more || fields.nth(2).is_some_and(|members| members.split(',').any(|member| member == name))
    };
    let numbers = groups.lines().filter(|line| is_in(line)).filter_map(|line| line.split(':').nth(2)?.parse().ok());
    Identity { name: name.to_owned(), uid, gid, groups: numbers.chain([gid]).collect() }
}

/// Who runs this program.
fn this_process() -> Identity {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // A system that does not tell its groups leaves the first.
    let more = rustix::process::getgroups().unwrap_or_default();
    let groups = more.into_iter().map(rustix::process::Gid::as_raw).chain([gid]).collect();
    Identity { name: user_name(uid), uid, gid, groups }
}

/// The numbers of a user and its first group.
fn find_numbers(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        is_it.then_some((uid, gid))
    })
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

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# broken\nada:x:1000:1000::/home/ada:/bin/sh\n";

        assert_eq!(find_user(passwd, 0), Some("root"));
        assert_eq!(find_user(passwd, 1000), Some("ada"));
        assert_eq!(find_user(passwd, 7), None);
    }

    #[test]
    fn a_service_acts_with_its_groups_and_the_one_of_its_unit() {
        let (_folder, root) = crate::host::root::fake(&[
            ("/etc/passwd", "root:x:0:0::/:/bin/sh\ntidegate:x:990:980::/:/bin/false\n"),
            ("/etc/group", "dialout:x:20:\naudio:x:29:ada\ngpio:x:30:ada,tidegate\n"),
        ]);

        let user = service(&root, "tidegate", "dialout");

        assert_eq!((user.uid, user.groups.iter().copied().collect::<Vec<_>>()), (990, vec![20, 30, 980]));
        assert!(user.may(990, 0, 0o600, 6) && user.may(0, 20, 0o060, 6) && user.may(0, 0, 0o004, 4));
        assert!(!user.may(0, 0, 0o640, 4) && !user.may(990, 20, 0o066, 4));
        assert_eq!(service(&root, "nobody", "x"), this_process());
    }

    proptest! {
        #[test]
        fn any_passwd_is_read_without_a_panic(text in any::<String>(), uid in any::<u32>()) {
            let _ = (find_user(&text, uid), find_numbers(&text, "a"));
        }
    }
}
