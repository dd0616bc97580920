//! How a unit says what it is: FC 17, report server id, and FC 43 with MEI type 14, read device identification (MODBUS
//! Application Protocol 1.1b3, 6.13 and 6.21).
//!
//! Both answers are as long as the unit likes, so their length is read from them, and checked before it is used.

use std::collections::BTreeMap;

use super::{exception::Exception, frame::mbap::MAX_PDU, response::Mismatch};

/// The MEI type of device identification (6.21).
const MEI: u8 = 14;

/// Bytes of an answer with objects between function code and first object: MEI type, category, conformity, "more
/// follows", next object, number of objects.
const HEAD: usize = 6;

/// Most bytes behind a function code.
const MAX_BODY: usize = MAX_PDU - 1;

/// What a unit is asked about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identify {
    /// FC 17: its id, whether it runs, and what its maker adds.
    ServerId,
    /// FC 43/14: its objects of a category, from this one on.
    Objects {
        /// Which ones.
        category: Category,
        /// The first one wanted.
        first: u8,
    },
}

/// Which objects are asked for (6.21, "Read Device ID code").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Vendor, product code and revision, which every unit with objects has.
    Basic = 1,
    /// Those and what else the specification names.
    Regular = 2,
    /// Those and the maker's own.
    Extended = 3,
    /// One alone.
    One = 4,
}

impl Category {
    /// All that give a row of objects.
    pub const ROWS: [Self; 3] = [Self::Basic, Self::Regular, Self::Extended];

    /// From the code on the wire.
    fn from_code(code: u8) -> Option<Self> {
        [Self::Basic, Self::Regular, Self::Extended, Self::One].into_iter().find(|known| *known as u8 == code)
    }

    /// The last object of the category.
    pub fn last(self) -> u8 {
        match self {
            Self::Basic => 0x02,
            Self::Regular => 0x7F,
            Self::Extended | Self::One => 0xFF,
        }
    }
}

/// What an answer to [`Identify`] has behind its function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A byte count and so many bytes.
    Counted,
    /// Objects of a category. Which one was the first wanted it does not say.
    Objects(Category),
}

impl Identify {
    /// The function code.
    pub fn function(self) -> u8 {
        match self {
            Self::ServerId => 17,
            Self::Objects { .. } => 43,
        }
    }

    /// Appends what follows the function code.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::ServerId => {}
            Self::Objects { category, first } => out.extend_from_slice(&[MEI, category as u8, first]),
        }
    }

    /// Reads what follows the function code 43 as a server does.
    pub fn decode_objects(body: &[u8]) -> Result<Self, Exception> {
        match *body {
            [MEI, code, first] => {
                let category = Category::from_code(code).ok_or(Exception::ILLEGAL_VALUE)?;
                Ok(Self::Objects { category, first })
            }
            [MEI, ..] => Err(Exception::ILLEGAL_VALUE),
            _ => Err(Exception::ILLEGAL_FUNCTION),
        }
    }

    /// What the answer looks like.
    pub fn form(self) -> Form {
        match self {
            Self::ServerId => Form::Counted,
            Self::Objects { category, .. } => Form::Objects(category),
        }
    }
}

impl Form {
    /// How many bytes follow the function code of an answer that begins so. As long as that is not known, it is one more
    /// than have come. `None` when it cannot be such an answer.
    pub fn length(self, body: &[u8]) -> Option<usize> {
        let length = match self {
            Self::Counted => body.first().map_or(1, |&count| 1 + usize::from(count)),
            Self::Objects(category) => {
                let head = [MEI, category as u8];
                if body.iter().zip(head).any(|(found, wanted)| *found != wanted) {
                    return None;
                }
                objects_length(body)
            }
        };
        (length <= MAX_BODY).then_some(length)
    }

    /// The data of a whole answer: what follows the byte count, or the category.
    pub fn data(self, body: &[u8]) -> Result<&[u8], Mismatch> {
        match self.length(body) {
            None => Err(Mismatch::Objects),
            Some(wanted) if wanted != body.len() => Err(Mismatch::Length { wanted, found: body.len() }),
            Some(_) => Ok(match self {
                Self::Counted => &body[1..],
                Self::Objects(_) => &body[2..],
            }),
        }
    }
}

/// The length of head and objects, or one more than there is.
fn objects_length(body: &[u8]) -> usize {
    let Some(&count) = body.get(HEAD - 1) else { return HEAD.max(body.len() + 1) };
    let mut end = HEAD;
    for _ in 0..count {
        // The id, the length, and so many bytes.
        let Some(&length) = body.get(end + 1) else { return (end + 2).max(body.len() + 1) };
        end += 2 + usize::from(length);
    }
    end
}

