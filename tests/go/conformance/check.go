package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// missing stands for what is not there.
type missing struct{}

var patterns = map[string]*regexp.Regexp{
	"$uuid":      regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	"$uuidv7":    regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	"$timestamp": regexp.MustCompile(`^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`),
	"$number":    regexp.MustCompile(``),
	"$integer":   regexp.MustCompile(`^[^.eE]+$`),
	"$natural":   regexp.MustCompile(`^[^-.eE][^.eE]*$`),
}

// mismatch is a place, as JSON pointer, where an answer is not as expected.
type mismatch struct{ path, expected, actual string }

func (m mismatch) String() string {
	return fmt.Sprintf("at %s\n  expected %s\n  actual   %s", m.path, m.expected, m.actual)
}

// mismatches gathers the places where an answer differs.
type mismatches []mismatch

func (m *mismatches) note(path, expected string, actual any) {
	found := "nothing"
	if _, absent := actual.(missing); !absent {
		found = shortened(encode(actual))
	}
	*m = append(*m, mismatch{path, shortened(expected), found})
}

func shortened(text string) string {
	if len(text) > 800 {
		return text[:800] + "…"
	}
	return text
}

func matches(expected, actual any) bool {
	var found mismatches
	found.value("", expected, actual)
	return len(found) == 0
}

// compareOutcome looks at the keys that the spec mentions; of headers, too.
func compareOutcome(expected, outcome *object) mismatches {
	var found mismatches
	for _, key := range expected.keys {
		wanted, actual := expected.at[key], lookup(outcome, key)
		headers, ok := wanted.(*object)
		if operator, _ := single1(headers); key == "headers" && ok && operator == "" {
			found.subset("/headers", headers, actual)
			continue
		}
		found.value("/"+key, wanted, actual)
	}
	return found
}

func lookup(in any, key string) any {
	holder, _ := in.(*object)
	if value, found := holder.get(key); found {
		return value
	}
	return missing{}
}

// single1 is the operator and argument of an object that is a matcher.
func single1(of *object) (string, any) {
	if of == nil || len(of.keys) != 1 || !strings.HasPrefix(of.keys[0], "$") {
		return "", nil
	}
	return of.keys[0], of.at[of.keys[0]]
}

func (m *mismatches) value(path string, expected, actual any) {
	switch expected := expected.(type) {
	case string:
		if !strings.HasPrefix(expected, "$") {
			m.literal(path, expected, actual)
		} else if holds, known := named(expected, actual); !known {
			m.note(path, "no matcher is called "+expected, actual)
		} else if !holds {
			m.note(path, expected, actual)
		}
	case *object:
		if operator, argument := single1(expected); operator != "" {
			m.operator(path, operator, argument, actual)
			return
		}
		found, ok := actual.(*object)
		if !ok {
			m.note(path, encode(expected), actual)
			return
		}
		m.subset(path, expected, actual)
		for _, key := range found.keys {
			if _, wanted := expected.at[key]; !wanted {
				m.note(path+"/"+key, "no such key", found.at[key])
			}
		}
	case []any:
		items, ok := actual.([]any)
		if !ok || len(items) != len(expected) {
			m.note(path, fmt.Sprintf("%d elements: %s", len(expected), encode(expected)), actual)
			return
		}
		for i, wanted := range expected {
			m.value(fmt.Sprintf("%s/%d", path, i), wanted, items[i])
		}
	default:
		m.literal(path, expected, actual)
	}
}

func (m *mismatches) literal(path string, expected, actual any) {
	if !same(expected, actual) {
		m.note(path, encode(expected), actual)
	}
}

func (m *mismatches) subset(path string, expected *object, actual any) {
	for _, key := range expected.keys {
		m.value(path+"/"+key, expected.at[key], lookup(actual, key))
	}
}

// same is equality with digits compared as text.
func same(left, right any) bool {
	l, ok := left.(*object)
	if !ok {
		if items, list := left.([]any); list {
			others, list := right.([]any)
			if !list || len(items) != len(others) {
				return false
			}
			for i := range items {
				if !same(items[i], others[i]) {
					return false
				}
			}
			return true
		}
		return reflect.DeepEqual(left, right)
	}
	r, ok := right.(*object)
	if !ok || len(l.keys) != len(r.keys) {
		return false
	}
	for _, key := range l.keys {
		if other, found := r.get(key); !found || !same(l.at[key], other) {
			return false
		}
	}
	return true
}

