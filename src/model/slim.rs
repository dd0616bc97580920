//! Text and bytes that values share, behind one word.
//!
//! An `Arc<str>` has two, and a value that is a number would be as large as one that is text: of tens of thousands of
//! points the last values are in memory several times.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{Serialize, Serializer};

/// Text or bytes, shared by whoever clones it.
#[derive(PartialEq, Eq, Hash)]
pub struct Slim<T: ?Sized>(Arc<Box<T>>);

impl<T: ?Sized> Clone for Slim<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Slim<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized + Serialize> Serialize for Slim<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<T: ?Sized> Deref for Slim<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> AsRef<T> for Slim<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<'a, T: ?Sized> From<&'a T> for Slim<T>
where
    Box<T>: From<&'a T>,
{
    fn from(content: &'a T) -> Self {
        Self(Arc::new(content.into()))
    }
}

impl From<String> for Slim<str> {
    fn from(text: String) -> Self {
        Self(Arc::new(text.into()))
    }
}

impl From<Vec<u8>> for Slim<[u8]> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reading, Value};

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_value_takes_two_words_and_a_reading_five() {
        assert_eq!([size_of::<Value>(), size_of::<Reading>()], [16, 40]);
    }

    #[test]
    fn clones_share_what_they_hold() {
        let text = Slim::from("on");
        let clone = text.clone();
        assert!(std::ptr::eq(&raw const *text, &raw const *clone));
        assert_eq!(Slim::from(vec![1, 2]), Slim::from([1, 2].as_slice()));
    }
}
