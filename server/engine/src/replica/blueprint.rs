//! What there is in the catalogs of a database, in statements that make it again.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::left_out::LeftOut;
use crate::error::{Error, Result};
use crate::sql::TableRef;
use crate::sql::blueprint::{self as text, Commented, ForeignKey, ListedSequence, MacroForm};
use duck::Connection;

/// What makes an object.
#[derive(Debug)]
pub(super) struct Step {
    /// Where its names are looked up: catalog and schema.
    pub(super) place: (String, String),
    /// What it is, for whoever reads an error.
    pub(super) what: String,
    /// The statements, of which the first may have to wait for another object.
    pub(super) statements: Vec<String>,
    /// Whether a copy may do without it.
    pub(super) can_lack: bool,
}

/// A table.
pub(super) struct TablePlan {
    pub(super) name: TableRef,
    pub(super) columns: Vec<String>,
    pub(super) keys: Vec<ForeignKey>,
    /// Whether some columns are computed, and so are not written.
    pub(super) has_generated: bool,
    /// Whether writing to it looks names up, in computed columns or conditions.
    pub(super) is_bound_by_names: bool,
    pub(super) step: Step,
}

impl TablePlan {
    /// The keys that refer to the table itself.
    pub(super) fn own_keys(&self) -> Vec<&ForeignKey> {
        self.keys.iter().filter(|key| key.table == self.name.table).collect()
    }
}

/// All of it.
pub(super) struct Blueprint {
    pub(super) catalogs: Vec<String>,
    pub(super) other_catalogs: Vec<String>,
    pub(super) schemas: Vec<String>,
    /// Types, sequences and macros.
    pub(super) first: Vec<Step>,
    pub(super) tables: Vec<TablePlan>,
    pub(super) views: Vec<Step>,
    /// Indexes and comments.
    pub(super) last: Vec<Step>,
    pub(super) left_out: Vec<LeftOut>,
}

impl Blueprint {
    /// The bytes of its statements.
    pub(super) fn text_bytes(&self) -> u64 {
        let tables = self.tables.iter().map(|table| &table.step);
        let steps = self.first.iter().chain(tables).chain(&self.views).chain(&self.last);
        steps.flat_map(|step| &step.statements).map(|statement| statement.len() as u64).sum()
    }
}

type Row = Vec<Option<String>>;
type Columns = HashMap<(String, String, String), Vec<(String, Option<String>)>>;

/// A name by its first three columns.
fn name(row: &Row) -> TableRef {
    let part = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    TableRef { catalog: part(0), schema: part(1), table: part(2) }
}

fn cell(row: &Row, at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn key(name: &TableRef) -> (String, String, String) {
    (name.catalog.clone(), name.schema.clone(), name.table.clone())
}

fn step(kind: &str, name: &TableRef, statement: String, can_lack: bool) -> Step {
    let place = (name.catalog.clone(), name.schema.clone());
    Step { place, what: format!("{kind} {name}"), statements: vec![statement], can_lack }
}

impl Step {
    /// With a comment on what it makes.
    fn commented(mut self, on: Commented<'_>, name: &TableRef, comment: Option<&String>) -> Self {
        self.statements.extend(comment.map(|comment| text::comment(on, name, comment)));
        self
    }
}

/// The lists of one database, without those of catalogs that are not copied.
struct Lists<'a> {
    connection: &'a Connection,
    kept: HashSet<String>,
}

impl Lists<'_> {
    fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        let rows = self.connection.query(sql)?.text_rows()?;
        Ok(rows.into_iter().filter(|row| self.kept.contains(cell(row, 0))).collect())
    }
}

impl Blueprint {
    /// What the connection's transaction sees, the macros if there may be any.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn read(connection: &Connection, has_macros: bool) -> Result<Self> {
        let names = |sql| -> Result<Vec<String>> {
            Ok(connection.query(sql)?.text_rows()?.into_iter().flatten().flatten().collect())
        };
        let catalogs = names(text::CATALOGS)?;
        let lists = Lists { connection, kept: catalogs.iter().cloned().collect() };
        let mut blueprint = Self {
            catalogs,
            other_catalogs: names(text::OTHER_CATALOGS)?,
            schemas: Vec::new(),
            first: Vec::new(),
            tables: Vec::new(),
            views: Vec::new(),
            last: Vec::new(),
            left_out: Vec::new(),
        };
        let schemas = lists.rows(text::SCHEMAS)?;
        blueprint.schemas =
            schemas.iter().map(|row| text::create_schema(cell(row, 0), cell(row, 1))).collect();
        let columns = columns(&lists)?;
        blueprint.first.extend(types(&lists)?);
        blueprint.first.extend(sequences(&lists)?);
        if has_macros {
            macros(&lists, &mut blueprint)?;
        }
        blueprint.tables = tables(&lists, &columns)?;
        blueprint.views = views(&lists, &columns)?;
        blueprint.last = indexes(&lists)?;
        Ok(blueprint)
    }
}

