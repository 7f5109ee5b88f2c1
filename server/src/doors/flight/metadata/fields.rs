//! The exact fields of the metadata answers (FM-1); ADBC compares them.

use std::sync::Arc;

use arrow::datatypes::DataType::{Binary, Int32, UInt8, Utf8};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// Fields as name, type and whether they are nullable.
fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    let fields = fields.iter().map(|(name, ty, nullable)| Field::new(*name, ty.clone(), *nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn catalogs() -> SchemaRef {
    schema(&[("catalog_name", Utf8, false)])
}

pub(super) fn db_schemas() -> SchemaRef {
    schema(&[("catalog_name", Utf8, true), ("db_schema_name", Utf8, false)])
}

pub(super) fn tables(with_schema: bool) -> SchemaRef {
    let mut fields = vec![
        ("catalog_name", Utf8, true),
        ("db_schema_name", Utf8, true),
        ("table_name", Utf8, false),
        ("table_type", Utf8, false),
    ];
    if with_schema {
        fields.push(("table_schema", Binary, false));
    }
    schema(&fields)
}

pub(super) fn table_types() -> SchemaRef {
    schema(&[("table_type", Utf8, false)])
}

pub(super) fn primary_keys() -> SchemaRef {
    schema(&[
        ("catalog_name", Utf8, true),
        ("db_schema_name", Utf8, true),
        ("table_name", Utf8, false),
        ("column_name", Utf8, false),
        ("key_name", Utf8, true),
        ("key_sequence", Int32, false),
    ])
}

pub(super) fn foreign_keys() -> SchemaRef {
    schema(&[
        ("pk_catalog_name", Utf8, true),
        ("pk_db_schema_name", Utf8, true),
        ("pk_table_name", Utf8, false),
        ("pk_column_name", Utf8, false),
        ("fk_catalog_name", Utf8, true),
        ("fk_db_schema_name", Utf8, true),
        ("fk_table_name", Utf8, false),
        ("fk_column_name", Utf8, false),
        ("key_sequence", Int32, false),
        ("fk_key_name", Utf8, true),
        ("pk_key_name", Utf8, true),
        ("update_rule", UInt8, false),
        ("delete_rule", UInt8, false),
    ])
}
