//! Names of the host's users.

use std::fs;

/// The local users. Users of a directory service are not in it; they are known by number.
const PASSWD: &str = "/etc/passwd";

/// The login name of a user, or `uid-<number>` when `/etc/passwd` has none.
pub fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string(PASSWD).unwrap_or_default();
    find_user(&passwd, uid).map_or_else(|| format!("uid-{uid}"), str::to_owned)
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

    proptest! {
        #[test]
        fn any_passwd_is_read_without_a_panic(text in any::<String>(), uid in any::<u32>()) {
            let _ = find_user(&text, uid);
        }
    }
}