/// One answer with objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What the unit says of itself: the category it goes up to, and 0x80 when it gives single objects too.
    pub conformity: u8,
    /// The object to ask for next, when there are more.
    pub next: Option<u8>,
    /// The objects by number.
    pub objects: BTreeMap<u8, Vec<u8>>,
}

impl Page {
    /// Reads the data of an answer, as [`Form::data`] gives it.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [conformity, more, next, _, rest @ ..] = data else { return None };
        let (mut objects, mut rest) = (BTreeMap::new(), rest);
        while let [id, length, tail @ ..] = rest {
            let (object, tail) = tail.split_at_checked(usize::from(*length))?;
            objects.insert(*id, object.to_vec());
            rest = tail;
        }
        // 0xFF: more follow; 0x00: none (6.21).
        Some(Self { conformity: *conformity, next: (*more == 0xFF).then_some(*next), objects })
    }

    /// Appends the answer as a server sends it, behind the function code: as many of the objects as fit.
    pub fn encode(category: Category, conformity: u8, objects: &BTreeMap<u8, Vec<u8>>, out: &mut Vec<u8>) {
        out.extend_from_slice(&[MEI, category as u8, conformity, 0, 0, 0]);
        let head = out.len();
        for (&id, object) in objects {
            let length = u8::try_from(object.len()).unwrap_or(u8::MAX);
            if out.len() - head + HEAD + 2 + usize::from(length) > MAX_BODY {
                out[head - 3] = 0xFF;
                out[head - 2] = id;
                return;
            }
            out.extend_from_slice(&[id, length]);
            out.extend_from_slice(&object[..usize::from(length)]);
            out[head - 1] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer of the specification's example (6.21), behind its function code.
    fn example() -> Vec<u8> {
        let mut body = vec![0x0e, 1, 1, 0, 0, 3, 0, 0x16];
        body.extend_from_slice(b"Company identification");
        body.extend_from_slice(&[1, 13]);
        body.extend_from_slice(b"Product code ");
        body.extend_from_slice(&[2, 5]);
        body.extend_from_slice(b"V2.11");
        body
    }

    #[test]
    fn the_example_of_the_specification_is_understood() {
        let body = example();
        let page = Page::parse(Form::Objects(Category::Basic).data(&body).unwrap()).unwrap();
        assert_eq!((page.conformity, page.next), (1, None));
        assert_eq!(page.objects[&2], b"V2.11");
        assert_eq!(page.objects.len(), 3);
    }

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        let body = example();
        let form = Form::Objects(Category::Basic);
        for got in 0..body.len() {
            assert!(form.length(&body[..got]).is_some_and(|length| length > got), "{got} bytes");
        }
        assert_eq!(form.length(&body), Some(body.len()));
        assert_eq!(Form::Objects(Category::Regular).length(&body), None, "another category");
        assert_eq!(Form::Counted.data(&[3, 1, 0xff, 7]), Ok(&[1, 0xff, 7][..]));
        assert!(Form::Counted.data(&[3, 1, 0xff]).is_err());
        assert_eq!(Form::Counted.length(&[255]), None, "longer than a PDU");
    }

    fn any_objects() -> impl Strategy<Value = BTreeMap<u8, Vec<u8>>> {
        proptest::collection::btree_map(any::<u8>(), proptest::collection::vec(any::<u8>(), 0..100), 0..12)
    }

    proptest! {
        #[test]
        fn what_a_server_sends_is_read_page_by_page(objects in any_objects()) {
            let (mut left, mut read) = (objects.clone(), BTreeMap::new());
            loop {
                let mut body = Vec::new();
                Page::encode(Category::Extended, 0x83, &left, &mut body);
                prop_assert!(body.len() <= MAX_BODY);
                let page = Page::parse(Form::Objects(Category::Extended).data(&body).unwrap()).unwrap();
                read.extend(page.objects);
                let Some(next) = page.next else { break };
                left = left.split_off(&next);
            }
            prop_assert_eq!(read, objects);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..260), basic: bool) {
            let form = if basic { Form::Objects(Category::Basic) } else { Form::Counted };
            if let Ok(data) = form.data(&body) {
                prop_assert!(data.len() < body.len());
                let _ = Page::parse(data);
            }
            let _ = (Page::parse(&body), Identify::decode_objects(&body));
        }
    }
}
