//! Taking known secrets out of whatever they may have got into.

use serde_json::Value;

use crate::config::{self, HIDDEN};

/// Knows the secrets of a configuration, and hides them wherever they stand.
pub(super) struct Scrubber {
    /// Each in every form in which it may be written, the longest first.
    texts: Vec<String>,
}

impl Scrubber {
    /// Hides these texts.
    pub(super) fn new(secrets: Vec<String>) -> Self {
        let mut texts: Vec<_> = secrets.into_iter().flat_map(forms).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self { texts }
    }

    /// A text without secrets and without the logins of URLs.
    pub(super) fn text(&self, text: &str) -> String {
        let found = self.texts.iter().filter(|secret| text.contains(&***secret));
        let scrubbed = found.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        config::without_logins(&scrubbed)
    }

    /// A document without them; its texts are looked at as they are meant, before JSON escapes anything in them.
    pub(super) fn json(&self, json: &Value) -> Value {
        match json {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, value)| (self.text(name), self.json(value))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => json.clone(),
        }
    }
}

/// A secret as it is, as Rust prints it in a message, and as JSON writes it.
fn forms(secret: String) -> [String; 3] {
    let quoted = [format!("{secret:?}"), Value::from(secret.as_str()).to_string()];
    let [debug, json] = quoted.map(|text| text[1..text.len() - 1].to_owned());
    [secret, debug, json]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_goes_whole_also_where_a_shorter_one_is_part_of_it() {
        let scrubber = Scrubber::new(vec!["sesame".into(), "open sesame".into()]);

        assert_eq!(scrubber.text("say open sesame, or sesame"), "say ***, or ***");
        assert_eq!(scrubber.json(&json!({"a": ["sesame"], "n": 1})), json!({"a": ["***"], "n": 1}));
    }

    proptest! {
        #[test]
        fn a_secret_is_found_in_every_form(secret in "[^*]{4,20}", before in any::<String>(), after in any::<String>()) {
            let scrubber = Scrubber::new(vec![secret.clone()]);
            let json = json!({ "text": format!("{before}{secret}{after}"), secret.clone(): 1 });

            for text in [format!("{before}{secret}{after}"), format!("{before}{secret:?}{after}"), json.to_string()] {
                let scrubbed = scrubber.text(&text);
                prop_assert!(!scrubbed.contains(&secret), "{scrubbed}");
            }
            let shown = scrubber.json(&json);
            prop_assert!(!shown["text"].as_str().unwrap().contains(&secret), "{shown}");
        }
    }
}
