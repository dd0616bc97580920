//! The variables rules keep: in memory for scripts, told to the buffer as changes, undone when a call fails.
//!
//! Alarms and hysteresis live here as well, under keys that start with `$`, which scripts cannot use.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use rhai::Dynamic;

use super::convert;
use crate::model::StateChange;

/// Most variables of one rule.
const MAX_KEYS: usize = 200;
/// Most alarms and hysteresis switches of one rule.
const MAX_INTERNAL: usize = 1_000;
/// Longest key in bytes.
const MAX_KEY: usize = 128;
/// Largest value as JSON, in bytes.
const MAX_VALUE: usize = 4 * 1024;

/// Variables of all rules.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// By rule.
    rules: HashMap<Arc<str>, Variables>,
    /// What the running call overwrote, oldest first.
    undo: Vec<(Arc<str>, Arc<str>, Option<Dynamic>)>,
}

/// Variables of one rule.
#[derive(Debug, Default)]
struct Variables {
    /// As scripts see them.
    values: HashMap<Arc<str>, Dynamic>,
    /// Keys whose value was not told to the buffer yet.
    changed: BTreeSet<Arc<str>>,
}

impl Store {
    /// The variables the buffer kept.
    pub(super) fn restore(changes: Vec<StateChange>) -> Self {
        let mut store = Self::default();
        for StateChange { rule, key, value } in changes {
            let values = &mut store.rules.entry(rule).or_default().values;
            match value {
                Some(value) => values.insert(key, convert::from_json(&value)),
                None => values.remove(&key),
            };
        }
        store
    }

    /// A variable's value.
    pub(super) fn get(&self, rule: &str, key: &str) -> Option<&Dynamic> {
        self.rules.get(rule)?.values.get(key)
    }

    /// Sets a variable, within the limits of its rule.
    pub(super) fn set(&mut self, rule: &Arc<str>, key: &str, value: Dynamic) -> Result<(), String> {
        check_size(key, &value)?;
        let variables = self.rules.entry(rule.clone()).or_default();
        let key = match variables.values.get_key_value(key) {
            Some((known, _)) => known.clone(),
            None => variables.admit(key)?,
        };
        let old = variables.values.insert(key.clone(), value);
        variables.changed.insert(key.clone());
        self.undo.push((rule.clone(), key, old));
        Ok(())
    }

    /// Removes a variable and gives its last value.
    pub(super) fn remove(&mut self, rule: &Arc<str>, key: &str) -> Option<Dynamic> {
        let variables = self.rules.get_mut(rule)?;
        let (key, old) = variables.values.remove_entry(key)?;
        variables.changed.insert(key.clone());
        self.undo.push((rule.clone(), key, Some(old.clone())));
        Some(old)
    }

    /// The call went well: what it changed stays.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// The call failed: everything is as it was before.
    pub(super) fn undo(&mut self) {
        while let Some((rule, key, old)) = self.undo.pop() {
            let Some(variables) = self.rules.get_mut(&rule) else { continue };
            match old {
                Some(old) => variables.values.insert(key, old),
                None => variables.values.remove(&key),
            };
        }
    }

    /// What changed since the last time, each variable once.
    pub(super) fn take_changes(&mut self, changes: &mut Vec<StateChange>) {
        for (rule, variables) in &mut self.rules {
            for key in std::mem::take(&mut variables.changed) {
                // A value that JSON cannot say was refused by `set`.
                let value = variables.values.get(&key).and_then(|value| convert::to_json(value).ok());
                changes.push(StateChange { rule: rule.clone(), key, value });
            }
        }
    }
}

impl Variables {
    /// Takes a new key if there is room for it.
    fn admit(&self, key: &str) -> Result<Arc<str>, String> {
        let is_internal = key.starts_with('$');
        let limit = if is_internal { MAX_INTERNAL } else { MAX_KEYS };
        let count = self.values.keys().filter(|known| known.starts_with('$') == is_internal).count();
        if count >= limit {
            Err(format!("a rule keeps at most {limit} of these, no room for {key:?}"))
        } else {
            Ok(key.into())
        }
    }
}

/// Refuses what is too large to be kept, or cannot be.
fn check_size(key: &str, value: &Dynamic) -> Result<(), String> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(format!("a key has 1 to {MAX_KEY} bytes, this one has {}", key.len()));
    }
    let json = convert::to_json(value)?;
    if convert::is_scalar(value) {
        return Ok(());
    }
    match json.to_string().len() {
        size if size > MAX_VALUE => Err(format!("{key:?} has {size} bytes, at most {MAX_VALUE} are kept")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(store: &mut Store) -> Vec<StateChange> {
        let mut changes = Vec::new();
        store.take_changes(&mut changes);
        changes
    }

    #[test]
    fn a_failed_call_leaves_no_trace() {
        let rule: Arc<str> = "a".into();
        let mut store = Store::default();
        store.set(&rule, "n", 1_i64.into()).unwrap();
        store.keep();

        store.set(&rule, "n", 2_i64.into()).unwrap();
        store.set(&rule, "new", 3_i64.into()).unwrap();
        store.remove(&rule, "n");
        store.undo();

        assert_eq!(store.get("a", "n").unwrap().as_int(), Ok(1));
        assert!(store.get("a", "new").is_none());
    }

    #[test]
    fn a_variable_is_told_once_however_often_it_changed() {
        let rule: Arc<str> = "a".into();
        let mut store = Store::default();
        for n in 0..10_i64 {
            store.set(&rule, "n", n.into()).unwrap();
        }

        let told = changes(&mut store);

        assert_eq!(told, [StateChange { rule, key: "n".into(), value: Some(9.into()) }]);
        assert!(changes(&mut store).is_empty());
    }

    #[test]
    fn limits_are_kept() {
        let rule: Arc<str> = "a".into();
        let mut store = Store::default();
        for n in 0..MAX_KEYS {
            store.set(&rule, &n.to_string(), Dynamic::UNIT).unwrap();
        }

        assert!(store.set(&rule, "one-more", Dynamic::UNIT).is_err());
        assert!(store.set(&rule, "1", "x".repeat(MAX_VALUE).into()).is_err());
        assert!(store.set(&rule, "1", f64::NAN.into()).is_err());
        assert!(store.set(&rule, "1", "fits".into()).is_ok());
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let rule: Arc<str> = "a".into();
        let mut store = Store::default();
        store.set(&rule, "n", 1.5.into()).unwrap();

        let restored = Store::restore(changes(&mut store));

        assert_eq!(restored.get("a", "n").unwrap().as_float(), Ok(1.5));
    }
}