fn columns(lists: &Lists<'_>) -> Result<Columns> {
    let mut columns = Columns::new();
    for row in lists.rows(text::COLUMNS)? {
        let column = (cell(&row, 3).to_owned(), row.get(4).cloned().flatten());
        columns.entry(key(&name(&row))).or_default().push(column);
    }
    Ok(columns)
}

fn types(lists: &Lists<'_>) -> Result<Vec<Step>> {
    let rows = lists.rows(text::TYPES)?;
    let made = rows.iter().map(|row| {
        let name = name(row);
        let value = lists.connection.prepare(&text::value_of_type(&name))?;
        let definition = value.columns().first().map(|column| column.ty.clone());
        let definition = definition.ok_or_else(|| Error::internal("a type has no definition"))?;
        let step = step("type", &name, text::create_type(&name, &definition), false);
        Ok(step.commented(Commented::Type, &name, row[3].as_ref()))
    });
    made.collect()
}

fn sequences(lists: &Lists<'_>) -> Result<Vec<Step>> {
    let rows = lists.rows(text::SEQUENCES)?;
    let made = rows.iter().map(|row| {
        let name = name(row);
        let listed = ListedSequence {
            start: cell(row, 4),
            least: cell(row, 5),
            most: cell(row, 6),
            step: cell(row, 7),
            cycles: cell(row, 8) == "true",
            last: row[9].as_deref(),
        };
        let mut step = step("sequence", &name, text::create_sequence(&name, &listed), false);
        step.statements.extend(listed.last.map(|_| text::next_value(&name)));
        step.commented(Commented::Sequence, &name, row[3].as_ref())
    });
    Ok(made.collect())
}

/// A macro with all its overloads.
struct MacroPlan {
    name: TableRef,
    is_table: bool,
    comment: Option<String>,
    forms: Vec<MacroForm>,
}

fn macros(lists: &Lists<'_>, blueprint: &mut Blueprint) -> Result<()> {
    for plan in macro_plans(lists)? {
        let MacroPlan { name, is_table, comment, forms } = &plan;
        if has_defaults(lists.connection, &plan) {
            let why = "DuckDB does not tell the defaults of a macro's parameters; the copy has none";
            blueprint
                .left_out
                .push(LeftOut { what: format!("defaults of macro {name}"), why: why.to_owned() });
        }
        let step = step("macro", name, text::create_macro(name, *is_table, forms), true);
        let on = Commented::Macro { is_table: *is_table };
        blueprint.first.push(step.commented(on, name, comment.as_ref()));
    }
    Ok(())
}

/// The macros, those first that were made first.
fn macro_plans(lists: &Lists<'_>) -> Result<Vec<MacroPlan>> {
    let (mut forms, mut parameters) = (BTreeMap::new(), HashMap::<u64, Vec<_>>::new());
    for mut row in lists.connection.query(text::MACROS)?.text_rows()? {
        let number = row.remove(0).and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
        if !lists.kept.contains(cell(&row, 0)) {
            continue;
        }
        match row[5].take() {
            Some(body) => drop(forms.insert(number, (row, body))),
            None => {
                let parameter = (cell(&row, 6).to_owned(), row[7].take());
                parameters.entry(number).or_default().push(parameter);
            }
        }
    }
    let mut plans: Vec<MacroPlan> = Vec::new();
    for (number, (row, body)) in forms {
        let (name, is_table) = (name(&row), cell(&row, 3) == "table_macro");
        let form = MacroForm { parameters: parameters.remove(&number).unwrap_or_default(), body };
        match plans.last_mut() {
            Some(plan) if plan.name == name && plan.is_table == is_table => plan.forms.push(form),
            _ => plans.push(MacroPlan { name, is_table, comment: row[4].clone(), forms: vec![form] }),
        }
    }
    Ok(plans)
}

