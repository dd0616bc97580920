use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What may be shown of a text in a folder of its own, and what must not be.
fn shown(text: &str, folder: &Path) -> (Value, Vec<String>) {
    let path = folder.join("tidegate.toml");
    fs::write(&path, text).unwrap();
    let mut redacted = redacted(&path, &[]);
    (redacted.files.remove(0).1, redacted.secrets)
}

#[test]
fn a_configuration_is_shown_without_comments_and_secrets() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pw"), "hunter2\n").unwrap();
    fs::write(folder.path().join("gw.key"), "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----\n")
        .unwrap();
    let text = "# once hunter3\n[gateway]\nid = 'plant-7'\n[[uplink]]\nname = 'cloud'\n\
        url = 'mqtts://anna:sesame@broker:8883'\nusername = 'plant-7'\npassword = { file = 'pw' }\n\
        tls = { cert = 'gw.pem', key = 'gw.key' }\n[[device]]\nid = 'cold-1'\nkey = 'a1b2c3d4'\npasword = 'oops'\n";

    let (shown, secrets) = shown(text, folder.path());

    let expected = json!({
        "gateway": {"id": "plant-7"},
        "uplink": [{
            "name": "cloud", "url": "mqtts://***@broker:8883", "username": "***", "password": {"file": "pw"},
            "tls": {"cert": "gw.pem", "key": "gw.key"},
        }],
        "device": [{"id": "cold-1", "key": "***", "pasword": "***"}],
    });
    assert_eq!(shown, expected);
    for secret in ["hunter2", "anna:sesame", "sesame", "anna", "MC4CAQAwBQ", "a1b2c3d4", "oops"] {
        assert!(secrets.iter().any(|known| known == secret), "{secret}: {secrets:?}");
    }
    assert!(!secrets.iter().any(|known| known == "plant-7"), "{secrets:?}");
}

#[test]
fn a_file_with_slips_is_shown_as_far_as_it_can_be_read() {
    let folder = tempfile::tempdir().unwrap();

    let (shown, _) = shown("[gateway]\nid = 'a'\n[[uplink]\nname = \n", folder.path());

    assert_eq!(shown["gateway"], json!({"id": "a"}));
    assert!(redacted(Path::new("/nonexistent/tidegate.toml"), &[]).secrets.is_empty());
}

#[test]
fn every_url_in_a_line_loses_its_login() {
    for (text, expected) in [
        ("at mqtt://a:b@h:1, not http://h/x@y.", "at mqtt://***@h:1, not http://***@y."),
        ("url=\"tcp://t0ken@h\" next", "url=\"tcp://***@h\" next"),
        ("a://@h b@c ://", "a://@h b@c ://"),
    ] {
        assert_eq!(without_logins(text), expected);
    }
}

proptest! {
    #[test]
    fn no_secret_is_shown(secret in "[A-Za-z0-9!$%&()*+,./:;<=>?@^_{|}~-]{6,24}", name in "[a-z_]{1,12}") {
        let folder = tempfile::tempdir().unwrap();
        let quoted = json!(secret);
        let text = format!(
            "# {secret}\n[gateway]\nx{name} = {quoted}\n[[uplink]]\nurl = {}\npassword = {quoted}\nusername = {quoted}\n\
             [[adapter]]\nlink = {}\n[[device]]\nkey = [{quoted}]\n[x{name}]\nid = {quoted}\n",
            json!(format!("mqtt://u:{secret}@host")),
            json!(format!("{secret}@host:502")),
        );

        let (shown, secrets) = shown(&text, folder.path());

        prop_assert!(!shown.to_string().contains(&secret), "{shown}");
        prop_assert!(secrets.contains(&secret));
    }

    #[test]
    fn any_file_is_taken_without_a_panic(file in any::<String>()) {
        let folder = tempfile::tempdir().unwrap();
        shown(&file, folder.path());
    }

    #[test]
    fn a_login_in_any_text_is_hidden(before in any::<String>(), login in "[a-z:@/]{1,12}") {
        let text = without_logins(&format!("{before}://{login}:pw@host"));
        prop_assert!(!text.contains(":pw@"), "{text}");
    }
}