// named tells whether a matcher that is a name holds, and whether there is one of that name.
func named(name string, actual any) (holds, known bool) {
	_, absent := actual.(missing)
	text, isText := actual.(string)
	digits, isNumber := actual.(json.Number)
	switch name {
	case "$any":
		return !absent, true
	case "$absent":
		return absent, true
	case "$string":
		return isText, true
	case "$text":
		return text != "", true
	case "$boolean":
		_, is := actual.(bool)
		return is, true
	case "$array":
		_, is := actual.([]any)
		return is, true
	case "$object":
		_, is := actual.(*object)
		return is, true
	case "$uuid", "$uuidv7", "$timestamp":
		return isText && patterns[name].MatchString(text), true
	case "$number", "$integer", "$natural":
		return isNumber && patterns[name].MatchString(digits.String()), true
	}
	return false, false
}

// operator applies a matcher with an argument.
func (m *mismatches) operator(path, name string, argument, actual any) {
	list, _ := argument.([]any)
	items, isArray := actual.([]any)
	text, isText := actual.(string)
	switch name {
	case "$all_of":
		for _, wanted := range list {
			m.value(path, wanted, actual)
		}
		return
	case "$subset":
		if _, ok := actual.(*object); ok {
			m.subset(path, argument.(*object), actual)
			return
		}
	case "$each":
		if isArray {
			for i, item := range items {
				m.value(fmt.Sprintf("%s/%d", path, i), argument, item)
			}
			return
		}
	case "$json":
		if wanted, err := decode([]byte(argument.(string))); err == nil {
			m.value(path, wanted, actual)
			return
		}
	case "$parsed":
		if parsed, err := decode([]byte(text)); isText && err == nil {
			m.value(path, argument, parsed)
			return
		}
	default:
		if holds(name, argument, actual) {
			return
		}
	}
	m.note(path, name+" "+encode(argument), actual)
}

func holds(name string, argument, actual any) bool {
	text, isText := actual.(string)
	items, isArray := actual.([]any)
	list, isList := argument.([]any)
	switch name {
	case "$eq":
		return same(argument, actual)
	case "$not":
		return !matches(argument, actual)
	case "$any_of":
		return some(list, func(option any) bool { return matches(option, actual) })
	case "$regex":
		pattern, err := regexp.Compile(argument.(string))
		return err == nil && isText && pattern.MatchString(text)
	case "$contains":
		if !isList {
			list = []any{argument}
		}
		return isText && !some(list, func(part any) bool { return !strings.Contains(text, part.(string)) })
	case "$starts", "$ends":
		if !isList {
			part := argument.(string)
			return isText && (name == "$starts" && strings.HasPrefix(text, part) || name == "$ends" && strings.HasSuffix(text, part))
		}
		if !isArray || len(items) < len(list) {
			return false
		}
		if name == "$ends" {
			items = items[len(items)-len(list):]
		}
		return matches(argument, append([]any{}, items[:len(list)]...))
	case "$unordered":
		return isArray && len(items) == len(list) && allFound(list, items)
	case "$includes":
		return isArray && allFound(list, items)
	case "$length":
		if isText {
			return matches(argument, number(utf8.RuneCountInString(text)))
		}
		return isArray && matches(argument, number(len(items)))
	case "$between":
		return between(list, actual)
	case "$float":
		wanted, wrong := strconv.ParseFloat(argument.(string), 64)
		found, err := strconv.ParseFloat(asNumber(actual), 64)
		return wrong == nil && err == nil && wanted == found
	}
	return false
}

func some(list []any, is func(any) bool) bool {
	for _, item := range list {
		if is(item) {
			return true
		}
	}
	return false
}

// allFound tells whether each wanted element matches an element of its own.
func allFound(wanted, items []any) bool {
	left := append([]any{}, items...)
	for _, each := range wanted {
		at := -1
		for i, item := range left {
			if matches(each, item) {
				at = i
				break
			}
		}
		if at < 0 {
			return false
		}
		left = append(left[:at], left[at+1:]...)
	}
	return true
}

func asNumber(value any) string {
	digits, _ := value.(json.Number)
	return digits.String()
}

func between(ends []any, actual any) bool {
	if low, ok := ends[0].(string); ok {
		text, isText := actual.(string)
		return isText && low <= text && text <= ends[1].(string)
	}
	var numbers [3]float64
	for i, value := range []any{ends[0], actual, ends[1]} {
		parsed, err := strconv.ParseFloat(asNumber(value), 64)
		if err != nil {
			return false
		}
		numbers[i] = parsed
	}
	return numbers[0] <= numbers[1] && numbers[1] <= numbers[2]
}
