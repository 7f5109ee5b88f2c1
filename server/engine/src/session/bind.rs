//! Parameters on their way to a statement (FP-5, LQ-14).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Field, Fields, Schema};

use crate::error::{Error, ErrorKind, Result};
use duck::types::LogicalType;
use duck::{Prepared, Value};

/// Rows of parameters: one column per parameter.
#[derive(Debug, Clone)]
pub struct Bind {
    /// The values; each row is one execution.
    pub rows: RecordBatch,
    /// How columns find their parameters.
    pub by: BindBy,
    /// By column, the type of which its text is a literal: `'42'` is a number where one is wanted. Those beyond the end, and
    /// of `None`, are bound as they are.
    pub literals: Vec<Option<LogicalType>>,
}

/// How a column of a [`Bind`] finds its parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindBy {
    /// The columns are the parameters in order.
    Position,
    /// Each column binds the parameter of its name.
    Name,
    /// By name if the names are the parameters' identifiers, else by position (FP-5).
    NameElsePosition,
    /// Each parameter takes the column of its name; columns may be left over, for other statements of a script (LQ-14).
    Needed,
}

impl Bind {
    /// Values that are bound as they are.
    pub fn new(rows: RecordBatch, by: BindBy) -> Self {
        Self { rows, by, literals: Vec::new() }
    }

    /// Leaves out the columns behind the first so many, which no parameter takes.
    pub fn shorten(&mut self, columns: usize) {
        if columns < self.rows.num_columns() {
            let kept: Vec<usize> = (0..columns).collect();
            // The columns are there.
            self.rows = self.rows.project(&kept).unwrap_or_else(|_| self.rows.clone());
        }
    }

    /// How many executions the rows make.
    pub fn rows(&self) -> usize {
        if self.rows.num_columns() == 0 { 1 } else { self.rows.num_rows() }
    }

    /// The values for a statement of a script, as whose parameters 1, 2, … the columns of these names stand.
    pub(super) fn renumbered(&self, given: &[String]) -> Option<Self> {
        let schema = self.rows.schema();
        let places: Option<Vec<usize>> = given.iter().map(|name| schema.index_of(name).ok()).collect();
        let places = places?;
        let rows = self.rows.project(&places).ok()?;
        let literals = places.into_iter().map(|place| self.literals.get(place).cloned().flatten()).collect();
        Some(Self { rows, by: BindBy::Position, literals })
    }

    /// Binds row `row`.
    ///
    /// # Errors
    /// InvalidArgument when number or names do not fit, or a value's type cannot be bound.
    pub(super) fn apply(&self, statement: &mut Prepared, row: usize) -> Result<()> {
        let parameters: Vec<String> = statement.parameters().into_iter().map(|(name, _)| name).collect();
        let order = self.order(&parameters)?;
        let schema = self.rows.schema();
        for (parameter, column) in order.into_iter().enumerate() {
            let array = self.rows.column(column).as_ref();
            let value = match self.literals.get(column) {
                Some(Some(ty)) => literal(array, row, ty)?,
                _ => Value::from_column(schema.field(column), array, row)?,
            };
            statement.bind(parameter as u64 + 1, &value)?;
        }
        Ok(())
    }

    /// For each parameter the column that binds it.
    fn order(&self, parameters: &[String]) -> Result<Vec<usize>> {
        let schema = self.rows.schema();
        let names = names(&schema);
        let find = |name: &String| names.iter().position(|given| given.eq_ignore_ascii_case(name));
        let by_name = || -> Option<Vec<usize>> {
            (names.len() == parameters.len()).then(|| parameters.iter().map(find).collect()).flatten()
        };
        let needed = || parameters.iter().map(find).collect();
        let by_position = || (names.len() == parameters.len()).then(|| (0..names.len()).collect());
        let order = match self.by {
            BindBy::Name => by_name(),
            BindBy::Position => by_position(),
            BindBy::NameElsePosition => by_name().or_else(by_position),
            BindBy::Needed => needed(),
        };
        order.ok_or_else(|| self.lacks(parameters))
    }

    /// Says that the values are not those that these parameters take.
    pub(super) fn lacks(&self, parameters: &[String]) -> Error {
        mismatch(parameters, &names(&self.rows.schema()), self.by)
    }
}

/// The value of a literal of this type, or its NULL.
///
/// # Errors
/// InvalidData for a text that is no such literal.
fn literal(array: &dyn Array, row: usize, ty: &LogicalType) -> Result<Value> {
    let texts = array.as_string_opt::<i32>();
    let text = texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
    Value::literal(text, ty).ok_or_else(|| {
        let shown = text.unwrap_or_default();
        Error::new(ErrorKind::InvalidData, format!("invalid input syntax for type {ty}: \"{shown}\""))
    })
}

fn names(schema: &Schema) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

/// One row of parameters, by position.
///
/// # Errors
/// Internal when the values are not one each.
pub(crate) fn parameters(values: Vec<ArrayRef>) -> Result<Bind> {
    let fields: Fields = values.iter().map(|value| Field::new("", value.data_type().clone(), true)).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|e| Error::internal(format!("the catalog cannot be asked: {e}")))?;
    Ok(Bind::new(rows, BindBy::Position))
}

fn mismatch(parameters: &[String], given: &[&str], by: BindBy) -> Error {
    let message = if matches!(by, BindBy::Name | BindBy::Needed) {
        format!(
            "Invalid Input Error: the statement has the parameters ({}) but was given ({})",
            parameters.join(", "),
            given.join(", ")
        )
    } else {
        format!(
            "Invalid Input Error: the statement has {} parameters but was given {}",
            parameters.len(),
            given.len()
        )
    };
    Error::new(ErrorKind::InvalidArgument, message)
}