/// Whether a macro can be called with fewer arguments than any of its overloads has parameters.
fn has_defaults(connection: &Connection, plan: &MacroPlan) -> bool {
    let lengths: Vec<_> = plan.forms.iter().map(|form| form.parameters.len()).collect();
    let most = lengths.iter().max().copied().unwrap_or(0);
    let fewer = (0..most).filter(|count| !lengths.contains(count));
    fewer
        .into_iter()
        .any(|count| connection.prepare(&text::call_macro(&plan.name, plan.is_table, count)).is_ok())
}

fn tables(lists: &Lists<'_>, columns: &Columns) -> Result<Vec<TablePlan>> {
    let mut keys = foreign_keys(lists)?;
    let rows = lists.rows(text::TABLES)?;
    let made = rows.iter().map(|row| {
        let (name, told) = (name(row), cell(row, 4));
        let keys = keys.remove(&key(&name)).unwrap_or_default();
        let statement = text::create_table(&name, told, &keys).ok_or_else(|| unreadable(&name))?;
        let mut step = step("table", &name, statement, false);
        step = step.commented(Commented::Table, &name, row[3].as_ref());
        let columns = columns.get(&key(&name)).map(Vec::as_slice).unwrap_or_default();
        step.statements.extend(column_comments(&name, columns));
        let columns = columns.iter().map(|(column, _)| column.clone()).collect();
        let has_generated = text::has_generated(told);
        let is_bound_by_names = has_generated || text::has_conditions(told);
        Ok(TablePlan { name, columns, keys, has_generated, is_bound_by_names, step })
    });
    made.collect()
}

fn column_comments(name: &TableRef, columns: &[(String, Option<String>)]) -> Vec<String> {
    let commented = columns.iter().filter_map(|(column, comment)| Some((column, comment.as_ref()?)));
    commented.map(|(column, comment)| text::comment(Commented::Column(column), name, comment)).collect()
}

fn foreign_keys(lists: &Lists<'_>) -> Result<HashMap<(String, String, String), Vec<ForeignKey>>> {
    let mut keys: HashMap<_, Vec<(String, ForeignKey)>> = HashMap::new();
    for row in lists.rows(text::FOREIGN_KEYS)? {
        let of_table = keys.entry(key(&name(&row))).or_default();
        let number = cell(&row, 3);
        if of_table.last().is_none_or(|(last, _)| last != number) {
            let (text, table) = (cell(&row, 4).to_owned(), cell(&row, 5).to_owned());
            let key = ForeignKey { text, table, columns: Vec::new(), referenced: Vec::new() };
            of_table.push((number.to_owned(), key));
        }
        if let Some((_, key)) = of_table.last_mut() {
            key.columns.push(cell(&row, 6).to_owned());
            key.referenced.push(cell(&row, 7).to_owned());
        }
    }
    let without_numbers = |keys: Vec<(String, ForeignKey)>| keys.into_iter().map(|(_, key)| key).collect();
    Ok(keys.into_iter().map(|(table, keys)| (table, without_numbers(keys))).collect())
}

fn views(lists: &Lists<'_>, columns: &Columns) -> Result<Vec<Step>> {
    let rows = lists.rows(text::VIEWS)?;
    let made = rows.iter().map(|row| {
        let name = name(row);
        let statement = text::create_view(&name, cell(row, 4)).ok_or_else(|| unreadable(&name))?;
        let step = step("view", &name, statement, true);
        let mut step = step.commented(Commented::View, &name, row[3].as_ref());
        step.statements.extend(column_comments(&name, columns.get(&key(&name)).map_or(&[], Vec::as_slice)));
        Ok(step)
    });
    made.collect()
}

fn indexes(lists: &Lists<'_>) -> Result<Vec<Step>> {
    let rows = lists.rows(text::INDEXES)?;
    let made = rows.iter().map(|row| {
        let name = name(row);
        let table = TableRef { table: cell(row, 4).to_owned(), ..name.clone() };
        let made = text::create_index(&name.table, &table, cell(row, 5));
        let statement = made.ok_or_else(|| unreadable(&name))?;
        let step = step("index", &name, statement, false);
        Ok(step.commented(Commented::Index, &name, row[3].as_ref()))
    });
    made.collect()
}

fn unreadable(name: &TableRef) -> Error {
    Error::internal(format!("DuckDB tells of {name} what cannot be read"))
}
