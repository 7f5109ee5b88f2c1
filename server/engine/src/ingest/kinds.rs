//! What kinds of values a column brings, and what is in the objects and arrays of a JSON file, so that its columns are STRUCTs
//! and LISTs (LU-10).

use std::collections::HashMap;

/// What kinds of values a column of an append holds, NULLs aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Any boolean.
    pub booleans: bool,
    /// The least and greatest integer within 128 bits.
    pub integers: Option<(i128, i128)>,
    /// Any integer beyond 128 bits.
    pub giants: bool,
    /// Any number with a fraction or an exponent.
    pub fractions: bool,
    /// Any such number with digits that a DOUBLE does not keep.
    pub inexact: bool,
    /// Any string.
    pub strings: bool,
    /// What all strings are, infinities aside; `None` without one that tells.
    pub texts: Option<Texts>,
    /// Any object or array.
    pub nested: bool,
    /// What is in these, where a file is read for it.
    pub inside: Inside,
    /// Any value of a type that JSON has not, such as a date.
    pub others: bool,
}

/// What the strings of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// `2024-01-15`.
    Dates,
    /// `2024-01-15T13:45:00`, with a blank for the T or a fraction as well.
    Timestamps,
    /// The same, with a zone.
    Instants,
    /// Any others.
    Others,
}

impl Kinds {
    /// Notes one more string.
    pub fn note_text(&mut self, text: Option<Texts>) {
        self.strings = true;
        self.texts = either(self.texts, text);
    }

    /// The kinds of these values and those of `other` together.
    #[must_use]
    pub(super) fn with(self, other: &Self) -> Self {
        let integers = match (self.integers, other.integers) {
            (Some(own), Some(theirs)) => Some((own.0.min(theirs.0), own.1.max(theirs.1))),
            (own, theirs) => own.or(theirs),
        };
        Self {
            booleans: self.booleans || other.booleans,
            integers,
            giants: self.giants || other.giants,
            fractions: self.fractions || other.fractions,
            inexact: self.inexact || other.inexact,
            strings: self.strings || other.strings,
            texts: either(self.texts, other.texts),
            nested: self.nested || other.nested,
            inside: self.inside.with(&other.inside),
            others: self.others || other.others,
        }
    }
}

/// What strings are that are partly the one, partly the other.
fn either(one: Option<Texts>, other: Option<Texts>) -> Option<Texts> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Some(Texts::Others),
        (one, other) => one.or(other),
    }
}

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
    pub(super) fields: Vec<Field>,
    /// The field of each key, in lower case.
    index: HashMap<String, usize>,
    objects: u64,
    members: u64,
}

/// A field of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kinds: Kinds,
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

    /// What is in these and in others together. Nobody looks into values that are put together.
    fn with(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Json }
    }
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
    pub(super) fn are_sparse(&self) -> bool {
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
