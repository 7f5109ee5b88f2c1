//! A statement written anew: the same over the hidden database, in DuckDB's SQL.

use std::collections::HashSet;
use std::mem::replace;
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Ident, ObjectName, OrderByExpr, OrderBySort, Query, Select, SelectItem,
    SetExpr, Statement, Subscript, TableFactor, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::SetConfig;
use super::casts::{self, number, text};
use super::functions::{self, call};
use super::naming::{self, folded};
use super::sessions::Asker;
use engine::postgres_catalogs::known;

/// Writes a statement anew; gives the settings that it sets.
pub(super) fn rewrite(statement: &mut Statement, asker: &Asker) -> Vec<SetConfig> {
    let mut names = Names::default();
    let _: ControlFlow<()> = statement.visit(&mut names);
    let Names { queries: named, names_system_columns } = names;
    let mut rewriter = Rewriter { asker, named, settings: Vec::new(), names_system_columns };
    let _: ControlFlow<()> = statement.visit(&mut rewriter);
    rewriter.settings
}

/// Columns that every table of PostgreSQL's has, beside its own.
const SYSTEM_COLUMNS: [&str; 3] = ["tableoid", "xmin", "ctid"];

/// The names that a statement gives queries of its own, and whether it names a column that every table has.
#[derive(Default)]
struct Names {
    queries: HashSet<String>,
    names_system_columns: bool,
}

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.queries.extend(with.map(|named| folded(&named.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let name = last_name(expr);
        self.names_system_columns |= name.is_some_and(|name| SYSTEM_COLUMNS.contains(&name.as_str()));
        ControlFlow::Continue(())
    }
}

pub(super) struct Rewriter<'a> {
    pub(super) asker: &'a Asker,
    pub(super) named: HashSet<String>,
    settings: Vec<SetConfig>,
    /// Whether the statement names columns that every table of PostgreSQL's has.
    pub(super) names_system_columns: bool,
}

impl VisitorMut for Rewriter<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            name_item(item);
            unnest_series(item);
        }
        if select.projection.is_empty() {
            // It is asked whether there are rows.
            select.projection.push(SelectItem::UnnamedExpr(number(1)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &mut *query.body {
            select.projection.iter_mut().for_each(type_null);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        query.locks.clear();
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.table(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_order_by_expr(&mut self, order: &mut OrderByExpr) -> ControlFlow<()> {
        if matches!(order.options.sort, Some(OrderBySort::Desc)) && order.options.nulls_first.is_none() {
            order.options.nulls_first = Some(true);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let given = replace(expr, Expr::Value(Value::Null.into()));
        *expr = self.translated(given);
        ControlFlow::Continue(())
    }
}

/// NULL is a text where nothing else says what it is.
fn type_null(item: &mut SelectItem) {
    let null = || Expr::Value(Value::Null.into());
    let typed = || casts::cast(null(), casts::duck_type("VARCHAR"));
    match item {
        SelectItem::ExprWithAlias { expr, .. } if *expr == null() => *expr = typed(),
        SelectItem::UnnamedExpr(expr) if *expr == null() => {
            *item = SelectItem::ExprWithAlias { expr: typed(), alias: quoted(naming::UNNAMED) };
        }
        _ => {}
    }
}

/// Gives a column the name that PostgreSQL would give it.
fn name_item(item: &mut SelectItem) {
    let unnamed = match item {
        SelectItem::ExprWithAlias { alias, .. } => {
            *alias = quoted(&folded(alias));
            return;
        }
        SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => return,
        SelectItem::UnnamedExpr(expr) => expr,
        _ => return,
    };
    let alias = quoted(&naming::name(unnamed));
    let expr = replace(unnamed, Expr::Value(Value::Null.into()));
    *item = SelectItem::ExprWithAlias { expr, alias };
}

/// A series among the columns is as many rows, where DuckDB has a list.
fn unnest_series(item: &mut SelectItem) {
    let (SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr)) = item else { return };
    let Expr::Function(function) = &*expr else { return };
    if functions::bare(&function.name).as_deref() == Some("generate_series") {
        let series = replace(expr, Expr::Value(Value::Null.into()));
        *expr = call(ObjectName::from(vec![Ident::new("unnest")]), vec![series]);
    }
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

impl Rewriter<'_> {
    fn translated(&mut self, expr: Expr) -> Expr {
        match expr {
            Expr::Cast { kind, expr, data_type, .. } => casts::translate(kind, *expr, data_type, self.asker),
            Expr::TypedString(typed) => {
                let kind = sqlparser::ast::CastKind::Cast;
                casts::translate(kind, Expr::Value(typed.value), typed.data_type, self.asker)
            }
            Expr::Collate { expr, .. } => *expr,
            Expr::Function(function) => functions::translate(function, self.asker, &mut self.settings),
            Expr::CompoundIdentifier(parts) => Expr::CompoundIdentifier(without_schema(parts)),
            Expr::Like { negated, any, expr, pattern, escape_char } => {
                Expr::Like { negated, any, expr, pattern, escape_char: escape_char.or_else(backslash) }
            }
            Expr::ILike { negated, any, expr, pattern, escape_char } => {
                Expr::ILike { negated, any, expr, pattern, escape_char: escape_char.or_else(backslash) }
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } if is_array(&right) => {
                contains(*right, *left)
            }
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } if is_array(&right) => {
                Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(contains(*right, *left)) }
            }
            Expr::AnyOp { left, compare_op, right, is_some } => {
                Expr::AnyOp { left, compare_op, right: Box::new(listed(*right)), is_some }
            }
            Expr::AllOp { left, compare_op, right } => {
                Expr::AllOp { left, compare_op, right: Box::new(listed(*right)) }
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                let (left, right) = (self.as_text(*left), self.as_text(*right));
                Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::StringConcat,
                    right: Box::new(right),
                }
            }
            Expr::BinaryOp { left, op, right } => binary(*left, op, *right),
            Expr::CompoundFieldAccess { root, access_chain } => accessed(*root, access_chain),
            other => other,
        }
    }
}

impl Rewriter<'_> {
    /// An object's name where an expression gives its number.
    fn as_text(&self, expr: Expr) -> Expr {
        match casts::named(&expr) {
            Some(text) => casts::named_object(text, expr, self.asker),
            None => expr,
        }
    }
}

