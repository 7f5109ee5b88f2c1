//! What a statement reads from: relations of the catalogs, and functions.

use std::mem::take;

use sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query, Statement, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::casts::text;
use super::functions::{self, hidden};
use super::naming::folded;
use super::rewrite::Rewriter;
use engine::postgres_catalogs::{self, CATALOG, INFORMATION, known};

/// Functions of the hidden database that give rows.
const TABLES: [&str; 1] = ["pg_get_keywords"];

/// Functions of it whose values have fields, which are columns in FROM.
const WITH_FIELDS: [&str; 3] = ["aclexplode", "pg_options_to_table", "_pg_expandarray"];

impl Rewriter<'_> {
    /// A relation of the catalogs, or a function, in FROM.
    pub(super) fn table(&self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Table { args: None, .. } => self.relation_in(factor),
            TableFactor::Table { name, alias, args: Some(given), with_ordinality, .. } => {
                *factor = called(name, take(&mut given.args), alias.take(), *with_ordinality);
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                *factor = called(name, take(args), alias.take(), *with_ordinality);
            }
            TableFactor::UNNEST { alias: Some(alias), with_ordinality: false, array_exprs, .. }
                if alias.columns.is_empty() && array_exprs.len() == 1 =>
            {
                alias.columns = vec![column(alias.name.clone())];
            }
            _ => {}
        }
    }

    fn relation_in(&self, factor: &mut TableFactor) {
        let TableFactor::Table { name, alias, args, .. } = factor else { return };
        let Some((schema, relation)) = self.relation(name) else { return };
        if alias.is_none() {
            let own = name.0.last().and_then(ObjectNamePart::as_ident).cloned();
            *alias = own.map(|name| aliased(name, Vec::new()));
        }
        *name = hidden(schema, &relation);
        if known().relation(schema, &relation).is_some_and(|it| it.takes_owner) {
            let owner = FunctionArg::Unnamed(FunctionArgExpr::Expr(text(&self.asker.user)));
            *args = Some(TableFunctionArgs { args: vec![owner], settings: None });
        }
        if self.names_system_columns && schema == CATALOG {
            *factor = with_system_columns(factor, &relation);
        }
    }

    /// The relation that a name means, by its schema in the hidden database.
    fn relation(&self, name: &ObjectName) -> Option<(&'static str, String)> {
        let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(folded)).collect();
        let parts = parts?;
        let (schema, relation) = match &parts[..] {
            [name] if !self.named.contains(name) => (CATALOG, name),
            [.., schema, name] if schema == "pg_catalog" => (CATALOG, name),
            [.., schema, name] if schema == "information_schema" => (INFORMATION, name),
            _ => return None,
        };
        known().relation(schema, relation)?;
        Some((schema, relation.clone()))
    }
}

/// A call in FROM. One of a function that gives single values is a query of its own; PostgreSQL calls a single column as
/// the table.
fn called(
    name: &ObjectName,
    given: Vec<FunctionArg>,
    alias: Option<TableAlias>,
    with_ordinality: bool,
) -> TableFactor {
    let bare = functions::bare(name).unwrap_or_default();
    let mut alias = alias.unwrap_or_else(|| aliased(Ident::with_quote('"', bare.as_str()), Vec::new()));
    let is_known = known().function(&bare).is_some();
    let is_single = is_known || known().is_scalar(&bare) && !is_series(&bare);
    let is_table = TABLES.contains(&bare.as_str());
    let has_fields = WITH_FIELDS.contains(&bare.as_str());
    if !is_table && !has_fields && alias.columns.is_empty() && (is_single || is_series(&bare)) {
        alias.columns = vec![column(alias.name.clone())];
    }
    let target = match (is_known, bare.is_empty()) {
        (true, _) => hidden(CATALOG, &bare),
        (_, false) => functions::alone(name),
        _ => name.clone(),
    };
    if is_single && !is_table {
        let arguments = given.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let query = match has_fields {
            true => postgres_catalogs::rows_of_fields(&target, &arguments),
            false => postgres_catalogs::single_row(&target, &arguments, with_ordinality),
        };
        if let Some(subquery) = parsed(&query) {
            return TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
        }
    }
    TableFactor::Function { lateral: false, name: target, args: given, with_ordinality, alias: Some(alias) }
}

/// A relation with the columns that every table of PostgreSQL's has.
fn with_system_columns(factor: &TableFactor, relation: &str) -> TableFactor {
    let mut source = factor.clone();
    let TableFactor::Table { alias, .. } = &mut source else { return source };
    let alias = alias.take();
    let oid = known().relation_oid(relation).unwrap_or(0);
    match parsed(&postgres_catalogs::with_system_columns(&source, oid)) {
        Some(subquery) => TableFactor::Derived { lateral: false, subquery, alias, sample: None },
        None => factor.clone(),
    }
}

fn is_series(name: &str) -> bool {
    let series =
        ["generate_series", "generate_subscripts", "unnest", "regexp_split_to_table", "string_to_table"];
    series.contains(&name)
}

fn parsed(query: &str) -> Option<Box<Query>> {
    match Parser::parse_sql(&PostgreSqlDialect {}, query).ok()?.pop()? {
        Statement::Query(query) => Some(query),
        _ => None,
    }
}

fn aliased(name: Ident, columns: Vec<TableAliasColumnDef>) -> TableAlias {
    TableAlias { explicit: true, name, columns, at: None }
}

fn column(name: Ident) -> TableAliasColumnDef {
    TableAliasColumnDef { name, data_type: None }
}
