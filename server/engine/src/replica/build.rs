//! Makes in one database what another has.

use std::collections::HashSet;
use std::sync::Arc;

use super::blueprint::{Blueprint, Step, TablePlan};
use super::left_out::LeftOut;
use super::{order, rows};
use crate::blocking::MayBlock;
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::sql;
use crate::sql::blueprint as text;
use duck::Connection;

/// Makes in `target`, which nobody else uses yet, what a blueprint has, with the rows that the source's connection sees.
///
/// # Errors
/// FailedPrecondition for what cannot be made again and is no view or macro.
pub(super) fn build(
    source: &Arc<Instance>,
    connection: Connection,
    target: &Instance,
    blueprint: &mut Blueprint,
    thread: &MayBlock,
) -> Result<()> {
    let mut site = Site { connection: target.connect(thread)?, place: None };
    site.attach(blueprint)?;
    for schema in &blueprint.schemas {
        site.connection.run(schema)?;
    }
    let (views_too, tables) = site.make_tables(blueprint)?;
    let places: HashSet<_> = tables.iter().map(|table| table.step.place.clone()).collect();
    rows::hand_over(source, connection, (target, &site.connection), tables)?;
    for step in std::mem::take(&mut blueprint.last) {
        site.make(&step, &step.place).map_err(|error| unmade(&step, &error))?;
    }
    let views: Vec<_> = views_too.into_iter().chain(std::mem::take(&mut blueprint.views)).collect();
    let places: Vec<_> = views.iter().map(|step| step.place.clone()).chain(places).collect();
    let left = order::in_order(views, |step| site.make(step, &step.place));
    let left = left.into_iter().map(|(step, _)| step).collect();
    // A view may have been written where other names were near.
    let left = order::in_order(left, |step| {
        let mut tried = places.iter().map(|place| site.make(step, place));
        tried.find(Result::is_ok).unwrap_or_else(|| site.make(step, &step.place))
    });
    let left_out =
        left.iter().map(|(step, error)| LeftOut { what: step.what.clone(), why: first_line(error) });
    blueprint.left_out.extend(left_out);
    Ok(())
}

/// A database in the making.
struct Site {
    connection: Connection,
    place: Option<(String, String)>,
}

impl Site {
    /// Has the catalogs that the source has.
    fn attach(&mut self, blueprint: &mut Blueprint) -> Result<()> {
        let names = |sql| -> Result<HashSet<String>> {
            Ok(self.connection.query(sql)?.text_rows()?.into_iter().flatten().flatten().collect())
        };
        let (there, others) = (names(text::CATALOGS)?, names(text::OTHER_CATALOGS)?);
        for catalog in blueprint.catalogs.iter().filter(|name| !there.contains(*name)) {
            self.connection.run(&sql::attach_memory(catalog))?;
        }
        let wanted: HashSet<_> = blueprint.catalogs.iter().collect();
        for catalog in there.iter().filter(|name| !wanted.contains(name)) {
            if let Err(error) = self.connection.run(&sql::detach(catalog)) {
                let what = format!("absence of the catalog \"{catalog}\"");
                blueprint.left_out.push(LeftOut { what, why: first_line(&error.into()) });
            }
        }
        let missing = blueprint.other_catalogs.iter().filter(|name| !others.contains(*name));
        blueprint.left_out.extend(missing.map(|name| LeftOut {
            what: format!("catalog \"{name}\""),
            why: "it is in a file or another system, not in memory".to_owned(),
        }));
        Ok(())
    }

    /// Makes types, sequences, macros and tables; gives the macros that have to wait for views, and the tables in an order in
    /// which each comes after those that it refers to.
    fn make_tables(&mut self, blueprint: &mut Blueprint) -> Result<(Vec<Step>, Vec<TablePlan>)> {
        let mut tables: Vec<_> = std::mem::take(&mut blueprint.tables).into_iter().map(Some).collect();
        let mut made = Vec::with_capacity(tables.len());
        let first = std::mem::take(&mut blueprint.first);
        let places = (0..tables.len()).map(Part::Table);
        let parts = first.into_iter().map(Part::Other).chain(places).collect();
        let left = order::in_order(parts, |part| match part {
            Part::Other(step) => self.make(step, &step.place),
            Part::Table(at) => {
                let Some(plan) = &tables[*at] else { return Ok(()) };
                self.make(&plan.step, &plan.step.place)?;
                made.extend(tables[*at].take());
                Ok(())
            }
        });
        let mut waiting = Vec::new();
        for (part, error) in left {
            match part {
                Part::Other(step) if step.can_lack => waiting.push(step),
                Part::Other(step) => return Err(unmade(&step, &error)),
                Part::Table(at) => {
                    let plan = tables[at].take();
                    return Err(plan.map_or_else(|| error.clone(), |plan| unmade(&plan.step, &error)));
                }
            }
        }
        Ok((waiting, made))
    }

    /// Makes one object, in whose statements names are looked up in that catalog and schema.
    fn make(&mut self, step: &Step, place: &(String, String)) -> Result<()> {
        if self.place.as_ref() != Some(place) {
            let (catalog, schema) = place;
            self.connection.run(&sql::use_schema(catalog, schema))?;
            self.place = Some(place.clone());
        }
        Ok(step.statements.iter().try_for_each(|statement| self.connection.run(statement))?)
    }
}

/// What is made before the rows.
enum Part {
    Other(Step),
    /// A table, by its place.
    Table(usize),
}

fn unmade(step: &Step, error: &Error) -> Error {
    Error::new(
        ErrorKind::FailedPrecondition,
        format!("{} cannot be copied: {}", step.what, first_line(error)),
    )
}

fn first_line(error: &Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}