/// A column by its relation alone.
fn without_schema(parts: Vec<Ident>) -> Vec<Ident> {
    let is_schema = |ident: &Ident| matches!(folded(ident).as_str(), "pg_catalog" | "information_schema");
    if parts.len() > 2 && is_schema(&parts[0]) { parts[1..].to_vec() } else { parts }
}

fn backslash() -> Option<Box<Expr>> {
    Some(Box::new(text("\\")))
}

/// Whether what ANY and ALL look into is an array that is there: of a query, DuckDB joins by it nothing but what matches.
fn is_array(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_array(inner),
        Expr::Array(_) => true,
        expr => is_list(expr),
    }
}

fn contains(list: Expr, value: Expr) -> Expr {
    call(ObjectName::from(vec![Ident::new("list_contains")]), vec![list, value])
}

/// What ANY and ALL look into.
fn listed(expr: Expr) -> Expr {
    match expr {
        Expr::Nested(inner) => Expr::Nested(Box::new(listed(*inner))),
        Expr::Value(_) => casts::cast(casts::list(expr), casts::duck_type("VARCHAR[]")),
        other => other,
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    use BinaryOperator as Op;
    let op = match op {
        Op::PGCustomBinaryOperator(parts) => match of_pg_catalog(&parts) {
            Some(op) => op,
            None => Op::PGCustomBinaryOperator(parts),
        },
        op => op,
    };
    match op {
        Op::PGRegexMatch => regex(left, right, "s", false),
        Op::PGRegexIMatch => regex(left, right, "si", false),
        Op::PGRegexNotMatch => regex(left, right, "s", true),
        Op::PGRegexNotIMatch => regex(left, right, "si", true),
        Op::PGLikeMatch => like(left, right, false),
        Op::PGNotLikeMatch => like(left, right, true),
        Op::Eq | Op::NotEq if is_list(&left) || is_list(&right) => {
            let (left, right) = (Box::new(casts::list(left)), Box::new(casts::list(right)));
            Expr::BinaryOp { left, op, right }
        }
        op => Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) },
    }
}

/// An operator that is named with its schema.
fn of_pg_catalog(parts: &[String]) -> Option<BinaryOperator> {
    use BinaryOperator as Op;
    Some(match parts.last()?.as_str() {
        "~" => Op::PGRegexMatch,
        "~*" => Op::PGRegexIMatch,
        "!~" => Op::PGRegexNotMatch,
        "!~*" => Op::PGRegexNotIMatch,
        "~~" => Op::PGLikeMatch,
        "!~~" => Op::PGNotLikeMatch,
        "=" => Op::Eq,
        "<>" => Op::NotEq,
        "<" => Op::Lt,
        "<=" => Op::LtEq,
        ">" => Op::Gt,
        ">=" => Op::GtEq,
        "+" => Op::Plus,
        "-" => Op::Minus,
        "*" => Op::Multiply,
        "/" => Op::Divide,
        "||" => Op::StringConcat,
        _ => return None,
    })
}

fn regex(left: Expr, right: Expr, options: &str, negated: bool) -> Expr {
    let name = ObjectName::from(vec![Ident::new("regexp_matches")]);
    let matches = call(name, vec![left, right, text(options)]);
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(matches) } } else { matches }
}

fn like(expr: Expr, pattern: Expr, negated: bool) -> Expr {
    let (expr, pattern) = (Box::new(expr), Box::new(pattern));
    Expr::Like { negated, any: false, expr, pattern, escape_char: backslash() }
}

/// The last name of a column.
pub(super) fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        Expr::Nested(inner) => last_name(inner),
        _ => None,
    }
}

/// Whether an expression is a column of the catalogs that holds arrays.
fn is_list(expr: &Expr) -> bool {
    last_name(expr).is_some_and(|name| known().column_types(&name).any(|ty| known().element(ty).is_some()))
}

/// Fields and elements; PostgreSQL counts the elements of its vectors from zero.
fn accessed(root: Expr, mut chain: Vec<AccessExpr>) -> Expr {
    let mut before = last_name(&root);
    for access in &mut chain {
        match access {
            AccessExpr::Dot(field) => before = last_name(field),
            AccessExpr::Subscript(Subscript::Index { index }) => {
                let is_vector = |name: String| known().column_types(&name).any(|ty| matches!(ty, 22 | 30));
                if before.take().is_some_and(is_vector) {
                    let at = replace(index, Expr::Value(Value::Null.into()));
                    let (left, right) = (Box::new(Expr::Nested(Box::new(at))), Box::new(number(1)));
                    *index = Expr::BinaryOp { left, op: BinaryOperator::Plus, right };
                }
            }
            AccessExpr::Subscript(Subscript::Slice { .. }) => {}
        }
    }
    Expr::CompoundFieldAccess { root: Box::new(root), access_chain: chain }
}
