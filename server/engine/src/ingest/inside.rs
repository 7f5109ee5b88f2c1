//! What is in the objects and arrays of a JSON file, so that its columns are STRUCTs and LISTs (LU-10).

use std::collections::HashMap;

use super::Kinds;
use duck::types::LogicalType;

/// How many different fields the objects at one place have at most to be STRUCTs.
const MAX_FIELDS: usize = 200;

/// A STRUCT has all of its fields in each value: objects that have few of them are JSON, once fields are so many in all.
const MANY: u64 = 1_000_000;

/// Objects that have less than one in so many of the fields have few.
const FEW: u64 = 16;

/// How deep STRUCTs and LISTs nest; what is below them is JSON.
const MAX_DEPTH: usize = 16;

/// What the objects or arrays at one place of a file's rows hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Inside {
    /// There are none, or nobody looked.
    #[default]
    Unknown,
    /// They are objects with these fields.
    Fields(Fields),
    /// They are arrays with such elements.
    Elements(Box<Kinds>),
    /// No STRUCT or LIST holds them.
    Json,
}

/// The fields of objects, in the order in which they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<Field>,
    /// The field of each key, in lower case.
    index: HashMap<String, usize>,
    objects: u64,
    members: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    kinds: Kinds,
    /// The latest object that had it.
    seen_in: u64,
}

impl Inside {
    /// Begins an object at this place, which is `depth` objects and arrays deep.
    pub fn begin_object(&mut self, depth: usize) {
        if matches!(self, Self::Unknown) && depth < MAX_DEPTH {
            *self = Self::Fields(Fields::default());
        }
        match self {
            Self::Fields(fields) => fields.objects += 1,
            _ => *self = Self::Json,
        }
    }

    /// The values of a field of the object begun last: the key is the one at place `at` there. `None` if the objects are JSON,
    /// as they become with this key if there are too many fields, in them or in the file (`left`), and if no STRUCT has it.
    pub fn field(&mut self, at: usize, key: &str, left: &mut usize) -> Option<&mut Kinds> {
        let place = match self {
            Self::Fields(fields) => fields.place(at, key, left),
            _ => None,
        };
        if place.is_none() {
            *self = Self::Json;
        }
        match self {
            Self::Fields(fields) => place.map(|place| &mut fields.fields[place].kinds),
            _ => None,
        }
    }

    /// The elements of an array at this place, which is `depth` objects and arrays deep; `None` if the arrays are JSON.
    pub fn elements(&mut self, depth: usize) -> Option<&mut Kinds> {
        if matches!(self, Self::Unknown) && depth < MAX_DEPTH {
            *self = Self::Elements(Box::default());
        }
        if !matches!(self, Self::Elements(_)) {
            *self = Self::Json;
        }
        match self {
            Self::Elements(elements) => Some(elements),
            _ => None,
        }
    }

    /// The type that holds all of them; `None` if none but JSON does.
    pub(super) fn ty(&self) -> Option<LogicalType> {
        match self {
            Self::Fields(fields) if !fields.fields.is_empty() && !fields.are_sparse() => {
                let fields = fields.fields.iter().map(|field| (field.name.clone(), inner(&field.kinds)));
                Some(LogicalType::Struct(fields.collect()))
            }
            Self::Elements(elements) => Some(LogicalType::List(Box::new(inner(elements)))),
            _ => None,
        }
    }

    /// What is in these and in others together. Nobody looks into values that are put together.
    pub(super) fn with(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Json }
    }
}

/// The type of values inside others; nulls alone may be anything.
fn inner(kinds: &Kinds) -> LogicalType {
    if *kinds == Kinds::default() { LogicalType::Json } else { kinds.file_type() }
}

impl Fields {
    /// The place of a key's field, which is most often that of the key in its object.
    fn place(&mut self, at: usize, key: &str, left: &mut usize) -> Option<usize> {
        let known = match self.fields.get(at).is_some_and(|field| field.name == key) {
            true => Some(at),
            false => self.index.get(&key.to_ascii_lowercase()).copied(),
        };
        let place = match known {
            Some(place) => place,
            None => self.add(key, left)?,
        };
        self.members += 1;
        let twice = std::mem::replace(&mut self.fields[place].seen_in, self.objects) == self.objects;
        (!twice).then_some(place)
    }

    /// Whether most of what a STRUCT held would be fields that the objects lack.
    fn are_sparse(&self) -> bool {
        let all = self.objects.saturating_mul(self.fields.len() as u64);
        all > MANY && self.members < all / FEW
    }

    fn add(&mut self, key: &str, left: &mut usize) -> Option<usize> {
        let place = self.fields.len();
        // DuckDB takes a first field without a name for a tuple's, and its C API cuts names at a NUL.
        if place == MAX_FIELDS || key.is_empty() || key.contains('\0') {
            return None;
        }
        *left = left.checked_sub(1)?;
        self.index.insert(key.to_ascii_lowercase(), place);
        self.fields.push(Field { name: key.to_owned(), kinds: Kinds::default(), seen_in: 0 });
        Some(place)
    }
}
