package conformance

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

var defaultFlags = []any{"--allow-any-user"}

// specCase is one behaviour, ready to run: one row of a table, over one door.
type specCase struct {
	file, name string
	clauses    []string
	server     []string
	tenants    []string
	door       string
	steps      []any
}

// String is the case's name in every language's report.
func (c specCase) String() string {
	if c.door == "" {
		return c.file + "/" + c.name
	}
	return fmt.Sprintf("%s/%s [%s]", c.file, c.name, c.door)
}

// loadAll reads every case below the spec folder.
func loadAll(folder string) ([]specCase, error) {
	var cases []specCase
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		name, _ := filepath.Rel(folder, strings.TrimSuffix(path, ".yaml"))
		found, err := load(path, filepath.ToSlash(name), folder)
		cases = append(cases, found...)
		return err
	})
	return cases, err
}

func load(path, file, folder string) ([]specCase, error) {
	content, err := readYAML(path)
	if err != nil {
		return nil, err
	}
	var cases []specCase
	whole := content.(*object)
	for _, raw := range list(whole, "cases") {
		each := raw.(*object)
		rows, names := tableRows(each)
		for i, vars := range rows {
			steps, err := fill(append(append([]any{}, list(whole, "before")...), list(each, "steps")...), vars, true)
			if err != nil {
				return nil, err
			}
			vars["spec"] = folder
			server, err := fill(firstList(defaultFlags, each, whole, "server"), vars, true)
			if err != nil {
				return nil, err
			}
			for _, door := range doors(each, steps.([]any)) {
				made := specCase{file: file, name: each.text("name") + names[i], door: door, steps: steps.([]any)}
				made.clauses = texts(list(each, "clauses"))
				made.server = texts(server.([]any))
				made.tenants = texts(firstList([]any{"default"}, each, nil, "tenants"))
				cases = append(cases, made)
			}
		}
	}
	return cases, nil
}

func list(in *object, key string) []any {
	value, _ := in.get(key)
	items, _ := value.([]any)
	return items
}

// firstList is that of the case, else that of the file, else the fallback; an empty list counts.
func firstList(fallback []any, each, whole *object, key string) []any {
	for _, in := range []*object{each, whole} {
		if value, found := in.get(key); found {
			return value.([]any)
		}
	}
	return fallback
}

func texts(items []any) []string {
	made := []string{}
	for _, item := range items {
		made = append(made, asText(item))
	}
	return made
}

// tableRows are the variables of each row, and the rows' names.
func tableRows(each *object) ([]map[string]any, []string) {
	value, found := each.get("table")
	if !found {
		return []map[string]any{{}}, []string{""}
	}
	table := value.(*object)
	var rows []map[string]any
	var names []string
	columns := list(table, "columns")
	for i, raw := range list(table, "rows") {
		row := raw.([]any)
		vars := map[string]any{}
		for at, column := range columns {
			vars[column.(string)] = row[at]
		}
		rows = append(rows, vars)
		names = append(names, fmt.Sprintf(" [%d]", i+1))
	}
	return rows, names
}

func doors(each *object, steps []any) []string {
	open := func(step any) bool {
		_, sql := step.(*object).get("sql")
		_, fixed := step.(*object).get("door")
		return sql && !fixed
	}
	if !some(steps, open) {
		return []string{""}
	}
	return texts(firstList([]any{"rest", "flight"}, each, nil, "doors"))
}
