//! PostgreSQL's catalogs as SQL: the objects of the hidden database that they are read from (PW-37 to PW-41).
//!
//! What is built into PostgreSQL 15 stands in the `.tsv` files, which `scripts/postgres-catalogs` writes; what those say of the
//! current catalog, and the functions, in the `.sql` files. In those `@` stands for the hidden database, and `@owner` for the
//! name of the session's user: what needs it is a macro of that name, not a view.

#[cfg(test)]
mod objects;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::LazyLock;

#[cfg(test)]
pub use objects::objects;

/// The hidden database.
pub const DATABASE: &str = "__postgresql";

/// The schema of what stands for `pg_catalog`, with all functions.
pub const CATALOG: &str = "pg";

/// The schema of what stands for `information_schema`.
pub const INFORMATION: &str = "info";

const RELATIONS: &str = include_str!("relations.tsv");
const CLASSES: &str = include_str!("rows/pg_class.tsv");
const PROCEDURES: &str = include_str!("rows/pg_proc.tsv");
const TYPES: &str = include_str!("rows/pg_type.tsv");
const TEXTS: [&str; 4] = [
    include_str!("base.sql"),
    include_str!("catalog.sql"),
    include_str!("functions.sql"),
    include_str!("information.sql"),
];

/// A column of a relation, by PostgreSQL's number of its type.
pub type CatalogColumn = (&'static str, u32);

/// What PostgreSQL's catalogs hold, by name.
#[derive(Debug, Default)]
pub struct Known {
    /// By schema, then by name.
    pub relations: HashMap<&'static str, HashMap<&'static str, Relation>>,
    functions: HashMap<&'static str, bool>,
    results: HashMap<&'static str, u32>,
    /// Functions that give one value of many rows.
    aggregates: HashSet<&'static str>,
    /// Functions that give rows.
    sets: HashSet<&'static str>,
    elements: HashMap<u32, u32>,
    names: HashMap<&'static str, u32>,
    numbers: HashMap<u32, &'static str>,
    relation_oids: HashMap<&'static str, u32>,
    columns: HashMap<&'static str, Vec<u32>>,
}

/// A relation of the catalogs.
#[derive(Debug, Default)]
pub struct Relation {
    /// Its columns, in order.
    pub columns: Vec<CatalogColumn>,
    /// Whether it is given the name of the session's user.
    pub takes_owner: bool,
}

/// What PostgreSQL's catalogs hold.
pub fn known() -> &'static Known {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::read);
    &KNOWN
}

impl Known {
    /// A relation of the schema that stands for PostgreSQL's.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.get(schema)?.get(name)
    }

    /// The number of a relation of `pg_catalog`.
    pub fn relation_oid(&self, name: &str) -> Option<u32> {
        self.relation_oids.get(name).copied()
    }

    /// Whether a function is the hidden database's, and is then given the name of the session's user.
    pub fn function(&self, name: &str) -> Option<bool> {
        self.functions.get(name).copied()
    }

    /// The type of what a function of PostgreSQL's gives.
    pub fn result(&self, function: &str) -> Option<u32> {
        self.results.get(function).copied()
    }

    /// Whether a function of PostgreSQL's gives a value for each row that it is called in.
    pub fn is_scalar(&self, function: &str) -> bool {
        (self.results.contains_key(function) || self.functions.contains_key(function))
            && !self.aggregates.contains(function)
            && !self.sets.contains(function)
    }

    /// What a type is an array of.
    pub fn element(&self, array: u32) -> Option<u32> {
        self.elements.get(&array).copied()
    }

    /// The type of arrays of a type.
    pub fn array(&self, element: u32) -> Option<u32> {
        let mut arrays = self.elements.iter().filter(|(_, of)| **of == element).map(|(array, _)| *array);
        arrays.by_ref().min_by_key(|array| (matches!(array, 22 | 30), *array))
    }

    /// A type by its name in pg_type.
    pub fn type_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// A type's name in pg_type.
    pub fn name_of(&self, ty: u32) -> Option<&'static str> {
        self.numbers.get(&ty).copied()
    }

    /// The types of all columns of this name.
    pub fn column_types(&self, name: &str) -> impl Iterator<Item = u32> {
        self.columns.get(name).into_iter().flatten().copied()
    }

    fn read() -> Self {
        let mut known = Self::default();
        for line in RELATIONS.lines() {
            let [schema, relation, column, ty] = fields(line);
            let columns =
                &mut known.relations.entry(short(schema)).or_default().entry(relation).or_default().columns;
            let ty = ty.parse().unwrap_or(0);
            columns.push((column, ty));
            known.columns.entry(column).or_default().push(ty);
        }
        for definition in definitions() {
            if definition.is_function() && definition.schema == CATALOG {
                let takes_owner = definition.parameters().contains("session_owner");
                known.functions.insert(definition.name, takes_owner);
            }
        }
        let owned = owned();
        for (schema, relations) in &mut known.relations {
            for (name, relation) in relations {
                relation.takes_owner = owned.contains(&(*schema, *name));
            }
        }
        for line in CLASSES.lines() {
            let [oid, name] = fields(line);
            known.relation_oids.insert(name, oid.parse().unwrap_or(0));
        }
        for line in PROCEDURES.lines() {
            let [_, name, .., kind, _, _, _, gives_set] = fields::<14>(line);
            if kind == "a" {
                known.aggregates.insert(name);
            }
            if gives_set == "t" {
                known.sets.insert(name);
            }
            let result = line.split('\t').nth(18).and_then(|ty| ty.parse().ok()).unwrap_or(0);
            known.results.entry(name).or_insert(result);
        }
        for line in TYPES.lines() {
            let mut fields = line.split('\t');
            let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
            let (oid, name) = (number(fields.next()), fields.next().unwrap_or_default());
            let element = number(fields.nth(11));
            known.names.insert(name, oid);
            known.numbers.insert(oid, name);
            if element != 0 && (name.starts_with('_') || name.ends_with("vector")) {
                known.elements.insert(oid, element);
            }
        }
        known
    }
}

