package adbc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

func shop(t *testing.T) adbc.Connection {
	connection := connect(t, database(t))
	update(t, connection, "CREATE SCHEMA shop")
	update(t, connection, "CREATE TABLE shop.item (id INTEGER PRIMARY KEY, label VARCHAR NOT NULL, price DECIMAL(10, 2))")
	update(t, connection, "CREATE TABLE shop.sale (item INTEGER REFERENCES shop.item (id), sold TIMESTAMP)")
	update(t, connection, "CREATE VIEW shop.cheap AS SELECT * FROM shop.item WHERE price < 1")
	return connection
}

// outline writes the objects as indented names, so that a depth shows at a glance.
func outline(t *testing.T, objects string) string {
	var lines []string
	list := func(of any) []any { items, _ := of.([]any); return items }
	add := func(depth int, name any) { lines = append(lines, strings.Repeat(" ", depth)+fmt.Sprint(name)) }
	for _, catalog := range decoded(t, objects) {
		add(0, catalog["catalog_name"])
		for _, schema := range list(catalog["catalog_db_schemas"]) {
			add(1, schema.(map[string]any)["db_schema_name"])
			for _, table := range list(schema.(map[string]any)["db_schema_tables"]) {
				add(2, table.(map[string]any)["table_name"])
				for _, column := range list(table.(map[string]any)["table_columns"]) {
					add(3, column.(map[string]any)["column_name"])
				}
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestObjectsAreListedAtEveryDepth(t *testing.T) {
	connection := shop(t)
	memory, schema, item := "memory", "shop", "item"
	for depth, expected := range map[adbc.ObjectDepth]string{
		adbc.ObjectDepthCatalogs:  "memory",
		adbc.ObjectDepthDBSchemas: "memory\n shop",
		adbc.ObjectDepthTables:    "memory\n shop\n  item",
		adbc.ObjectDepthColumns:   "memory\n shop\n  item\n   id\n   label\n   price",
	} {
		reader, err := connection.GetObjects(within(t), depth, &memory, &schema, &item, nil, nil)
		must(t, err)
		equal(t, expected, outline(t, rows(t, reader)))
	}
}

func TestObjectsAreFilteredByColumnAndType(t *testing.T) {
	connection := shop(t)
	memory, schema, label := "memory", "sh%", "lab%"
	reader, err := connection.GetObjects(within(t), adbc.ObjectDepthColumns, &memory, &schema, nil, &label, []string{"VIEW"})
	must(t, err)
	equal(t, "memory\n shop\n  cheap\n   label", outline(t, rows(t, reader)))
}

func TestColumnsSayTheirTypes(t *testing.T) {
	connection := shop(t)
	memory, schema, sale := "memory", "shop", "sale"
	reader, err := connection.GetObjects(within(t), adbc.ObjectDepthAll, &memory, &schema, &sale, nil, nil)
	must(t, err)
	text := rows(t, reader)
	for _, part := range []string{`"xdbc_type_name":"INTEGER"`, `"xdbc_type_name":"TIMESTAMP"`, `"xdbc_data_type":93`, `"ordinal_position":2`} {
		if !strings.Contains(text, part) {
			t.Fatalf("%s is missing in %s", part, text)
		}
	}
}

func TestATableHasItsSchema(t *testing.T) {
	connection := shop(t)
	memory, in := "memory", "shop"
	found := try[*arrow.Schema](t)(connection.GetTableSchema(within(t), &memory, &in, "item"))
	var fields []string
	for _, each := range found.Fields() {
		fields = append(fields, fmt.Sprint(each.Name, " ", each.Type, " ", each.Nullable))
	}
	equal(t, []string{"id int32 false", "label utf8 false", "price decimal(10, 2) true"}, fields)
	if _, err := connection.GetTableSchema(within(t), &memory, &in, "missing"); err == nil {
		t.Fatal("a missing table has no schema")
	}
}

func TestTableTypesAreListed(t *testing.T) {
	reader := try[array.RecordReader](t)(connect(t, database(t)).GetTableTypes(within(t)))
	equal(t, `{"table_type":"BASE TABLE"}`+"\n"+`{"table_type":"LOCAL TEMPORARY"}`+"\n"+`{"table_type":"VIEW"}`, rows(t, reader))
}

func TestTheServerDescribesItself(t *testing.T) {
	codes := []adbc.InfoCode{adbc.InfoVendorName, adbc.InfoVendorSql, adbc.InfoVendorSubstrait}
	reader := try[array.RecordReader](t)(connect(t, database(t)).GetInfo(within(t), codes))
	described := map[string]any{}
	for _, row := range decoded(t, rows(t, reader)) {
		described[fmt.Sprint(row["info_name"])] = row["info_value"]
	}
	equal(t, "map[0:[0 Altertable Flight SQL Server] 3:[1 true] 4:[1 false]]", described)
}
