//! What a server of ours says of itself: functions 17 and 43/14.
//!
//! The same for every client that may connect; nothing about the site is in it.

use std::collections::BTreeMap;

use crate::adapter::modbus::{
    exception::Exception,
    identity::{Category, Identify, Page},
};

/// Vendor, product code, version (MODBUS Application Protocol 1.1b3, 6.21, objects 0 to 2).
const BASIC: [&str; 3] = ["Tidegate", "tidegate", env!("CARGO_PKG_VERSION")];

/// The basic objects are all there are, and each can be asked for alone (6.21, conformity level).
const CONFORMITY: u8 = 0x81;

/// The server works (6.13, run indicator status).
const RUNS: u8 = 0xFF;

/// Appends the answer behind the function code.
pub(super) fn describe(what: Identify, unit: u8, out: &mut Vec<u8>) -> Result<(), Exception> {
    match what {
        Identify::ServerId => {
            let text = format!("{} {}", BASIC[0], BASIC[2]);
            out.push(u8::try_from(2 + text.len()).expect("a name and a version are short"));
            out.extend([unit, RUNS]);
            out.extend(text.bytes());
            Ok(())
        }
        Identify::Objects { category, first } => {
            let objects = objects(category, first).ok_or(Exception::ILLEGAL_ADDRESS)?;
            Page::encode(category, CONFORMITY, &objects, out);
            Ok(())
        }
    }
}

/// The objects from `first` on, or that one alone; `None` when a single one is not there. Who asks for more than the
/// basic ones is given those (6.21).
fn objects(category: Category, first: u8) -> Option<BTreeMap<u8, Vec<u8>>> {
    let all: BTreeMap<u8, Vec<u8>> = (0..).zip(BASIC.map(|text| text.as_bytes().to_vec())).collect();
    match category {
        Category::One => all.get(&first).map(|object| [(first, object.clone())].into()),
        // Who begins beyond the last one begins at the first (6.21).
        Category::Basic | Category::Regular | Category::Extended if !all.contains_key(&first) => Some(all),
        Category::Basic | Category::Regular | Category::Extended => {
            Some(all.into_iter().filter(|(id, _)| *id >= first).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::modbus::identity::Form;

    fn page(category: Category, first: u8) -> Result<Page, Exception> {
        let mut body = Vec::new();
        describe(Identify::Objects { category, first }, 1, &mut body)?;
        Ok(Page::parse(Form::Objects(category).data(&body).unwrap()).unwrap())
    }

    #[test]
    fn the_basic_objects_come_whole_or_from_one_on_or_alone() {
        let all = page(Category::Basic, 0).unwrap();
        assert_eq!((all.conformity, all.next, all.objects.len()), (0x81, None, 3));
        assert_eq!(
            (&all.objects[&0][..], &all.objects[&2][..]),
            (&b"Tidegate"[..], env!("CARGO_PKG_VERSION").as_bytes())
        );
        assert_eq!(page(Category::Extended, 0).unwrap(), all);
        assert_eq!(page(Category::Basic, 9).unwrap(), all);
        assert_eq!(page(Category::Basic, 1).unwrap().objects.into_keys().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(page(Category::One, 1).unwrap().objects.into_keys().collect::<Vec<_>>(), [1]);
        assert_eq!(page(Category::One, 3), Err(Exception::ILLEGAL_ADDRESS));
    }

    #[test]
    fn the_server_id_says_that_it_runs() {
        let mut body = Vec::new();
        describe(Identify::ServerId, 7, &mut body).unwrap();
        let data = Form::Counted.data(&body).unwrap();
        assert_eq!(data[..2], [7, 0xff]);
        assert!(data[2..].starts_with(b"Tidegate "), "{data:?}");
    }
}