fn fields<const N: usize>(line: &'static str) -> [&'static str; N] {
    let mut fields = line.split('\t');
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}

fn short(schema: &str) -> &'static str {
    if schema == "pg_catalog" { CATALOG } else { INFORMATION }
}

/// A definition in one of the `.sql` files: of a view or a function.
#[derive(Debug, Clone, Copy)]
struct Definition {
    schema: &'static str,
    name: &'static str,
    /// What is behind the name.
    rest: &'static str,
}

impl Definition {
    fn is_function(&self) -> bool {
        self.rest.starts_with('(')
    }

    fn parameters(&self) -> &'static str {
        self.rest.split_once(')').map_or("", |(parameters, _)| parameters)
    }
}

fn definitions() -> impl Iterator<Item = Definition> {
    TEXTS.into_iter().flat_map(|text| text.split("\nCREATE ").skip(1)).filter_map(|definition| {
        let definition = definition
            .trim_end()
            .strip_suffix(';')
            .or_else(|| definition.split_once(";\n").map(|(it, _)| it))?;
        let (_, named) = definition.split_once('@')?;
        let (schema, named) = named.split_once('.')?;
        let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        Some(Definition { schema, name: &named[..end], rest: &named[end..] })
    })
}

/// The names behind each `@schema.` of a text.
fn references(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split('@').skip(1).filter_map(|rest| {
        let (schema, rest) =
            rest.split_once('.').filter(|(schema, _)| matches!(*schema, "base" | "pg" | "info"))?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some((schema, &rest[..end]))
    })
}

/// The views that need the name of the session's user, or read one that does.
fn owned() -> HashSet<(&'static str, &'static str)> {
    let views: Vec<Definition> = definitions().filter(|it| !it.is_function()).collect();
    let mut owned = HashSet::new();
    loop {
        let before = owned.len();
        for view in &views {
            if view.rest.contains("@owner") || references(view.rest).any(|read| owned.contains(&read)) {
                owned.insert((view.schema, view.name));
            }
        }
        if owned.len() == before {
            return owned;
        }
    }
}

/// A call in FROM of a function that gives one value, or several as rows; with a place if it is asked for one.
pub fn single_row(function: &dyn Display, given: &str, with_ordinality: bool) -> String {
    let place = if with_ordinality { ", 1::BIGINT AS ordinality" } else { "" };
    format!("SELECT {function}({given}){place}")
}

/// A call in FROM of a function whose values have fields.
pub fn rows_of_fields(function: &dyn Display, given: &str) -> String {
    format!("SELECT fields.* FROM (SELECT {function}({given}) AS fields)")
}

/// A relation with the columns that every table of PostgreSQL's has.
pub fn with_system_columns(relation: &dyn Display, oid: u32) -> String {
    format!("SELECT *, {oid}::UINTEGER AS tableoid, 1::UINTEGER AS xmin, '(0,1)' AS ctid FROM {relation}")
}
