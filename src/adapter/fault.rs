//! Why an adapter's link is down, for whoever asks.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
};

/// What an adapter last said of its link; nothing while that is up.
#[derive(Debug, Default)]
pub struct Fault(Mutex<Option<String>>);

impl Fault {
    /// Keeps what is wrong, for people, with what to do. Says whether it was another before, or none: then it is worth
    /// a line in the log.
    pub fn tell(&self, fault: &impl Display) -> bool {
        let text = fault.to_string();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last.as_ref() != Some(&text);
        *last = Some(text);
        is_new
    }

    /// Forgets it; says whether there was one.
    pub fn over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// What is wrong.
    pub fn text(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_is_news_once() {
        let fault = Fault::default();

        let news =
            [fault.tell(&"refused"), fault.tell(&"refused"), fault.tell(&"no route"), fault.over(), fault.over()];

        assert_eq!(news, [true, false, true, true, false]);
        assert_eq!(fault.text(), None);
    }
}
